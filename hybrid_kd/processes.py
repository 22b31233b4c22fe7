"""Parallel jobs in forked processes: progress, errors and Ctrl-C."""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import Any

from hybrid_kd.current_input import InputNote
from hybrid_kd.errors import HybridKdError
from hybrid_kd.progress import track

SECONDS_TO_STOP = 3.0
STOPPING = (signal.SIGINT, signal.SIGTERM)

Report = Callable[[str], None]


def run_jobs(
    work: Callable[[int, Report], None],
    jobs: Sequence[int],
    *,
    log: Callable[[int], Path],
    total: int,
    what: str,
) -> None:
    """Run ``work(job, report)`` for each job in a process of its own, all at once.

    ``work`` is inherited by fork, with all that it closes over, and calls ``report(utt_id)`` after each of
    the ``total`` utterances. A job's log messages go to the file ``log(job)``. On an error or an
    interruption the other processes are stopped, and have time to remove what is half written.

    Raises: HybridKdError of the first job that fails, or if a process dies.
    """
    context = multiprocessing.get_context("fork")
    processes: dict[Connection, tuple[int, ForkProcess]] = {}
    notes = {job: InputNote() for job in jobs}
    try:
        with held_signals():
            for job in jobs:
                receiver, sender = context.Pipe(duplex=False)
                args = (work, job, sender, log(job), notes[job])
                process = context.Process(target=_run_one, args=args, daemon=True)
                process.start()
                sender.close()
                processes[receiver] = job, process
        for _ in track(_reports(dict(processes), log, notes), total=total, what=what):
            pass
    finally:
        stop_processes([process for _, process in processes.values()])


@contextmanager
def held_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: in the middle of a fork they would be lost, or meet no handler."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reports(
    running: dict[Connection, tuple[int, ForkProcess]],
    log: Callable[[int], Path],
    notes: Mapping[int, InputNote],
) -> Iterator[str]:
    """Yield the utterances that are reported until every process has ended."""
    while running:
        for connection in wait(list(running)):
            assert isinstance(connection, Connection)
            try:
                message = connection.recv()
            except EOFError:
                job, process = running.pop(connection)
                process.join()
                if process.exitcode:
                    raise _died(process.exitcode, log(job), notes[job]) from None
                continue
            if isinstance(message, BaseException):
                raise message
            yield message


def _died(exit_code: int, log: Path, note: InputNote) -> HybridKdError:
    reason = f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with status {exit_code}"
    fix = "see the end of this log" + (
        "; it may have been out of memory: use a smaller --nj" if exit_code == -9 else ""
    )
    return HybridKdError.at(log, f"the process of this job {reason}{note}", fix=fix)


def stop_processes(processes: Sequence[ForkProcess]) -> None:
    """Terminate processes; kill those that take more than 3 s to end."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join(SECONDS_TO_STOP)
        if process.is_alive():
            process.kill()
            process.join()


def _run_one(
    work: Callable[[int, Report], None], job: int, sender: Connection, log: Path, note: InputNote
) -> None:
    """The child: leaves Ctrl-C to the parent, ends cleanly when that stops it, and does not outlive it."""
    note.use()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _raise_system_exit)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    parent = os.getppid()

    def report(utt_id: str) -> None:
        if os.getppid() != parent:
            raise SystemExit(1)
        sender.send(utt_id)

    log.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=log, filemode="w", level=logging.INFO, format="%(message)s", force=True)
    try:
        work(job, report)
    except (HybridKdError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)
        sender.send(error)
    except Exception:
        logging.getLogger(__name__).exception("job %d", job)
        raise SystemExit(1) from None


def _raise_system_exit(_signal: int, _frame: FrameType | None) -> Any:
    raise SystemExit(128 + signal.SIGTERM)
