"""``torchrun -m hybrid_kd train``: what it writes, how it is interrupted and goes on, how it fails."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.cli.main import main
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment

ROOT = Path(__file__).resolve().parents[2]
# A shell's background jobs begin with Ctrl-C ignored.
LAUNCH = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from torch.distributed.run import main
main()
"""
EPOCHS = ("--max-iters", "15", "--min-iters", "15", "--dropout", "0.1")
WAIT_S = 120


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyExperiment:
    return make_tiny_experiment(tmp_path_factory.mktemp("tiny"))


def start(*args: str) -> subprocess.Popen[str]:
    """Start `hybrid-kd train` in two processes."""
    torchrun = [sys.executable, "-c", LAUNCH, "--standalone", "--nproc-per-node", "2", "-m", "hybrid_kd"]
    return subprocess.Popen(
        [*torchrun, "train", *args],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def stderr_of(process: subprocess.Popen[str]) -> str:
    """What it said until its end, which must come."""
    try:
        return process.communicate(timeout=WAIT_S)[1]
    finally:
        process.kill()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while not path.is_file():
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.01)


def records(directory: Path) -> Iterator[dict[str, Any]]:
    for line in (directory / "train.jsonl").read_text().splitlines():
        yield {key: value for key, value in json.loads(line).items() if key != "seconds"}


@pytest.fixture(scope="module")
def whole(tiny: TinyExperiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A training in two processes that nothing stopped, and what was said."""
    out = tmp_path_factory.mktemp("whole") / "out"
    process = start(*tiny.train_args(out), *EPOCHS)
    stderr = stderr_of(process)
    assert process.returncode == 0, stderr
    return out, stderr


def test_the_first_epoch_in_float32_is_that_of_one_process(
    whole: tuple[Path, str], tiny: TinyExperiment, tmp_path: Path
) -> None:
    assert main(["train", *tiny.train_args(tmp_path / "alone"), *EPOCHS, "--max-iters", "1"]) == 0
    shared, alone = (list(records(out))[:2] for out in (whole[0], tmp_path / "alone"))
    for ours, theirs in zip(alone, shared, strict=True):
        assert ours["dev_cross_entropy"] == pytest.approx(theirs["dev_cross_entropy"], abs=1e-3)


def test_one_process_writes_and_speaks_for_both(whole: tuple[Path, str]) -> None:
    out, stderr = whole
    assert {path.name for path in out.iterdir()} == {
        *("config.yaml", "final.safetensors", "final.mdl", "ali_train_pdf.counts", "feature_transform"),
        *("log", "train.jsonl", "provenance.json", "SHA256SUMS"),
    }
    assert stderr.count("epoch 15:") == 1
    assert stderr.count("in 2 processes") == 1
    assert (out / "log" / "train.log").read_text().count("epoch 15:") == 1
    assert json.loads((out / "provenance.json").read_text())["processes"] == 2


def test_an_interrupted_training_says_so_once_and_goes_on_to_the_same_bits(
    whole: tuple[Path, str], tiny: TinyExperiment, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(*tiny.train_args(out), *EPOCHS)
    wait_for(out / "checkpoint.safetensors")
    process.send_signal(signal.SIGINT)
    assert stderr_of(process).count("interrupted; the same command continues") == 1
    assert process.returncode != 0
    assert not (out / "final.safetensors").exists()
    again = start(*tiny.train_args(out), *EPOCHS)
    assert "continuing after epoch" in stderr_of(again)
    assert (out / "final.safetensors").read_bytes() == (whole[0] / "final.safetensors").read_bytes()
    assert list(records(out)) == list(records(whole[0]))


def test_an_error_of_both_processes_is_said_once(tiny: TinyExperiment, tmp_path: Path) -> None:
    process = start(*tiny.train_args(tmp_path / "out"), "--train-data", "absent")
    assert stderr_of(process).count("hybrid-kd train: absent: no such directory") == 1
    assert process.returncode == 1
    assert not (tmp_path / "out").exists()


def test_an_error_of_one_process_ends_the_other(tiny: TinyExperiment, tmp_path: Path) -> None:
    """Only the first reads the checkpoint; the other waits for what is in it."""
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nonsense")
    process = start(*tiny.train_args(tmp_path))
    assert stderr_of(process).count("broken checkpoint") == 1
    assert process.returncode == 1


def test_a_killed_process_ends_the_other(tiny: TinyExperiment, tmp_path: Path) -> None:
    """It says nothing itself: the other one, or torchrun before it, tells of it."""
    process = start(*tiny.train_args(tmp_path / "out"), "--max-iters", "500", "--min-iters", "500")
    wait_for(tmp_path / "out" / "checkpoint.safetensors")
    ps = ["ps", "--ppid", str(process.pid), "-o", "pid="]
    *_, last = subprocess.run(ps, capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(last), signal.SIGKILL)
    stderr = stderr_of(process)
    assert process.returncode == 1
    assert "lost the other processes of this training" in stderr or "SIGKILL" in stderr


def test_bad_flags_are_said_by_the_first_process_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit):
            main(["train", "--nonsense"])
        assert ("nonsense" in capsys.readouterr().err) == (rank == "0")
