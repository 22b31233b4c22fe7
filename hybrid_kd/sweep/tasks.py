"""Work that depends on other work, several pieces at a time; what fails does not stop the rest."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from hybrid_kd.errors import HybridKdError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """``work`` begins when all tasks that it ``needs`` have ended well."""

    name: str
    work: Callable[[], None]
    needs: tuple[str, ...] = ()


def run_tasks(tasks: Sequence[Task], *, jobs: int, stop: Callable[[], None]) -> dict[str, str]:
    """Run all of them in threads, earlier ones first where they may; the failures, in words, by task.

    ``stop`` ends what the threads wait for; it is called on an interruption or a mistake of ours.
    """
    waiting, done = list(tasks), set[str]()
    failures: dict[str, str] = {}
    running: dict[Future[None], Task] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or running:
                waiting = _without_hopeless(waiting, failures)
                ready = [task for task in waiting if done.issuperset(task.needs)][: jobs - len(running)]
                assert ready or running or not waiting, "tasks that need each other, or one that is not there"
                for task in ready:
                    waiting.remove(task)
                    running[pool.submit(task.work)] = task
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _note(running.pop(future).name, future.exception(), done, failures)
        except BaseException:
            stop()
            raise
    return failures


def _without_hopeless(waiting: Sequence[Task], failures: dict[str, str]) -> list[Task]:
    """Those that need nothing that failed; the others fail too."""
    hopeful = list(waiting)
    while hopeless := [task for task in hopeful if not failures.keys().isdisjoint(task.needs)]:
        for task in hopeless:
            hopeful.remove(task)
            failed = next(name for name in task.needs if name in failures)
            failures[task.name] = f"not begun, since {failed} failed"
    return hopeful


def _note(name: str, error: BaseException | None, done: set[str], failures: dict[str, str]) -> None:
    if error is None:
        done.add(name)
    elif isinstance(error, HybridKdError | OSError):
        failures[name] = str(error)
        logger.error("%s failed: %s", name, error)
    else:
        raise error
