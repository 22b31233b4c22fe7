"""``hybrid-kd gmm align``."""

from hybrid_kd.gmm.options import AlignOptions as Options
from hybrid_kd.gmm.options import use_one_thread

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Align."""
    use_one_thread()
    from hybrid_kd.gmm.align import align_directory

    align_directory(options)
