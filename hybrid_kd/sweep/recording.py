"""Writes a finished system into the results file at once."""

import logging
import threading
from pathlib import Path

from hybrid_kd.report.collect_study import add_finished
from hybrid_kd.report.records import SystemResult

logger = logging.getLogger(__name__)

_one_at_a_time = threading.Lock()


def record_system(directory: Path, results: Path) -> SystemResult:
    """Collect what a system's directory tells, and put it into ``results``, atomically.

    Raises: HybridKdError if a file of the system is broken, or its sets are others than those of the file.
    """
    with _one_at_a_time:
        return add_finished(results, directory)


def delete_lattices(directory: Path) -> None:
    """Delete lat.JOB.gz of the system; scores and errors by utterance stay."""
    lattices = list(directory.glob("decode_*/lat.*.gz"))
    size = sum(file.stat().st_size for file in lattices)
    for file in lattices:
        file.unlink()
    logger.info("%s: recorded; lattices deleted, %.0f MB", directory, size / 1e6)
