"""What is kept of networks with uncertainty heads: by the network, and of each two teachers."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.report.collect import find_systems
from hybrid_kd.report.collect_study import complete_study
from hybrid_kd.report.record_file import merge_studies, read_study, write_study
from hybrid_kd.report.records import Study
from hybrid_kd.report.teacher_agreement import read_agreements
from tests.tiny_experiment import make_tiny_experiment

pytestmark = pytest.mark.numerical


@dataclass(frozen=True)
class Taught:
    """Two teachers with heads, and a student of each: one by labels, one with its teacher running."""

    exp: Path
    dev_data: Path

    def study(self) -> Study:
        """All that is known of it."""
        return complete_study(self.exp, find_systems(self.exp))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    root = tmp_path_factory.mktemp("tiny")
    data, exp = make_tiny_experiment(root / "data"), root / "exp"
    unsure = ["--max-iters", "1", "--uncertainty"]
    for seed, name in enumerate(("t0", "t1")):
        assert main(["train", *data.train_args(exp / name), *unsure, "--seed", str(seed)]) == 0
    labels = ["--data", str(data.train_data), "--out", str(exp / "labels"), "--temperatures", "1"]
    assert main(["label", "--teacher", str(exp / "t0"), *labels]) == 0
    of_labels = [*unsure, "--uncertainty-weight", "0.5", "--teacher-labels", str(exp / "labels")]
    assert main(["train", *data.train_args(exp / "a"), *of_labels]) == 0
    running = ["--max-iters", "1", "--teacher", str(exp / "t1")]
    assert main(["train", *data.train_args(exp / "b"), *running]) == 0
    return Taught(exp, data.dev_data)


def test_networks_with_a_head_are_measured_and_others_keep_their_lines(
    taught: Taught, tmp_path: Path
) -> None:
    study = taught.study()
    write_study(tmp_path / "tiny.jsonl", study)
    assert read_study(tmp_path / "tiny.jsonl") == study
    lines = map(json.loads, (tmp_path / "tiny.jsonl").read_text().splitlines())
    posteriors = {line["system"]: line["dev_posteriors"] for line in lines if "system" in line}
    assert {name for name, values in posteriors.items() if "uncertainty" in values} == {"t0", "t1", "a"}
    for system in study.systems:
        assert system.dev_posteriors is not None
        uncertainty = system.dev_posteriors.uncertainty
        if uncertainty is not None:
            assert uncertainty.calibration.bin_accuracy == system.dev_posteriors.bin_accuracy
            assert uncertainty.all_frames.num_frames == system.dev_posteriors.num_frames


def test_each_two_teachers_are_compared_once(
    taught: Taught, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = taught.study()
    (agreement,) = study.agreements
    assert (agreement.first, agreement.second, agreement.set_name) == ("t0", "t1", "dev")
    assert 0 < agreement.posterior_distance < 1
    caplog.set_level("INFO")
    assert taught.study().agreements == study.agreements
    assert "measuring" not in caplog.text
    older = Study(agreements=[agreement])
    assert merge_studies(older, study, path=tmp_path).agreements == [agreement]
    alone = [system for system in study.systems if system.system in ("t0", "t1", "a")]
    assert read_agreements(taught.exp, alone) == []


def test_a_table_of_ratios_that_comes_later_is_measured(taught: Taught) -> None:
    before = taught.study()
    ids = [line.split()[0] for line in (taught.dev_data / "utt2spk").open()]
    table = taught.dev_data / "utt2snr"
    table.write_text("".join(f"{utt_id} {number}\n" for number, utt_id in enumerate(ids)))
    found = {system.system: system.dev_posteriors for system in taught.study().systems}
    assert found["t0"] is not None
    assert found["t0"].uncertainty is not None
    assert [group.name for group in found["t0"].uncertainty.snr] == ["0 to 2 dB", "2 to 4 dB"]
    table.unlink()
    assert taught.study() == before


def test_teachers_of_another_view_are_not_compared(taught: Taught) -> None:
    """They never heard the dev data."""
    systems = find_systems(taught.exp)
    for system in systems:
        system.config["utt_map"] = "map"
    assert read_agreements(taught.exp, systems) == []


def test_other_dev_data_than_the_students_are_not_used(
    taught: Taught, caplog: pytest.LogCaptureFixture
) -> None:
    systems = find_systems(taught.exp)
    for system in systems:
        system.inputs["dev_frames"] = "another"
    assert read_agreements(taught.exp, systems) == []
    assert "dev is not what it was in training: posteriors are not measured" in caplog.text
