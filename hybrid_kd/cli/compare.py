"""``hybrid-kd compare``."""

from hybrid_kd.scoring.options import CompareOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Compare two scored decode directories and print the report."""
    from hybrid_kd.scoring.compare import compare_directories

    print(compare_directories(options))
