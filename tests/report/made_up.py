"""A made-up study: students whose errors are known, on sets of a few speakers in four noises."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hybrid_kd.report.records import (
    DevPosteriors,
    ExampleRecord,
    LabelsRecord,
    LearningCurve,
    SetRecord,
    Study,
    SystemResult,
)
from tests.report.test_records import make_decode, make_system

NOISES = ("BUS", "CAF", "PED", "STR")
NUM_SPEAKERS, NUM_SENTENCES, WORDS = 4, 10, 5
NUM_CLEAN = NUM_SPEAKERS * NUM_SENTENCES
DT, ET = "dt05_simu", "et05_simu"
CONFIG: dict[str, Any] = {
    "train_data": "data/tr",
    "init": None,
    "teacher_labels": None,
    "teacher": None,
    "mixing": "si",
    "hard_weight": 0.5,
    "sd_draw": "epoch",
    "temperatures": "1",
    "prune_below": 0.01,
    "seed": 0,
}


def make_set(set_name: str) -> SetRecord:
    """Every sentence of every speaker in four noises, five words each."""
    sentences = [f"{set_name[:2]}{s}_u{u}" for s in range(NUM_SPEAKERS) for u in range(NUM_SENTENCES)]
    utt_ids = sorted(f"{sentence}_{noise}_SIMU" for sentence in sentences for noise in NOISES)
    return SetRecord(set_name, utt_ids, [WORDS] * len(utt_ids))


def errors_of(mean: float, *, noise: int = 0, spread: float = 0.0) -> list[int]:
    """Errors in every utterance: of the clean ones Poisson(4 mean), seeded; the four noises have the same.

    ``spread`` 0 gives every clean utterance the same errors, so that differences have no variance.
    """
    generator = np.random.default_rng(noise)
    clean = np.full(NUM_CLEAN, mean) if spread == 0 else generator.normal(mean, spread, NUM_CLEAN)
    return [int(value) for value in np.repeat(np.maximum(np.rint(clean), 0), len(NOISES))]


def make_student(
    name: str,
    dt: Sequence[int],
    et: Sequence[int],
    *,
    losses: Sequence[float] = (3.0, 2.0, 1.5),
    **config: Any,
) -> SystemResult:
    """A network with these errors; a teacher's labels unless ``mixing`` is None."""
    options = CONFIG | config
    is_hard = options["mixing"] is None
    training = {"labels": "reference"} if is_hard else {"labels": options["mixing"], "teacher": "teacher"}
    options |= {"mixing": "si"} if is_hard else {"teacher_labels": "exp/labels"}
    num_epochs = len(losses) - 1
    curve = LearningCurve(
        dev_cross_entropy=list(losses),
        dev_frame_accuracy=[0.5] * len(losses),
        train_objective=[None, *[1.0] * num_epochs],
        train_cross_entropy=[None, *[1.0] * num_epochs],
        temperature=[None] * len(losses),
        learning_rate=[None, *[0.008] * num_epochs],
        accepted=[None, *[True] * num_epochs],
        seconds=[None, *[10.0] * num_epochs],
    )
    return make_system(
        name,
        *decodes(dt, et),
        training=training | {"seed": options["seed"]},
        config=options,
        learning_curve=curve,
        inputs={} if is_hard else {"teacher_labels": "34cd"},
        dev_posteriors=POSTERIORS,
        commit="0123456789abcdef",
        model_sha256="fedcba9876543210",
    )


def decodes(dt: Sequence[int], et: Sequence[int]) -> list[Any]:
    """Both sets, et at the point chosen on dt."""
    num_words = NUM_CLEAN * len(NOISES) * WORDS
    made = []
    for name, errors, tuned_on in ((DT, dt, "itself"), (ET, et, DT)):
        total = sum(errors)
        made.append(
            make_decode(
                directory=f"decode_{name}",
                set_name=name,
                tuned_on=tuned_on,
                errors=total,
                words=num_words,
                wer=100 * total / num_words,
                errors_by_utterance=list(errors),
            )
        )
    return made


POSTERIORS = DevPosteriors(
    *(DT, 1000, 1.5, 0.5, 0.8, 0.1),
    *([400, 600], [0.3, 0.8], [0.25, 0.7]),
    example=["0z5", "z0u"],
)
EXAMPLE = ExampleRecord(DT, "dt0_u0_BUS_SIMU", "ONE TWO", 0, 3, ["SIL", "W"], [0, 1, 1])
LABELS = LabelsRecord(
    *("labels", "teacher", "12ab", "34cd", "tr", 0.01, 1000, [1.0, 2.0], [0.02, 0.2], [0.5, 0.1]),
    *([0.4, 1.1], [0.5, 1.9], 200, [["0z5", "z0u"], ["1y5", "y0a"]]),
)


def make_teacher(dt: Sequence[int], et: Sequence[int]) -> SystemResult:
    """An ensemble."""
    system = make_student("teacher", dt, et)
    return replace(
        system, kind="ensemble", training={"ensemble_of": ["t0"]}, config={}, learning_curve=None, inputs={}
    )


def make_study(*systems: SystemResult) -> Study:
    """With a teacher that makes no errors."""
    none = [0] * (NUM_CLEAN * len(NOISES))
    return Study([make_teacher(none, none), *systems], [make_set(DT), make_set(ET)], [LABELS], EXAMPLE)
