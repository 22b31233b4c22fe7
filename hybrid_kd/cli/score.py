"""``hybrid-kd score``."""

from hybrid_kd.scoring.options import ScoreOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Score a decode directory and print the report."""
    from hybrid_kd.scoring.score_dir import score_directory

    print(score_directory(options))
