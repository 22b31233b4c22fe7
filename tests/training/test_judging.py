"""No epoch that diverged is accepted, and a training of which no epoch was accepted is no success."""

import dataclasses
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import hybrid_kd.training.loop as loop_module
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from hybrid_kd.training.judging import DivergedError, divergence, judge_epoch, refuse_untrained
from hybrid_kd.training.metrics import FrameMetrics
from hybrid_kd.training.newbob import NewbobOptions, NewbobState
from tests.training.students import Trainer, assert_same_student, records
from tests.training.test_newbob import OPTIONS

GOOD = FrameMetrics(num_frames=9, objective=1.0, cross_entropy=1.0, frame_accuracy=0.5)
BEGUN = NewbobState(OPTIONS.learning_rate, best_loss=3.0)


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(tmp_path_factory.mktemp("exp"))


def error_of(trainer: Trainer, capsys: pytest.CaptureFixture[str], name: str, flags: str) -> str:
    """The message of a training that must fail, and leave no network."""
    assert trainer.alone("failed", {name: flags}) == [1]
    assert not (trainer.exp / "failed" / name / "final.safetensors").exists()
    return capsys.readouterr().err


@pytest.fixture
def network() -> Dnn:
    network = Dnn(NetworkShape(input_dim=2, hidden_layers=1, hidden_dim=2, num_pdfs=2))
    for parameter in network.parameters():
        parameter.data.zero_()
    return network


def test_an_epoch_whose_numbers_are_finite_has_not_diverged(network: Dnn) -> None:
    assert divergence(GOOD, GOOD, network) is None


@pytest.mark.parametrize(("bad", "word"), [(math.nan, "not a number"), (math.inf, "infinite")])
@pytest.mark.parametrize(
    ("of_dev", "field", "name"),
    [
        (True, "cross_entropy", "dev cross-entropy"),
        (False, "objective", "training objective"),
        (False, "cross_entropy", "training cross-entropy"),
    ],
)
def test_a_loss_that_is_not_finite_is_a_divergence(
    network: Dnn, bad: float, word: str, of_dev: bool, field: str, name: str
) -> None:
    worse = dataclasses.replace(GOOD, **{field: bad})  # type: ignore[arg-type]
    train, dev = (GOOD, worse) if of_dev else (worse, GOOD)
    assert divergence(train, dev, network) == f"the {name} is {word}"


def test_a_weight_that_is_not_finite_is_a_divergence(network: Dnn) -> None:
    network.output.weight.data[0, 0] = math.inf
    assert divergence(GOOD, GOOD, network) == "output.weight holds NaN or infinity"


def test_an_epoch_that_diverged_is_rejected_whatever_its_dev_loss() -> None:
    state = judge_epoch(BEGUN, 2.0, OPTIONS, is_timed=False, diverged="x")
    assert (state.accepted, state.best_loss, state.learning_rate) == (False, 3.0, OPTIONS.learning_rate / 2)
    assert judge_epoch(BEGUN, 2.0, OPTIONS, is_timed=False, diverged=None).accepted


@pytest.mark.parametrize(("is_timed", "min_iters", "iters"), [(True, 0, 0), (False, 2, 0), (False, 2, 1)])
def test_where_no_epoch_is_rejected_divergence_ends_the_training(
    is_timed: bool, min_iters: int, iters: int
) -> None:
    state = dataclasses.replace(BEGUN, iters=iters)
    with pytest.raises(DivergedError, match="x"):
        judge_epoch(state, 2.0, NewbobOptions(min_iters=min_iters), is_timed=is_timed, diverged="x")
    with_rejection = dataclasses.replace(BEGUN, iters=2)
    assert not judge_epoch(
        with_rejection, 2.0, NewbobOptions(min_iters=2), is_timed=False, diverged="x"
    ).accepted


def epochs_of(*losses: float, accepted: bool = False) -> list[dict[str, Any]]:
    records = [{"epoch": i, "dev_cross_entropy": loss, "accepted": accepted} for i, loss in enumerate(losses)]
    del records[0]["accepted"]
    return records


@pytest.mark.parametrize("is_retrained", [False, True])
def test_one_accepted_epoch_is_enough(is_retrained: bool) -> None:
    epochs = epochs_of(3.0, 2.0, accepted=True) + epochs_of(3.0, 4.0)[1:]
    refuse_untrained(Path("exp/x"), epochs, is_retrained=is_retrained, learning_rate=0.1)


@pytest.mark.parametrize(("after", "is_warned"), [(2.9, False), (3.0, True), (4.0, True)])
def test_a_network_that_is_no_better_than_before_is_warned_of(
    caplog: pytest.LogCaptureFixture, after: float, is_warned: bool
) -> None:
    epochs = epochs_of(3.0, 1.0, after, accepted=True)
    with caplog.at_level(logging.WARNING):
        refuse_untrained(Path("exp/x"), epochs, is_retrained=False, learning_rate=0.1)
    assert ("no lower than the 3.0000 before training" in caplog.text) == is_warned


def test_a_new_network_of_which_no_epoch_was_accepted_is_an_error() -> None:
    problem = (
        r"^exp/x: none of 2 epochs was accepted: the dev cross-entropy is 3\.0000 before training and"
        r" 3\.5000 or more after each epoch\n  fix: lower --learning-rate \(0\.1\) and give another"
    )
    with pytest.raises(HybridKdError, match=problem):
        refuse_untrained(Path("exp/x"), epochs_of(3.0, 4.0, 3.5), is_retrained=False, learning_rate=0.1)


def test_an_initial_network_that_no_epoch_improves_stays_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        refuse_untrained(Path("exp/x"), epochs_of(3.0, math.nan, 3.5), is_retrained=True, learning_rate=0.1)
    assert "none of 2 epochs was accepted" in caplog.text
    assert "the network remains that of --init" in caplog.text


@pytest.mark.parametrize("is_retrained", [False, True])
def test_a_training_whose_epochs_all_diverged_is_an_error(is_retrained: bool) -> None:
    with pytest.raises(HybridKdError, match=r"exp/x: training diverged: .* is not finite after any epoch"):
        refuse_untrained(
            Path("exp/x"), epochs_of(3.0, math.nan), is_retrained=is_retrained, learning_rate=1.0
        )


def test_the_rates_at_which_every_weight_becomes_nan_end_in_an_error(
    trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    size = "--hidden-dim 64 --hidden-layers 4"
    message = error_of(trainer, capsys, "nan", f"--activation relu --learning-rate 100 --min-iters 2 {size}")
    assert "failed/nan, epoch 1: training diverged: the dev cross-entropy is not a number" in message
    assert "fix: lower --learning-rate" in message


def test_a_rate_at_which_no_epoch_is_accepted_ends_in_an_error_also_when_it_is_continued(
    trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        message = error_of(trainer, capsys, "rejected", "--learning-rate 1000 --max-iters 3")
        assert "failed/rejected: none of 2 epochs was accepted: the dev cross-entropy is " in message
        assert "fix: lower --learning-rate (1000)" in message


def test_a_student_that_no_epoch_improves_does_not_stop_the_others(
    trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    students = {"wild": "--learning-rate 1000 --max-iters 1", "tame": "--max-iters 2"}
    assert trainer.together("mixed", students) == 1
    assert "mixed/wild: none of 1 epochs was accepted" in capsys.readouterr().err
    assert trainer.alone("mixed_alone", {"tame": students["tame"]}) == [0]
    tame, alone = (trainer.exp / into / "tame" for into in ("mixed", "mixed_alone"))
    assert [r["accepted"] for r in records(tame)[1:]] == [r["accepted"] for r in records(alone)[1:]]
    assert_same_student(tame, alone, 1e-4)
    assert not (trainer.exp / "mixed" / "wild" / "final.safetensors").exists()


def test_retraining_that_improves_nothing_keeps_the_initial_network(
    trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = "--init EXP/teacher --learning-rate 1000 --max-iters 1"
    assert trainer.alone("kept", {"again": flags}) == [0]
    assert "the network remains that of --init" in capsys.readouterr().err
    networks = [trainer.exp / name / "final.safetensors" for name in ("teacher", "kept/again")]
    assert networks[0].read_bytes() == networks[1].read_bytes()


def test_a_loss_that_is_not_finite_before_training_is_an_error(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    infinite = dataclasses.replace(GOOD, cross_entropy=math.inf)
    monkeypatch.setattr(loop_module, "evaluate", lambda *args, **kwargs: infinite)
    message = error_of(trainer, capsys, "before", "--max-iters 1")
    assert "failed/before: the dev cross-entropy is inf before the first epoch" in message


STATE = TrainingState(3, BEGUN, ({"epoch": 0, "dev_cross_entropy": 3.0},))


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    tensors = {"network.a": torch.arange(6.0).view(2, 3), "network.n": torch.tensor(7)}
    save_checkpoint(tmp_path / "c", STATE, tensors)
    state, read = load_checkpoint(tmp_path / "c")
    assert state == STATE
    assert all(torch.equal(read[name], value) for name, value in tensors.items())


def test_one_changed_bit_of_a_checkpoint_is_an_error(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", STATE, {"network.a": torch.ones(2, 3)})
    content = bytearray((tmp_path / "c").read_bytes())
    for place in (content.index(b"0.008"), len(content) - 4):
        damaged = content.copy()
        damaged[place] ^= 1
        (tmp_path / "c").write_bytes(damaged)
        with pytest.raises(
            HybridKdError, match="broken checkpoint: it is damaged: its content does not match"
        ):
            load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize(
    ("state", "value", "problem"),
    [
        (STATE, math.nan, r"network\.a holds NaN or infinity"),
        (
            dataclasses.replace(STATE, newbob=dataclasses.replace(BEGUN, best_loss=math.nan)),
            1.0,
            "the dev cross-entropy is nan",
        ),
    ],
)
def test_a_checkpoint_of_a_training_that_diverged_is_an_error(
    tmp_path: Path, state: TrainingState, value: float, problem: str
) -> None:
    save_checkpoint(tmp_path / "c", state, {"network.a": torch.tensor([value])})
    with pytest.raises(HybridKdError, match=f"broken checkpoint: {problem}\n  fix: delete the output"):
        load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"newbob": {}}, "missing key 'best_loss'"),
        ({"epoch": "3"}, "key 'epoch' is '3'"),
        ({"colour": 1}, "unknown key 'colour'"),
    ],
)
def test_a_checkpoint_of_other_keys_is_an_error(
    tmp_path: Path, change: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hybrid_kd.training.checkpoint.asdict", lambda state: dataclasses.asdict(state) | change
    )
    save_checkpoint(tmp_path / "c", STATE, {})
    with pytest.raises(HybridKdError, match=f"broken checkpoint: {problem}"):
        load_checkpoint(tmp_path / "c")


def test_a_checkpoint_of_another_network_is_an_error(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("hybrid_kd.training.system.finish", lambda *args: None)
        assert trainer.alone("failed", {"other": "--max-iters 1"}) == [0]
    path = trainer.exp / "failed" / "other" / "checkpoint.safetensors"
    state, tensors = load_checkpoint(path)
    save_checkpoint(path, state, {**tensors, "network.output.bias": torch.zeros(3)})
    message = error_of(trainer, capsys, "other", "--max-iters 1")
    assert "checkpoint.safetensors: broken checkpoint: " in message
