"""Commands with logs, several at a time, that end with the sweep."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.sweep.lock import locked
from hybrid_kd.sweep.programs import Programs
from tests.conftest import ROOT
from tests.sweep.conftest import Commands
from tests.sweep.experiment import TinyStudy
from tests.waiting import PATIENCE_S, has_ended, wait_until


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a directory; `bash -c` stands for hybrid-kd."""
    monkeypatch.setattr("hybrid_kd.sweep.programs.HYBRID_KD", ("bash", "-c"))
    with locked(tmp_path / "exp") as descriptor:
        yield descriptor


def test_what_a_command_says_is_in_its_log(tmp_path: Path, lock: int) -> None:
    Programs([], threads=3, lock=lock).run(
        ["echo $OMP_NUM_THREADS; echo b >&2"], tmp_path / "log" / "x.JOB.log"
    )
    text = (tmp_path / "log/x.1.log").read_text()
    assert text == "# bash -c 'echo $OMP_NUM_THREADS; echo b >&2'\n3\nb\n"


def test_a_failure_names_the_log_and_its_last_lines(tmp_path: Path, lock: int) -> None:
    programs = Programs([], threads=1, lock=lock)
    message = r"x\.1\.log: `hybrid-kd .*` ended with status 7\n  fix: mend this:\n    b\n      fix: c"
    with pytest.raises(HybridKdError, match=message):
        programs.run(["echo a; echo b; echo '  fix: c'; exit 7"], tmp_path / "x.JOB.log")
    with pytest.raises(HybridKdError, match=r"was killed by signal 9\n.*\n    its log is empty"):
        programs.run(["kill -9 $$"], tmp_path / "x.JOB.log")


def test_a_command_goes_through_cmd(tmp_path: Path, lock: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    programs = Programs(["run.pl", "--mem", "1G"], threads=1, lock=lock)
    programs.run(["true"], tmp_path / "x.JOB.log", num_jobs=2)
    assert {path.name for path in tmp_path.glob("x.*")} == {"x.1.cmd", "x.1.log", "x.2.log"}
    with pytest.raises(HybridKdError, match=r"x\.1\.log: `hybrid-kd false` ended with status 1"):
        programs.run(["false"], tmp_path / "x.JOB.log")
    with pytest.raises(HybridKdError, match=r"--cmd: no-such\.pl: No such file"):
        Programs(["no-such.pl"], threads=1, lock=lock).run(["true"], tmp_path / "y.JOB.log")


def test_to_stop_ends_commands_and_all_that_they_began(tmp_path: Path, lock: int) -> None:
    programs = Programs([], threads=1, lock=lock)
    ends: list[BaseException] = []
    pid_file = tmp_path / "pid"

    def work() -> None:
        try:
            programs.run([f"sleep 600 & echo $! > {pid_file}; wait"], tmp_path / "x.JOB.log")
        except InterruptedError as error:
            ends.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the command starts another")
    programs.stop()
    thread.join(PATIENCE_S)
    assert len(ends) == 1
    with pytest.raises(InterruptedError):
        programs.run(["true"], tmp_path / "x.JOB.log")
    wait_until(lambda: has_ended(int(pid_file.read_text())), "what the command started ends")


def test_a_command_that_outlives_its_sweep_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid_kd.sweep.programs.HYBRID_KD", ("bash", "-c"))
    held = tmp_path / "held"
    held.touch()
    with locked(tmp_path) as descriptor:
        outlives = f"while [ -e {held} ]; do sleep 0.01; done & true"
        Programs([], threads=1, lock=descriptor).run([outlives], tmp_path / "x.JOB.log")
    with (
        pytest.raises(HybridKdError, match=r"process \d+ sweeps here, or a command that it began"),
        locked(tmp_path),
    ):
        pass
    held.unlink()
    wait_until(lambda: is_free(tmp_path), "the lock is given back")


def is_free(path: Path) -> bool:
    try:
        with locked(path):
            return (path / ".sweep.lock").is_file()
    except HybridKdError:
        return False


def test_a_sweep_that_is_ended_takes_its_commands_along_and_continues(
    study: TinyStudy, commands: Commands
) -> None:
    study.write(systems="  - {hard_weight: 1}\n", teachers="seeds: [0]", max_iters=20)
    arguments = ["sweep", "--config", str(study.config), "--no-trial"]
    sweep = subprocess.Popen(
        [sys.executable, "-m", "hybrid_kd", *arguments], stderr=subprocess.PIPE, text=True
    )
    log = study.exp / "hard_s0/log/train.1.log"
    wait_until(lambda: sweep.poll() is not None or log.is_file(), "the training starts")
    sweep.send_signal(signal.SIGTERM)
    _, errors = sweep.communicate(timeout=PATIENCE_S)
    assert (sweep.returncode, errors) == (130, "hybrid-kd sweep: interrupted; the same command continues\n")
    with locked(study.exp):  # nothing that it began is alive
        assert study.lines() == {}
    assert study.run() == 0
    assert set(study.lines()) == {"hard_s0"}
