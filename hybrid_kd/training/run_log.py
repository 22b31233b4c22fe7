"""What a training says of itself: a line an epoch on screen and in log/, and train.jsonl for programs."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid_kd.atomic import replace_file
from hybrid_kd.log_file import about_directory

logger = logging.getLogger(__name__)


def log_epoch(record: dict[str, Any], directory: Path, *, is_named: bool = False) -> None:
    """One line: losses in nats a frame, accuracies in %; with the system's name where others train beside."""
    name, about = f"{directory.name}: " if is_named else "", about_directory(directory)
    dev = f"dev {record['dev_cross_entropy']:.4f} {100 * record['dev_frame_accuracy']:.2f} %"
    if "train_objective" not in record:
        logger.info("%sepoch %2d: %s", name, record["epoch"], dev, extra=about)
        return
    logger.info(
        "%sepoch %2d:%s rate %.3g, objective %.4f, train %.4f %.2f %%, %s, %s, %.1f s",
        name,
        record["epoch"],
        _temperatures(record),
        record["learning_rate"],
        record["train_objective"],
        record["train_cross_entropy"],
        100 * record["train_frame_accuracy"],
        dev,
        "accepted" if record["accepted"] else "rejected",
        record["seconds"],
        extra=about,
    )


def _temperatures(record: dict[str, Any]) -> str:
    temperatures = record.get("teacher_temperatures", [record["temperature"]])
    return "" if temperatures == [None] else f" T {', '.join(f'{t:g}' for t in temperatures)},"


def log_average(average: dict[str, Any], directory: Path, *, is_named: bool = False) -> None:
    """One line of the network that is the mean of some epochs'."""
    logger.info(
        "%smean of epochs %s: dev %.4f %.2f %%",
        f"{directory.name}: " if is_named else "",
        " ".join(map(str, average["epochs"])),
        average["dev_cross_entropy"],
        100 * average["dev_frame_accuracy"],
        extra=about_directory(directory),
    )


def write_records(directory: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write train.jsonl, one line an epoch, as a whole: it never says more than the checkpoint."""
    with replace_file(directory / "train.jsonl", "w") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
