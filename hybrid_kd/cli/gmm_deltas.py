"""``hybrid-kd gmm deltas``."""

from hybrid_kd.gmm.options import TriphoneOptions as Options
from hybrid_kd.gmm.options import use_one_thread

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Train triphones on MFCC with deltas."""
    use_one_thread()
    from hybrid_kd.gmm.stages import train_deltas

    train_deltas(options)
