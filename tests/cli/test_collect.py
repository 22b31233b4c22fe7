"""hybrid-kd collect."""

import shutil
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.report.record_file import read_study
from tests.report.experiment import FakeExperiment


def test_systems_are_collected_again_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = FakeExperiment(tmp_path)
    hard = experiment.add_system("hard_s0")
    experiment.add_system("si")
    out = tmp_path / "results" / "tiny.jsonl"
    args = ["collect", "--exp", str(experiment.exp), "--out", str(out)]
    assert main([*args, "--baseline", "hard_s0"]) == 0
    assert "2 systems, 2 collected, 0 kept" in capsys.readouterr().out
    before = out.read_bytes()
    assert main(args) == 0
    assert out.read_bytes() == before
    shutil.rmtree(hard)
    experiment.add_system("sd")
    assert main(args) == 0
    assert "3 systems, 2 collected, 1 kept" in capsys.readouterr().out
    assert [result.system for result in read_study(out).systems] == ["hard_s0", "si", "sd"]


def test_one_system_may_be_collected_when_it_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = FakeExperiment(tmp_path)
    for name in ("hard_s0", "si"):
        experiment.add_system(name)
    out = tmp_path / "tiny.jsonl"
    args = ["collect", "--exp", str(experiment.exp), "--out", str(out), "--only"]
    assert main([*args, "si"]) == 0
    assert [result.system for result in read_study(out).systems] == ["si"]
    assert main([*args, "hard_s0"]) == 0
    assert "2 systems, 1 collected, 1 kept" in capsys.readouterr().out
    assert main([*args, "absent"]) == 1
    assert "absent: no finished system\n  fix: " in capsys.readouterr().err


def test_kaldis_results_come_first(tmp_path: Path) -> None:
    experiment = FakeExperiment(tmp_path)
    experiment.add_system("hard_s0")
    decode_dir = tmp_path / "kaldi" / "tri3b" / "decode_dt05_simu"
    decode_dir.mkdir(parents=True)
    (decode_dir / "wer_9_0.0").write_text(
        "%WER 10 [ 1 / 10, 1 ins ]\nScored 3 sentences, 0 not present in hyp.\n"
    )
    (tmp_path / "searches").write_text("tri3b 0.083333 13 6\n")
    out = tmp_path / "tiny.jsonl"
    args = ["collect", "--exp", str(experiment.exp), "--out", str(out)]
    args += ["--kaldi", str(tmp_path / "kaldi"), "--kaldi-searches", str(tmp_path / "searches")]
    assert main(args) == 0
    assert [result.system for result in read_study(out).systems] == ["Kaldi tri3b", "hard_s0"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--kaldi", "exp"],
            "--kaldi and --kaldi-searches: only one was given\n  fix: give both, or neither",
        ),
        ([], "no finished system\n  fix: train one with `hybrid-kd train`"),
    ],
)
def test_errors_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    assert main(["collect", "--exp", str(tmp_path), "--out", str(tmp_path / "x.jsonl"), *args]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.jsonl").exists()


def test_a_broken_results_file_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = FakeExperiment(tmp_path)
    experiment.add_system("hard_s0")
    out = tmp_path / "tiny.jsonl"
    out.write_text("{\n")
    assert main(["collect", "--exp", str(experiment.exp), "--out", str(out)]) == 1
    assert "tiny.jsonl: line 1 is not JSON" in capsys.readouterr().err
    assert out.read_text() == "{\n"
