"""``hybrid-kd sweep``."""

from hybrid_kd.sweep.options import SweepOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Run a study."""
    from hybrid_kd.sweep.runner import run_sweep

    run_sweep(options)
