"""Ctrl-C and kill in the middle of a command: nothing half written has a name, the same call continues."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hybrid_kd.archives.data_dir import DataDir, write_data_dir
from hybrid_kd.cli.main import main
from hybrid_kd.gmm import stages
from hybrid_kd.gmm.model_dir import read_gmm_model_dir
from hybrid_kd.gmm.training import MONO
from hybrid_kd.gmm.training_state import CHECKPOINT
from tests.cli.test_features import content, write_noise
from tests.gmm.experiment import lang_dir, write_golden_data
from tests.waiting import PATIENCE_S, wait_until


def interrupt(args: list[str], wait_for: Path, stop: signal.Signals, *, release: Path | None = None) -> int:
    """Run hybrid-kd until a file is there, then send it the signal; its exit status.

    ``release`` is a file that its processes wait for: it goes once the command has ended.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "hybrid_kd", *args],
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: wait_for.exists() or process.poll() is not None, f"{wait_for.name} is written")
    assert process.poll() is None
    process.send_signal(stop)
    status = process.wait(PATIENCE_S)
    if release is not None:
        release.unlink()
    wait_until(lambda: not _is_running(process.pid), "the processes of the command end")
    return status


def _is_running(session: int) -> bool:
    """Whether a process of the session lives."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def files_of(path: Path) -> set[str]:
    return {
        str(file.relative_to(path)) for file in path.rglob("*") if file.is_file() and file.suffix != ".log"
    }


@pytest.fixture
def held(tmp_path: Path) -> DataDir:
    """Two parts' worth of utterances; the audio of the last one comes only when ``held`` is gone."""
    wav = write_noise(tmp_path / "a.wav", seed=0)
    wavs = {f"a_{number:03d}": wav for number in range(66)}
    wavs["a_065"] = f"while [ -e {tmp_path}/held ]; do sleep 0.05; done; cat {wav} |"
    (tmp_path / "held").touch()
    return write_data_dir(tmp_path / "data", utt2spk=dict.fromkeys(wavs, "a"), tables={"wav.scp": wavs})


@pytest.mark.parametrize(("stop", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_features_go_on_where_they_were_stopped(
    held: DataDir, tmp_path: Path, stop: signal.Signals, expected: int
) -> None:
    out, args = tmp_path / "out", ["features", "--data", str(held.path), "--allow-pipes", "--nj", "2"]
    first = out / ".parts/0.json"
    assert interrupt([*args, "--out", str(out)], first, stop, release=tmp_path / "held") == expected
    assert {name for name in files_of(out) if not name.startswith(".parts/")} == {"features.json"}
    assert list(out.glob(".parts/*.json")) == [first]
    assert main([*args, "--out", str(out)]) == 0
    assert main([*args, "--out", str(tmp_path / "whole")]) == 0
    assert content(out) == content(tmp_path / "whole")


@pytest.mark.parametrize(("stop", "expected"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_gmm_stage_goes_on_where_it_was_stopped(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: signal.Signals, expected: int
) -> None:
    data, out = write_golden_data(shared, tmp_path / "data"), tmp_path / "mono"
    args = ["gmm", "mono", "--data", str(data), "--lang", str(lang_dir(shared)), "--num-gauss", "150"]
    assert interrupt([*args, "--out", str(out)], out / CHECKPOINT, stop) == expected
    begun = {"config.yaml", "provenance.json", "phones.txt", "cmvn_opts", "tree", CHECKPOINT}
    assert {name for name in files_of(out) if not name.endswith(".partial")} == begun
    monkeypatch.setattr(stages, "MONO", replace(MONO, num_iters=4, last_growth=2))
    assert main([*args, "--out", str(out)]) == 0
    assert read_gmm_model_dir(out).gmm.num_pdfs == 109
    assert not (out / CHECKPOINT).exists()
