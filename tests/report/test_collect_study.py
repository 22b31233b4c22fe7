"""What is kept of an experiment: a small teacher, its labels and a student, trained here."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_kd.cli.main import main
from hybrid_kd.distill.label_store import read_label_store
from hybrid_kd.distill.labels import temper
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import load_features
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.network.model_dir import load_model
from hybrid_kd.report.calibration import calibration_error, reliability
from hybrid_kd.report.collect import find_systems
from hybrid_kd.report.collect_study import add_finished, complete_study
from hybrid_kd.report.record_file import read_study
from hybrid_kd.report.records import Study
from tests.report.experiment import FakeExperiment, utt_ids_of
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment

pytestmark = pytest.mark.numerical


@dataclass(frozen=True)
class Trained:
    """An experiment with data and systems."""

    data: TinyExperiment
    exp: Path

    def study(self) -> Study:
        """All that is known of it."""
        return complete_study(self.exp, find_systems(self.exp))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    root = tmp_path_factory.mktemp("tiny")
    data, exp = make_tiny_experiment(root / "data"), root / "exp"
    few = ["--max-iters", "2"]
    assert main(["train", *data.train_args(exp / "t0"), *few]) == 0
    assert main(["ensemble", str(exp / "t0"), str(exp / "t0"), "--out", str(exp / "teacher")]) == 0
    labels = ["--data", str(data.train_data), "--out", str(exp / "labels"), "--temperatures", "1,3"]
    assert main(["label", "--teacher", str(exp / "teacher"), *labels, "--prune-below", "0.05"]) == 0
    student = ["--teacher-labels", str(exp / "labels"), "--hard-weight", "0.3", "--prune-below", "0.05"]
    assert main(["train", *data.train_args(exp / "si"), *few, *student]) == 0
    return Trained(data, exp)


def test_dev_posteriors_are_those_that_training_saw(trained: Trained) -> None:
    for system in trained.study().systems:
        posteriors = system.dev_posteriors
        assert posteriors is not None
        if system.kind == "network":
            assert posteriors.cross_entropy == pytest.approx(system.dev_cross_entropy, rel=1e-4)
            assert posteriors.frame_accuracy == pytest.approx(system.dev_frame_accuracy, rel=1e-4)
        assert sum(posteriors.bin_frames) == posteriors.num_frames
        assert 0 < posteriors.entropy < np.log(9)
    names = [(system.system, system.kind) for system in trained.study().systems]
    assert names == [("si", "network"), ("t0", "network"), ("teacher", "ensemble")]


def test_options_inputs_and_course_are_kept(trained: Trained) -> None:
    si = trained.study().systems[0]
    assert si.config["hard_weight"] == 0.3
    assert si.config["teacher_labels"] == str(trained.exp / "labels")
    assert "out" not in si.config
    assert si.inputs["teacher_labels"] == read_label_store(trained.exp / "labels").header.sha256
    assert si.learning_curve is not None
    assert len(si.learning_curve.dev_cross_entropy) == 3


def test_the_example_is_an_utterance_of_the_dev_set(trained: Trained) -> None:
    study = trained.study()
    example = study.example
    assert example is not None
    assert (example.set_name, example.text) == ("dev", "ONE TWO")
    assert len(example.phone_ali) == example.utt_frames
    for system in study.systems:
        assert system.dev_posteriors is not None
        rows = system.dev_posteriors.example
        assert [len(row) for row in rows] == [example.utt_frames] * len(example.phones)


def test_labels_are_measured_exactly(trained: Trained) -> None:
    (labels,) = trained.study().labels
    teacher, store = load_model(trained.exp / "teacher"), read_label_store(trained.exp / "labels")
    inputs = load_features(trained.data.train_data, splice=teacher.splice)
    logits = teacher.logits_of_spliced(inputs.spliced(torch.arange(inputs.num_frames)))
    assert labels.temperatures == [1.0, 3.0]
    assert labels.discarded_mass == pytest.approx(store.header.discarded_mass, rel=1e-4)
    for column, temperature in enumerate(labels.temperatures):
        full = temper(logits, temperature).double().exp()
        kept = torch.where((full >= 0.05) | (full == full.amax(dim=1, keepdim=True)), full, 0.0)
        kept /= kept.sum(dim=1, keepdim=True)
        assert labels.argmax_share[column] == pytest.approx(
            float(((kept > 0).sum(dim=1) == 1).double().mean())
        )
        assert labels.entropy[column] == pytest.approx(_entropy(kept), rel=1e-4)
        assert labels.entropy_unpruned is not None
        assert labels.entropy_unpruned[column] == pytest.approx(_entropy(full), rel=1e-4)
    assert labels.sample_frames == labels.num_frames
    assert labels.example is not None


def _entropy(posteriors: torch.Tensor) -> float:
    return float(-torch.xlogy(posteriors, posteriors).sum(dim=1).mean())


def test_what_was_measured_is_not_measured_again(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = trained.study()
    caplog.set_level("INFO")
    assert trained.study() == before
    assert "measuring" not in caplog.text
    cached = trained.exp / "si" / "dev_posteriors.json"
    write_json(cached, read_json(cached) | {"key": {"model": "another"}})
    assert trained.study() == before
    assert "si: measuring its posteriors" in caplog.text


def test_other_dev_data_than_in_training_are_not_measured(
    trained: Trained, caplog: pytest.LogCaptureFixture
) -> None:
    provenance = trained.exp / "si" / "provenance.json"
    text = provenance.read_text()
    content = json.loads(text)
    write_json(provenance, content | {"inputs": content["inputs"] | {"dev_frames": "another"}})
    try:
        assert trained.study().systems[0].dev_posteriors is None
    finally:
        provenance.write_text(text)
    assert "dev is not what it was in training: posteriors are not measured" in caplog.text


def test_without_dev_data_all_else_is_kept(
    experiment: FakeExperiment, caplog: pytest.LogCaptureFixture
) -> None:
    system = experiment.add_system("hard_s0")
    dt = experiment.decode(system, "decode_dt", "dt05_simu", wrong=1)
    experiment.decode(system, "decode_et", "et05_simu", wrong=2, tune_on=dt)
    experiment.decode(system, "beams_15_10/decode", "dt05_simu", wrong=1, max_utts=4)
    study = complete_study(experiment.exp, find_systems(experiment.exp))
    assert study.systems[0].dev_posteriors is None
    assert "data/dt05_simu or exp/dt_ali is not there: posteriors are not measured" in caplog.text
    assert [record.set_name for record in study.sets] == ["dt05_simu", "et05_simu"]
    assert study.sets[0].utt_ids == sorted(utt_ids_of("dt05_simu"))
    assert set(study.sets[0].num_words) == {4}
    by_directory = {decode.directory: decode.errors_by_utterance for decode in study.systems[0].decodes}
    assert by_directory == {"beams_15_10/decode": None, "decode_dt": [1] * 12, "decode_et": [2] * 12}


def test_a_finished_system_is_added_to_a_file(experiment: FakeExperiment) -> None:
    results = experiment.root / "results" / "tiny.jsonl"
    for name, wrong in (("hard_s0", 2), ("si", 1), ("si", 0)):
        system = experiment.exp / name
        if not system.exists():
            experiment.add_system(name)
        out = f"decode_{wrong}"
        experiment.decode(system, out, "dt05_simu", wrong=wrong)
        add_finished(results, system)
    study = read_study(results)
    assert [(system.system, len(system.decodes)) for system in study.systems] == [("hard_s0", 1), ("si", 2)]
    assert len(study.sets) == 1


def test_decodings_of_other_references_are_refused(experiment: FakeExperiment) -> None:
    for name in ("a", "b"):
        out = experiment.decode(experiment.add_system(name), "decode_dt", "dt05_simu", wrong=1)
    scores = out / "scoring" / "per_utt.jsonl"
    scores.write_text(scores.read_text().replace('"reference": "ONE TWO', '"reference": "ONE', 1))
    with pytest.raises(HybridKdError, match=r"b/decode_dt: other utterances or references of dt05_simu than"):
        complete_study(experiment.exp, find_systems(experiment.exp))


def test_the_calibration_error_is_that_of_its_definition() -> None:
    """Ten frames at 0.95 of which six are right, ten at 0.3 of which three are."""
    confidence = np.array([0.95] * 10 + [0.3] * 10)
    correct = np.array([1.0] * 6 + [0.0] * 4 + [1.0] * 3 + [0.0] * 7)
    bins = reliability(confidence, correct)
    assert bins[0][[4, 14]].tolist() == [10, 10]
    assert calibration_error(bins) == pytest.approx(0.5 * 0.35 + 0.5 * 0.0)
    certain = reliability(np.array([1.0]), np.array([1.0]))
    assert certain[0][14] == 1
