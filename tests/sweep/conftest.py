"""Fixtures: a study whose commands run in this process, which is quicker than ten starts of Python."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.errors import HybridKdError
from hybrid_kd.sweep.programs import Programs
from tests.sweep.experiment import TinyStudy, make_tiny_study


class InThisThread:
    """Stands for ThreadPoolExecutor: decoding forks, which is for the main thread."""

    def __init__(self, _num_threads: int) -> None:
        pass

    def __enter__(self) -> "InThisThread":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Work at once."""
        future: Future[None] = Future()
        try:
            work()
            future.set_result(None)
        except Exception as error:
            future.set_exception(error)
        return future


class Commands:
    """What was run; the next command whose arguments hold ``breaks`` fails."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.breaks: str | None = None
        self.interrupts: str | None = None

    def run(self, args: Sequence[str], log: Path, *, num_jobs: int = 1) -> None:
        """Stands for Programs.run."""
        command = " ".join(args)
        if self.interrupts is not None and self.interrupts in command:
            raise KeyboardInterrupt
        if self.breaks is not None and self.breaks in command:
            raise HybridKdError.at(log, f"`hybrid-kd {args[0]}` ended with status 1", fix="mend this")
        level = logging.getLogger().level
        assert main(args) == 0, command
        logging.getLogger().setLevel(level)
        self.done.append(
            f"{args[0]} {Path(args[args.index('--out') + 1] if '--out' in args else args[1]).name}"
        )

    def of(self, name: str) -> list[str]:
        """Last words of the commands of this name."""
        return [words.partition(" ")[2] for words in self.done if words.startswith(f"{name} ")]


@pytest.fixture
def study(tmp_path: Path) -> TinyStudy:
    return make_tiny_study(tmp_path)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    found = Commands()
    monkeypatch.setattr(Programs, "run", found.run)
    monkeypatch.setattr("hybrid_kd.sweep.tasks.ThreadPoolExecutor", InThisThread)
    return found
