"""What a CUDA graph asks of a training step, as far as it can be seen without a GPU."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import singledispatch
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import hybrid_kd.training.loop as loop_module
from hybrid_kd.cli.main import main
from hybrid_kd.training import cuda_graph
from hybrid_kd.training.cuda_graph import WARM_UP_STEPS
from hybrid_kd.training.distributed import World
from hybrid_kd.training.learner import Learner
from hybrid_kd.training.metrics import FrameMetrics, RunningMetrics
from hybrid_kd.training.stack_learner import StackLearner
from tests.training.students import Trainer, assert_same_bits

FEW_FRAMES = ("--minibatch-size", "16", "--max-iters", "2")
SIDE_BY_SIDE = {
    "hard": "",
    "si": "TAUGHT --hard-weight 0.3 --seed 1 --temperatures 2:1,1",
    "sd": "TAUGHT --mixing sd --learning-rate 0.02",
    "soft_weight": "TAUGHT --soft-weight 0.2",
}
UNCERTAIN = {
    "unc": "TAUGHT --uncertainty --uncertainty-weight 1 --seed 1",
    "sigma-eps": "TAUGHT --uncertainty --uncertainty-weight 0.5 --uncertainty-noise sigma-eps",
}
ALONE = {
    "dropout": "--batch-norm --dropout 0.2 --momentum 0.5",
    "running": "--teacher EXP/teacher --prune-below 0 --label-smoothing 0.1",
    "two_teachers": "--teacher EXP/teacher EXP/teacher --teacher-weights 0.7 0.3",
}


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(tmp_path_factory.mktemp("exp"), "--uncertainty")


def train_all(trainer: Trainer, into: str) -> None:
    assert trainer.together(into, SIDE_BY_SIDE, *FEW_FRAMES) == 0
    assert trainer.together(into, UNCERTAIN, *FEW_FRAMES) == 0
    assert set(trainer.alone(into, ALONE, *FEW_FRAMES)) == {0}


def test_a_step_asks_the_device_for_nothing(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors on "meta" have no values: a step that reads one, depends on one or mixes devices fails."""
    train_epoch, frames_seen = loop_module.train_epoch, list[Tensor]()

    def no_means(metrics: RunningMetrics, _: World) -> list[FrameMetrics]:
        frames_seen.append(metrics.num_frames)
        return []

    def first_without_values(learner: Any, plans: Any, epoch: int, teacher_labels: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(RunningMetrics, "means", no_means)
            patch.setattr(loop_module, "torch_generator", lambda *_, **__: torch.Generator())
            train_epoch(without_values(learner), without_values(plans), epoch, without_values(teacher_labels))
        return train_epoch(learner, plans, epoch, teacher_labels)

    monkeypatch.setattr(loop_module, "train_epoch", first_without_values)
    train_all(trainer, "without_values")
    assert {frames.device.type for frames in frames_seen} == {"meta"}
    with pytest.raises(RuntimeError):
        frames_seen[0].item()


@singledispatch
def without_values(thing: Any) -> Any:
    """The same on the device "meta"."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return replace(thing, **{f.name: without_values(getattr(thing, f.name)) for f in fields(thing)})
    return thing


@without_values.register(Tensor)
def _(tensor: Tensor) -> Tensor:
    return tensor.to("meta")


@without_values.register(nn.Module)
def _(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).to("meta")


@without_values.register(torch.device)
def _(_: torch.device) -> torch.device:
    return torch.device("meta")


@without_values.register(list)
@without_values.register(tuple)
def _(things: Any) -> Any:
    return type(things)(without_values(thing) for thing in things)


@without_values.register(dict)
def _(things: dict[Any, Any]) -> dict[Any, Any]:
    return {key: without_values(thing) for key, thing in things.items()}


@without_values.register(Learner)
def _(learner: Learner) -> Learner:
    copied = Learner(without_values(learner.network), learner.options)
    copied.set_learning_rate(0.1)
    return copied


@without_values.register(StackLearner)
def _(stack: StackLearner) -> StackLearner:
    copied = copy.copy(stack)
    copied.network = without_values(stack.network)
    return copied


def test_steps_launched_as_wholes_train_the_same_students(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph is played by the work itself: on a CPU there is none."""
    train_all(trainer, "launched_singly")
    train_epoch, num_steps = loop_module.train_epoch, {"warm": 0, "replayed": 0, "graphs": 0}

    def warm(work: Callable[[], None]) -> None:
        num_steps["warm"] += 1
        work()

    def captured(work: Callable[[], None], _: Sequence[torch.Generator]) -> Callable[[], None]:
        def replay() -> None:
            num_steps["replayed"] += 1
            work()

        num_steps["graphs"] += 1
        return replay

    def graphed(learner: Any, plans: Any, epoch: int, teacher_labels: Any) -> Any:
        return train_epoch(learner, [replace(plan, cuda_graph=True) for plan in plans], epoch, teacher_labels)

    monkeypatch.setattr(cuda_graph, "on_side_stream", warm)
    monkeypatch.setattr(cuda_graph, "captured", captured)
    monkeypatch.setattr(loop_module, "train_epoch", graphed)
    train_all(trainer, "launched_as_wholes")
    for name in SIDE_BY_SIDE | UNCERTAIN | ALONE:
        assert_same_bits(trainer.exp / "launched_as_wholes" / name, trainer.exp / "launched_singly" / name)
    assert num_steps["warm"] == WARM_UP_STEPS * num_steps["graphs"] > 0
    assert num_steps["replayed"] > num_steps["graphs"]


def test_it_needs_a_gpu(trainer: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [*trainer.flags, "--out", str(trainer.exp / "on_cpu"), "--device", "cpu", "--cuda-graph"]
    assert main(["train", *flags]) == 1
    message = capsys.readouterr().err
    assert "--cuda-graph: steps on cpu are not launched as a whole" in message
    assert "fix: leave it out, or train in one process on a GPU" in message
    assert not (trainer.exp / "on_cpu").exists()
