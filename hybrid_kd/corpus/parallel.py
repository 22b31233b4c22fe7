"""The same work on many items, in a few processes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hybrid_kd.errors import HybridKdError
from hybrid_kd.processes import Report, run_jobs

Item = TypeVar("Item")


def for_each(do: Callable[[Item], None], items: Sequence[Item], *, nj: int, log_dir: Path, what: str) -> None:
    """Call ``do(item)`` for each, every nj-th in the same process, which logs to LOG_DIR/WHAT.JOB.log.

    Raises: the first HybridKdError or OSError of ``do``; HybridKdError if ``nj`` is below 1.
    """
    if nj < 1:
        raise HybridKdError.at("--nj", f"{nj} processes", fix="give at least 1")
    num_jobs = min(nj, len(items))
    name = what.replace(" ", "_")

    def work(job: int, report: Report) -> None:
        for item in items[job - 1 :: num_jobs]:
            do(item)
            report(str(item))

    jobs = range(1, num_jobs + 1)
    run_jobs(work, jobs, log=lambda job: log_dir / f"{name}.{job}.log", total=len(items), what=what)
