"""``hybrid-kd gmm sat``."""

from hybrid_kd.gmm.options import TriphoneOptions as Options
from hybrid_kd.gmm.options import use_one_thread

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Train triphones on fMLLR features, adapted to each speaker."""
    use_one_thread()
    from hybrid_kd.gmm.stages import train_sat

    train_sat(options)
