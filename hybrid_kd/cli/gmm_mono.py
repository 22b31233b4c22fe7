"""``hybrid-kd gmm mono``."""

from hybrid_kd.gmm.options import MonoOptions as Options
from hybrid_kd.gmm.options import use_one_thread

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Train monophones."""
    use_one_thread()
    from hybrid_kd.gmm.stages import train_mono

    train_mono(options)
