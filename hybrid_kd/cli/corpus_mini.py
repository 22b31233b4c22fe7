"""``hybrid-kd corpus mini``."""

from hybrid_kd.corpus.options import MiniOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Make the corpus."""
    from hybrid_kd.corpus.mini import make_mini_corpus

    make_mini_corpus(options)
