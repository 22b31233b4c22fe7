"""Students that train side by side: frames a second times students, beside one student alone.

The students are those of a figure: hard weights 0, 0.1 .. 1, one teacher's stored labels. Stack and student
take turns, round by round, over the same frames, so that a busy machine slows both.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.training import LEARNING_RATE, seconds_of, stored_teacher, synthetic_frames
from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.teachers import TeacherLabels, Teachers
from hybrid_kd.distill.temperature_schedule import TemperatureStage
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.network.dnn import Dnn, NetworkShape, num_parameters
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.training.epoch_labels import Temperatures
from hybrid_kd.training.learner import Learner, SgdOptions
from hybrid_kd.training.loop import train_epoch
from hybrid_kd.training.newbob import NewbobOptions
from hybrid_kd.training.plan import Distillation, TrainingPlan
from hybrid_kd.training.stack_learner import joined

HARD_WEIGHTS = tuple(tenths / 10 for tenths in range(11))
SYSTEMS = {
    "student 2x256, 384 pdfs": NetworkShape(440, 2, 256, 384),
    "student 3x128, 384 pdfs": NetworkShape(440, 3, 128, 384),
    "student 4x512, 384 pdfs": NetworkShape(440, 4, 512, 384),
}
FLOPS = 6.0  # a parameter and frame
ASSUMED_FLOPS_PER_S = 3e10


@dataclass(frozen=True)
class StackSpeed:
    """students x frames/s of a stack, frames/s of one student alone, and how many times that it is."""

    system: str
    students: int
    frames_per_s: float
    alone_frames_per_s: float
    ratio: float


def measure_stacks(*, minibatch_size: int, num_rounds: int, round_s: float) -> Iterator[StackSpeed]:
    """Measure each system; a round of the stack takes about ``round_s`` on a core that is not fast."""
    for system, shape in SYSTEMS.items():
        flops_of_batch = FLOPS * num_parameters(Dnn(shape)) * minibatch_size * len(HARD_WEIGHTS)
        num_batches = max(4, round(round_s * ASSUMED_FLOPS_PER_S / flops_of_batch))
        train = synthetic_frames(num_batches * minibatch_size, shape.num_pdfs)
        with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
            teachers = stored_teacher(Path(directory) / "labels", train.inputs, shape.num_pdfs)
            epochs = [_epoch(shape, train, teachers, weights) for weights in (HARD_WEIGHTS, (0.5,))]
            for epoch in epochs:
                epoch(minibatch_size)
            rounds = [
                [seconds_of(lambda: epoch(minibatch_size)) for epoch in epochs]  # noqa: B023
                for _ in range(num_rounds)
            ]
        frames = train.num_frames
        yield StackSpeed(
            system,
            len(HARD_WEIGHTS),
            len(HARD_WEIGHTS) * frames / statistics.median(stack for stack, _ in rounds),
            frames / statistics.median(alone for _, alone in rounds),
            statistics.median(len(HARD_WEIGHTS) * alone / stack for stack, alone in rounds),
        )


def _epoch(
    shape: NetworkShape, train: LabelledFrames, teachers: Teachers, hard_weights: tuple[float, ...]
) -> Callable[[int], object]:
    """An epoch of students with these hard weights, in minibatches of so many frames."""
    plans = [
        TrainingPlan(
            train,
            train,
            NewbobOptions(),
            seed,
            0,
            Distillation(teachers, MixingRule("si", weight), ((TemperatureStage(1.0, None),),)),
        )
        for seed, weight in enumerate(hard_weights)
    ]
    labels: dict[Temperatures, TeacherLabels] = {(1.0,): teachers.at_temperatures((1.0,))}
    networks = [Dnn(shape) for _ in plans]
    for seed, network in enumerate(networks):
        initialise(network, seed=seed)

    def run(minibatch_size: int) -> object:
        learners = [Learner(network, SgdOptions(minibatch_size)) for network in networks]
        for learner in learners:
            learner.set_learning_rate(LEARNING_RATE)
        return train_epoch(joined(learners), plans, 1, labels)

    return run
