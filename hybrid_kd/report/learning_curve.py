"""The course of a training, from the lines of its train.jsonl."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_kd.report.records import LearningCurve

DIGITS = 6  # significant ones that are kept


def learning_curve(epochs: Sequence[Mapping[str, Any]]) -> LearningCurve:
    """By epoch, from the state before the first one (epoch 0)."""
    return LearningCurve(
        dev_cross_entropy=[rounded(epoch["dev_cross_entropy"]) for epoch in epochs],
        dev_frame_accuracy=[rounded(epoch["dev_frame_accuracy"]) for epoch in epochs],
        train_objective=_column(epochs, "train_objective"),
        train_cross_entropy=_column(epochs, "train_cross_entropy"),
        temperature=_column(epochs, "temperature"),
        learning_rate=_column(epochs, "learning_rate"),
        accepted=[epoch.get("accepted") for epoch in epochs],
        seconds=_column(epochs, "seconds"),
    )


def _column(epochs: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    values = [epoch.get(name) for epoch in epochs]
    return [None if value is None else rounded(value) for value in values]


def rounded(value: float) -> float:
    """To six significant digits."""
    return float(f"{value:.{DIGITS}g}")


def final_loss(curve: LearningCurve) -> float:
    """The dev cross-entropy of the network that was kept: the last accepted epoch's."""
    kept = zip(curve.dev_cross_entropy, curve.accepted, strict=True)
    return [loss for loss, accepted in kept if accepted is not False][-1]


def first_epoch_at(curve: LearningCurve, loss: float) -> int | None:
    """The first epoch after which the dev cross-entropy is at most ``loss``, 0 before any; None for none."""
    return next((epoch for epoch, value in enumerate(curve.dev_cross_entropy) if value <= loss), None)


def seconds_until(curve: LearningCurve, epoch: int) -> float:
    """Seconds of the epochs up to and with ``epoch``."""
    return math.fsum(seconds for seconds in curve.seconds[: epoch + 1] if seconds is not None)
