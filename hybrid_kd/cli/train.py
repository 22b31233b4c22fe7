"""``hybrid-kd train``."""

from hybrid_kd.training.options import TrainOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Train a system."""
    from hybrid_kd.training.system import train_system

    train_system(options)
