"""``hybrid-kd corpus remix``."""

from hybrid_kd.corpus.options import RemixOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Mix."""
    from hybrid_kd.corpus.remix import remix

    remix(options)
