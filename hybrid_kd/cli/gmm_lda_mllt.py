"""``hybrid-kd gmm lda-mllt``."""

from hybrid_kd.gmm.options import TriphoneOptions as Options
from hybrid_kd.gmm.options import use_one_thread

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Train triphones on LDA + MLLT features."""
    use_one_thread()
    from hybrid_kd.gmm.stages import train_lda_mllt

    train_lda_mllt(options)
