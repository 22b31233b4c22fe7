"""Students of the tiny experiment: trained side by side or each by its own command, and compared."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import load_file

import hybrid_kd.training.loop as loop_module
from hybrid_kd.cli.main import main
from hybrid_kd.training.judging import judge_epoch
from hybrid_kd.training.newbob import NewbobOptions, NewbobState
from tests.tiny_experiment import make_tiny_experiment

# The rate of students whose newbob is fed. A rate at which real losses rise is chaotic: one rounding grows
# past any tolerance.
FED_RATE = 0.0071
# The dev loss of each of their epochs as a share of the best before: a good epoch, one that is rejected, then
# less and less gain at halved rates until the last ends the training. Newbob's thresholds (1, 0.99 and 0.999)
# are far.
FED_SHARES = (0.8, 1.5, 0.9, 0.95, 0.97, 0.9999)


@contextmanager
def fed_newbob() -> Iterator[None]:
    """Students at FED_RATE are judged by FED_SHARES, all others by their dev loss."""

    def judge(state: NewbobState, dev_loss: float, options: NewbobOptions, **others: Any) -> NewbobState:
        if options.learning_rate == FED_RATE:
            dev_loss = state.best_loss * FED_SHARES[state.iters]
        return judge_epoch(state, dev_loss, options, **others)

    with patch.object(loop_module, "judge_epoch", judge):
        yield


class Trainer:
    """Trains students of the tiny experiment, side by side or each by its own command."""

    def __init__(self, exp: Path, *teachers_flags: str) -> None:
        self.exp = exp
        self.tiny = make_tiny_experiment(exp / "tiny")
        self.flags = [*self.tiny.train_args(Path("absent")), "--order-seed", "5"]
        assert (
            main(["train", *self.flags, "--out", str(exp / "teacher"), "--max-iters", "2", *teachers_flags])
            == 0
        )
        label = ["--teacher", str(exp / "teacher"), "--data", str(self.tiny.train_data)]
        assert main(["label", *label, "--temperatures", "1,2,3", "--out", str(exp / "labels")]) == 0

    def alone(self, into: str, students: dict[str, str], *flags: str) -> list[int]:
        """The exit status of each."""
        return [
            main(["train", *self.flags, *flags, *self._own(own), "--out", str(self.exp / into / name)])
            for name, own in students.items()
        ]

    def together(self, into: str, students: dict[str, str], *flags: str) -> int:
        """The exit status."""
        lines = [f"{name} {' '.join(self._own(own))}\n" for name, own in students.items()]
        (self.exp / f"{into}.list").write_text("# name and options\n\n" + "".join(lines))
        opts = " ".join([*self.flags, *flags])
        words = ["--exp", str(self.exp / into), f"--opts={opts}"]
        return main(["train-together", str(self.exp / f"{into}.list"), *words])

    def _own(self, flags: str) -> list[str]:
        taught = f"--teacher-labels {self.exp}/labels"
        return flags.replace("TAUGHT", taught).replace("EXP", str(self.exp)).split()


def records(directory: Path) -> list[dict[str, Any]]:
    """train.jsonl without the seconds and with whom they were shared."""
    lines = map(json.loads, (directory / "train.jsonl").read_text().splitlines())
    return [{key: line[key] for key in line.keys() - {"seconds", "students"}} for line in lines]


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "final.safetensors")


def assert_same_weights(left: Path, right: Path) -> None:
    ours, theirs = weights(left), weights(right)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def assert_same_bits(left: Path, right: Path) -> None:
    assert_same_weights(left, right)
    assert records(left) == records(right)


def assert_same_student(left: Path, right: Path, tolerance: float) -> None:
    """Equal decisions, and equal numbers but for rounding."""
    ours, theirs = records(left), records(right)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("accepted", "temperature", "teacher_temperatures"):
            assert mine.pop(name, None) == other.pop(name, None)
        means = [record.pop("average", {}) for record in (mine, other)]
        assert means[0].pop("epochs", []) == means[1].pop("epochs", [])
        assert means[0] == pytest.approx(means[1], rel=tolerance, abs=0)
        assert mine == pytest.approx(other, rel=tolerance, abs=0)
    for name, value in weights(left).items():
        torch.testing.assert_close(weights(right)[name], value, rtol=tolerance, atol=tolerance)
