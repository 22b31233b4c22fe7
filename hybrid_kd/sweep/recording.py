"""Writes a finished system into the results file at once."""

import logging
import threading
from pathlib import Path

from hybrid_kd.report.collect import read_system
from hybrid_kd.report.collect_study import complete_study
from hybrid_kd.report.record_file import merge_studies, read_study, write_study
from hybrid_kd.report.records import Study, SystemResult

logger = logging.getLogger(__name__)

_one_at_a_time = threading.Lock()


def record_system(directory: Path, results: Path) -> SystemResult:
    """Collect what a system's directory tells, and put it into ``results``, atomically.

    Raises: HybridKdError if a file of the system is broken, or its sets are others than those of the file.
    """
    with _one_at_a_time:
        collected = complete_study(directory.parent, [read_system(directory, [])])
        kept = read_study(results) if results.is_file() else Study()
        write_study(results, merge_studies(kept, collected, path=results))
    return collected.systems[0]


def delete_lattices(directory: Path) -> None:
    """Delete lat.JOB.gz of the system; scores and errors by utterance stay."""
    lattices = list(directory.glob("decode_*/lat.*.gz"))
    size = sum(file.stat().st_size for file in lattices)
    for file in lattices:
        file.unlink()
    logger.info("%s: recorded; lattices deleted, %.0f MB", directory, size / 1e6)
