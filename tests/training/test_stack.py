"""Students that train side by side: each is the student that it is alone, and goes on when it is stopped."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import hybrid_kd.training.loop as loop_module
from hybrid_kd.cli.main import main
from tests.training.shared_work import float64_networks
from tests.training.students import (
    FED_RATE,
    FED_SHARES,
    Trainer,
    assert_same_bits,
    assert_same_student,
    fed_newbob,
    records,
    weights,
)

# Of every kind: each has its own labels, temperatures, rates, start and end.
STUDENTS = {
    "hard": f"--learning-rate {FED_RATE}",
    "hard_weight_1": f"TAUGHT --hard-weight 1 --mixing sd --learning-rate {FED_RATE}",
    "si": "TAUGHT --hard-weight 0.3 --seed 1 --max-iters 3",
    "sd": "TAUGHT --mixing sd --hard-weight 0.4 --seed 2 --temperatures 3:1,2:1,1 --max-iters 4",
    "hot": "TAUGHT --hard-weight 0 --temperatures 3 --start-halving-impr 0.5 --end-halving-impr 0.4",
    "retrained": "TAUGHT --init EXP/teacher --hard-weight 0.1 --max-iters 2 --min-iters 2",
}


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(tmp_path_factory.mktemp("exp"))


@pytest.fixture(scope="module", autouse=True)
def epochs_are_rejected() -> Iterator[None]:
    """Of the students at FED_RATE."""
    with fed_newbob():
        yield


@pytest.fixture(scope="module")
def in_float64(trainer: Trainer) -> Trainer:
    """All students in float64: side by side in f64, each alone in f64_alone."""
    with float64_networks():
        assert trainer.together("f64", STUDENTS) == 0
        assert set(trainer.alone("f64_alone", STUDENTS)) == {0}
    return trainer


@pytest.mark.parametrize("name", STUDENTS)
def test_in_float64_a_whole_training_side_by_side_is_that_alone(in_float64: Trainer, name: str) -> None:
    assert_same_student(in_float64.exp / "f64" / name, in_float64.exp / "f64_alone" / name, 1e-9)


def test_the_compared_students_differ_and_end_at_different_times(in_float64: Trainer) -> None:
    trained = {name: records(in_float64.exp / "f64" / name)[1:] for name in STUDENTS}
    assert {len(epochs) for epochs in trained.values()} >= {2, 3, len(FED_SHARES)}
    assert [epoch["accepted"] for epoch in trained["hard"]] == [share < 1 for share in FED_SHARES]
    for epoch, same in zip(trained["hard"], trained["hard_weight_1"], strict=True):
        assert (epoch.pop("temperature"), same.pop("temperature")) == (None, 1.0)
        assert epoch == pytest.approx(same, rel=1e-9)
    assert [epoch["temperature"] for epoch in trained["sd"]][:3] == [3.0, 2.0, 1.0]
    outputs = {name: weights(in_float64.exp / "f64" / name)["0.output.weight"] for name in STUDENTS}
    for one, other in itertools.combinations(STUDENTS, 2):
        distance = (outputs[one] - outputs[other]).norm() / outputs[one].norm()
        # The two on the reference labels are the same student but for rounding.
        assert (distance < 1e-9) == ({one, other} == {"hard", "hard_weight_1"})


@pytest.fixture(scope="module")
def in_float32(trainer: Trainer) -> Trainer:
    assert trainer.together("f32", STUDENTS) == 0
    assert set(trainer.alone("f32_alone", STUDENTS)) == {0}
    return trainer


@pytest.mark.parametrize("name", STUDENTS)
def test_the_first_epoch_in_float32_is_that_alone(in_float32: Trainer, name: str) -> None:
    ours, alone = (records(in_float32.exp / into / name)[1] for into in ("f32", "f32_alone"))
    for key in ("dev_cross_entropy", "train_objective", "train_cross_entropy"):
        assert ours[key] == pytest.approx(alone[key], abs=1e-3)


def test_a_students_directory_is_as_if_it_were_alone(in_float32: Trainer) -> None:
    ours, alone = (in_float32.exp / into / "si" for into in ("f32", "f32_alone"))
    assert {path.name for path in ours.iterdir()} == {path.name for path in alone.iterdir()}
    config = (ours / "config.yaml").read_text().replace(str(ours), str(alone))
    assert config == (alone / "config.yaml").read_text()
    provenances = [json.loads((path / "provenance.json").read_text()) for path in (ours, alone)]
    assert provenances[0]["inputs"] == provenances[1]["inputs"]
    for name in ("ali_train_pdf.counts", "final.mdl"):
        assert (ours / name).read_bytes() == (alone / name).read_bytes()
    assert main(["info", str(ours)]) == 0
    assert in_float32.alone("f32", {"si": STUDENTS["si"]}) == [0]  # nothing to do


def test_a_log_has_the_lines_of_its_own_student(in_float32: Trainer) -> None:
    log = (in_float32.exp / "f32" / "hot" / "log" / "train.log").read_text()
    num_epochs = len(records(in_float32.exp / "f32" / "hot"))
    assert log.count("hot: epoch ") == num_epochs == log.count("epoch ")
    assert log.count("trained, sha256") == 1
    assert "final.safetensors: trained" in log


def test_an_epoch_tells_how_many_students_shared_its_time(in_float32: Trainer) -> None:
    lines = (in_float32.exp / "f32" / "hard" / "train.jsonl").read_text().splitlines()
    shared = [json.loads(line).get("students", 1) for line in lines[1:]]
    assert shared[0] == len(STUDENTS)
    assert shared == sorted(shared, reverse=True)


def stop_in(monkeypatch: pytest.MonkeyPatch, epoch_to_die_in: int) -> None:
    train_epoch = loop_module.train_epoch

    def stop(learner: Any, plans: Any, epoch: int, labels: Any) -> Any:
        if epoch == epoch_to_die_in:
            raise KeyboardInterrupt
        return train_epoch(learner, plans, epoch, labels)

    monkeypatch.setattr(loop_module, "train_epoch", stop)


@pytest.mark.parametrize("epoch", [2, 4])
def test_a_stopped_stack_continues_and_ends_with_the_same_bits(
    in_float32: Trainer, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    into = f"stopped_in_{epoch}"
    with monkeypatch.context() as patch:
        stop_in(patch, epoch)
        assert in_float32.together(into, STUDENTS) == 130
    finished = [name for name in STUDENTS if (in_float32.exp / into / name / "final.safetensors").exists()]
    assert finished == [name for name in STUDENTS if len(records(in_float32.exp / "f32" / name)) <= epoch]
    assert in_float32.together(into, STUDENTS) == 0
    for name in STUDENTS:
        assert_same_bits(in_float32.exp / into / name, in_float32.exp / "f32" / name)


def test_a_stack_can_be_continued_alone_and_the_reverse(
    in_float64: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them has come further than the other: it waits for it."""
    pair = {name: STUDENTS[name] for name in ("sd", "hard")}
    with float64_networks():
        with monkeypatch.context() as patch:
            stop_in(patch, 3)
            assert in_float64.together("moved", pair) == 130
        with monkeypatch.context() as patch:
            stop_in(patch, 5)
            assert in_float64.alone("moved", {"sd": pair["sd"]}) == [130]
        assert in_float64.together("moved", pair) == 0
    for name in pair:
        assert_same_student(in_float64.exp / "moved" / name, in_float64.exp / "f64_alone" / name, 1e-9)


def test_a_student_that_diverges_does_not_stop_the_others(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    students = {
        "wild": "TAUGHT --temperatures 2:4,1 --max-iters 1",
        "rejected": "TAUGHT --hard-weight 0.2 --max-iters 3",
        "tame": "TAUGHT --hard-weight 0.2 --max-iters 3",
    }
    train_epoch = loop_module.train_epoch

    def poison(learner: Any, plans: Any, epoch: int, labels: Any) -> Any:
        if epoch == 2:
            learner.network.output.weight.data[:2] = torch.nan
        return train_epoch(learner, plans, epoch, labels)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "train_epoch", poison)
        assert trainer.together("diverging", students) == 1
    problem = "wild, epoch 2: training diverged: the dev cross-entropy is not a number\n  fix: lower"
    assert problem in capsys.readouterr().err
    assert not (trainer.exp / "diverging" / "wild" / "final.safetensors").exists()
    rejected, tame = (records(trainer.exp / "diverging" / name) for name in ("rejected", "tame"))
    assert [epoch["accepted"] for epoch in rejected[1:3]] == [True, False]
    assert rejected[3]["dev_cross_entropy"] == pytest.approx(tame[2]["dev_cross_entropy"], abs=0.1)
    assert trainer.alone("diverging_alone", {"tame": students["tame"]}) == [0]
    alone = records(trainer.exp / "diverging_alone" / "tame")
    assert tame[-1]["dev_cross_entropy"] == pytest.approx(alone[-1]["dev_cross_entropy"], abs=1e-3)


def test_dropout_and_pretraining_are_each_students_own(trainer: Trainer) -> None:
    students = {f"s{seed}": f"--seed {seed} --max-iters 2" for seed in (0, 1)}
    flags = ("--dropout", "0.2", "--pretrain", "rbm", "--rbm-iter", "1")
    with float64_networks():
        assert trainer.together("drawn", students, *flags) == 0
        assert trainer.alone("drawn_alone", students, *flags) == [0, 0]
    for name in students:
        assert_same_student(trainer.exp / "drawn" / name, trainer.exp / "drawn_alone" / name, 1e-9)


def test_a_running_teacher_is_shared(trainer: Trainer) -> None:
    taught = f"--teacher {trainer.exp}/teacher --prune-below 0 --max-iters 2"
    students = {f"T{t}": f"{taught} --temperatures {t} --hard-weight 0.2" for t in (2, 5)}
    with float64_networks():
        assert trainer.together("fly", students) == 0
        assert trainer.alone("fly_alone", students) == [0, 0]
    for name in students:
        assert_same_student(trainer.exp / "fly" / name, trainer.exp / "fly_alone" / name, 1e-9)


def test_one_student_is_trained_as_by_its_own_command(trainer: Trainer) -> None:
    student = {"only": "TAUGHT --seed 3 --max-iters 2 --momentum 0.5 --batch-norm"}
    assert trainer.together("one", student) == 0
    assert trainer.alone("one_alone", student) == [0]
    assert_same_bits(trainer.exp / "one" / "only", trainer.exp / "one_alone" / "only")


def test_the_order_seed_changes_the_order_and_nothing_else(trainer: Trainer) -> None:
    """With one minibatch an epoch the order decides nothing but which frames are left over."""
    students = {"a": "--order-seed 1", "b": "--order-seed 2", "c": "--order-seed 1"}
    assert trainer.alone("order", students, "--max-iters", "1") == [0, 0, 0]
    a, b, c = (trainer.exp / "order" / name for name in "abc")
    assert records(a)[0] == records(b)[0]
    assert records(a)[1] != records(b)[1]
    assert_same_bits(a, c)
