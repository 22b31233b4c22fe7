"""Several teachers over the same pdfs, each with its weight, temperature, pruning and view."""

from pathlib import Path

import pytest
import torch

from hybrid_kd.cli.main import main
from hybrid_kd.config import read_yaml
from hybrid_kd.json_files import read_json
from tests.training.shared_work import float64_networks
from tests.training.students import Trainer, assert_same_bits, assert_same_student, records, weights

BOTH = "--teacher-labels EXP/labels EXP/other_labels"


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """With a second teacher and its labels."""
    trainer = Trainer(tmp_path_factory.mktemp("exp"))
    exp = trainer.exp
    assert (
        main(["train", *trainer.flags, "--out", str(exp / "other"), "--max-iters", "3", "--seed", "9"]) == 0
    )
    label = ["--teacher", str(exp / "other"), "--data", str(trainer.tiny.train_data)]
    assert main(["label", *label, "--temperatures", "1,2,3", "--out", str(exp / "other_labels")]) == 0
    return trainer


def train(trainer: Trainer, name: str, flags: str) -> Path:
    assert trainer.alone("alone", {name: f"{flags} --max-iters 3"}) == [0]
    return trainer.exp / "alone" / name


def test_one_twice_is_that_one(trainer: Trainer) -> None:
    with float64_networks():  # the labels are float32: their weighted sums differ in the last digits
        once = train(trainer, "once", "TAUGHT --hard-weight 0.3")
        twice = train(trainer, "twice", "--teacher-labels EXP/labels EXP/labels --hard-weight 0.3")
    for name, value in weights(once).items():
        torch.testing.assert_close(weights(twice)[name], value, rtol=1e-4, atol=1e-5)


def test_a_teacher_of_weight_1_is_all(trainer: Trainer) -> None:
    with float64_networks():
        alone = train(trainer, "other", "--teacher-labels EXP/other_labels")
        weighted = train(trainer, "weighted", f"{BOTH} --teacher-weights 0 1")
    for name, value in weights(alone).items():
        torch.testing.assert_close(weights(weighted)[name], value, rtol=1e-4, atol=1e-5)
    assert read_yaml(weighted / "config.yaml")["teacher_weights"] == [0.0, 1.0]


def test_stored_and_running_teachers_train_the_same_student(trainer: Trainer) -> None:
    own = "--teacher-weights 0.7 0.3 --teacher-temperatures 2 3:1,1 --teacher-prune-below 0.01 0.1"
    with float64_networks():  # the teachers' logits are float32, of minibatches here and of utterances there
        stored = train(trainer, "stored", f"{BOTH} {own}")
        running = train(trainer, "running", f"--teacher EXP/teacher EXP/other {own}")
    for mine, other in zip(records(stored), records(running), strict=True):
        for name in ("temperature", "teacher_temperatures"):
            assert mine.pop(name, None) == other.pop(name, None)
        assert mine == pytest.approx(other, rel=1e-4)


def test_each_has_its_temperatures_and_the_rate_is_held_until_all_are_untimed(trainer: Trainer) -> None:
    flags = f"{BOTH} --teacher-temperatures 2 3:2,1 --start-halving-impr 0.9"
    epochs = records(train(trainer, "annealed", flags))[1:]
    assert [epoch.get("teacher_temperatures", epoch["temperature"]) for epoch in epochs][:3] == [
        [2.0, 3.0],
        [2.0, 3.0],
        [2.0, 1.0],
    ]
    rates = [epoch["learning_rate"] for epoch in epochs]
    assert rates[0] == rates[1] == rates[2] > rates[3]


def test_side_by_side_they_are_the_students_that_they_are_alone(trainer: Trainer) -> None:
    students = {
        "a": f"{BOTH} --max-iters 3",
        "b": f"{BOTH} --max-iters 3 --teacher-temperatures 1 2 --seed 1",
    }
    with float64_networks():  # one product for all may be rounded otherwise in float32
        assert trainer.together("together", students) == 0
        assert set(trainer.alone("apart", students)) == {0}
    for name in students:
        assert_same_student(trainer.exp / "together" / name, trainer.exp / "apart" / name, 1e-9)


def test_both_are_inputs_of_the_student(trainer: Trainer) -> None:
    inputs = read_json(train(trainer, "both", BOTH) / "provenance.json")["inputs"]
    headers = [read_json(trainer.exp / name / "labels.json") for name in ("labels", "other_labels")]
    assert [inputs["teacher_labels"], inputs["teacher_labels 2"]] == [header["sha256"] for header in headers]


def test_what_one_lacks_is_left_out_for_both(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    utt_map = trainer.exp / "utt_map"
    utt_ids = (trainer.exp / "labels" / "utt_ids").read_text().split()
    utt_map.write_text("".join(f"{u} {u if u != utt_ids[3] else 'absent'}\n" for u in utt_ids))
    monkeypatch.setattr("hybrid_kd.tally.MAX_LEFT_OUT", 0.2)
    capsys.readouterr()
    train(trainer, "fewer", f"{BOTH} --utt-map - {utt_map}")
    assert f"left out '{utt_ids[3]}': no teacher labels" in capsys.readouterr().err
    labels = "--teacher-labels EXP/labels"
    alone = train(trainer, "fewer alone", f"{labels} --utt-map {utt_map} --hard-weight 1")
    same = train(trainer, "fewer too", f"{BOTH} --utt-map - {utt_map} --hard-weight 1")
    assert_same_bits(alone, same)
