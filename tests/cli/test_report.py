"""hybrid-kd report."""

from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from tests.report.experiment import FakeExperiment


def test_collected_results_become_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = FakeExperiment(tmp_path)
    for name, wrong in (("hard_s0", 2), ("si", 1)):
        system = experiment.add_system(name)
        dt = experiment.decode(system, "decode_dt05_simu_13_8", "dt05_simu", wrong=wrong)
        experiment.decode(system, "decode_et05_simu_13_8", "et05_simu", wrong=wrong, tune_on=dt)
    results = tmp_path / "results"
    collect = ["collect", "--exp", str(experiment.exp), "--out", str(results / "tiny.jsonl")]
    assert main([*collect, "--baseline", "hard_s0"]) == 0
    args = ["report", "--results", str(results), "--out", str(tmp_path / "RESULTS.md")]
    assert main(args) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| si | embedded 0.3.2 | 13/8 | 0.1 | 4, 0.0 | 25.00 | -25.00 (-50.0 %), p = 0.0002 |" in text
    assert main(args) == 0
    assert (tmp_path / "RESULTS.md").read_text() == text


def test_without_results_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--results", str(tmp_path), "--out", str(tmp_path / "RESULTS.md")]) == 1
    assert "no <experiment>.jsonl" in capsys.readouterr().err
    assert not (tmp_path / "RESULTS.md").exists()
