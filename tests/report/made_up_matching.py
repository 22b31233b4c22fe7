"""A made-up study of the second paper: two teachers of two noises each, students of two sizes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hybrid_kd.report.records import DecodeResult, Study, SystemResult
from hybrid_kd.report.uncertainty_records import AgreementRecord
from hybrid_kd.scoring.utterances import environment
from tests.report.made_up import DT, ET, make_set, make_student

POINT = "1_0.0"
BUS_CAF, PED_STR = "teacher_bus_caf", "teacher_ped_str"
BOTH = f"{BUS_CAF} + {PED_STR}"
SIZES = {"2 x 256": 300_000, "2 x 128": 100_000}
OPTIONS: dict[str, dict[str, Any]] = {
    "hard": {},
    "head": {"uncertainty": True},
    "tok": {"hard_weight": 0.5},
    "unc": {"hard_weight": 1.0, "uncertainty": True, "uncertainty_weight": 1.0},
    "tok_unc": {"hard_weight": 0.5, "uncertainty": True, "uncertainty_weight": 1.0},
}
AGREEMENT = AgreementRecord(BUS_CAF, PED_STR, DT, 1000, 0.8, 0.2, 0.3, 0.4, 0.9, 0.6, 0.9, 0.5)
Errors = float | Mapping[str, float]  # mean of an utterance, of all noises or of each


def errors_of(mean: Errors, *, spread: float = 0.0, noise: int = 0) -> list[int]:
    """Errors in every utterance of a set of made_up.py, about the mean of its noise."""
    utt_ids = make_set(DT).utt_ids
    moves = np.random.default_rng(noise).normal(0, 1, len(utt_ids)) * spread
    means = [mean if isinstance(mean, int | float) else mean[environment(u) or ""] for u in utt_ids]
    return [max(0, int(np.rint(value + move))) for value, move in zip(means, moves, strict=True)]


def matching_student(
    kind: str,
    teacher: str | None,
    et: Errors,
    *,
    dt: Errors = 2,
    near: Errors = 4,
    size: str = "2 x 256",
    seed: int = 0,
    spread: float = 0.0,
    **config: Any,
) -> SystemResult:
    """``near``: errors near LM weight 0, on both sets."""
    name = f"{size}_{kind}_{teacher}_{seed}" + "".join(f"_{value}" for value in config.values())
    counts = [
        errors_of(mean, spread=spread, noise=sum(map(ord, name)) + n) for n, mean in enumerate((dt, et))
    ]
    options = OPTIONS[kind] | config | {"seed": seed}
    student = make_student(name, *counts, mixing=None, **options)
    stores = [f"exp/labels_{each}" for each in (teacher or "").split(" + ") if each]
    labels: Any = stores if len(stores) > 1 else next(iter(stores), None)
    told = {name: student.config[name] for name in ("hard_weight", "temperatures", "prune_below")}
    training = {"labels": "si", **told, "teacher": teacher} if teacher else {"labels": "reference"}
    return replace(
        student,
        network=f"440 -> {size} -> 384, sigmoid",
        parameters=SIZES[size],
        training=training,
        config=student.config | {"teacher_labels": labels},
        decodes=[with_near(decode, near) for decode in student.decodes],
    )


def with_near(decode: DecodeResult, near: Errors) -> DecodeResult:
    return replace(decode, errors_elsewhere={POINT: errors_of(near)})


def domain_teacher(name: str, et: Errors, *, dt: Errors = 1) -> SystemResult:
    """A large network with a head, on reference labels of two noises."""
    student = matching_student("head", None, et, dt=dt)
    network, train_data = "440 -> 4 x 1024 -> 384, relu", name.removeprefix("teacher_")
    return replace(student, system=name, network=network, parameters=5_000_000, train_data=train_data)


def matching_study(
    et_of: Callable[[str, str | None, str], Errors], *, seeds: int = 1, spread: float = 0.0
) -> Study:
    """All students of all kinds; ``et_of`` tells their errors from kind, teacher and size."""
    choices: list[tuple[str, str | None]] = [("hard", None), ("head", None)]
    choices += [(kind, teacher) for kind in ("tok", "unc", "tok_unc") for teacher in (BUS_CAF, PED_STR, BOTH)]
    students = [
        matching_student(kind, teacher, et_of(kind, teacher, size), size=size, seed=seed, spread=spread)
        for size in SIZES
        for kind, teacher in choices
        for seed in range(seeds)
    ]
    teachers = [domain_teacher(name, 1) for name in (BUS_CAF, PED_STR)]
    return Study([*teachers, *students], [make_set(DT), make_set(ET)], agreements=[AGREEMENT])
