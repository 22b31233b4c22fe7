"""How long a study will take."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from hybrid_kd.distill.temperature_schedule import parse_temperature_schedule
from hybrid_kd.report.records import SystemResult
from hybrid_kd.sweep.study_file import StudyPlan, System
from hybrid_kd.sweep.trial import Seconds

EPOCHS = 10.0  # of a training whose like is not recorded yet
COMMANDS_OF_A_TEACHER = 2  # beside its training: the ensemble or copy, and the labels


@dataclass(frozen=True)
class Work:
    """What is to be done: systems to train, systems to decode (the teacher among them), and whose first.

    num_sets: that each is decoded on.
    """

    trained: tuple[System, ...]
    num_decoded: int
    num_sets: int
    makes_teacher: bool
    makes_labels: bool


@dataclass(frozen=True)
class Estimate:
    """Seconds, one at a time; teacher: with its labels."""

    teacher: float
    training: float
    decoding: float
    scoring: float

    @property
    def total(self) -> float:
        return self.teacher + self.training + self.decoding + self.scoring

    def in_words(self, jobs: int) -> str:
        """One line."""
        parts = [f"{name} {duration(getattr(self, name))}" for name in ("training", "decoding", "scoring")]
        parts = [f"teacher and labels {duration(self.teacher)}"] * (self.teacher > 0) + parts
        return f"estimate: {', '.join(parts)}; with {jobs} at a time about {duration(self.total / jobs)}"


def untimed_epochs(lines: Sequence[SystemResult]) -> float:
    """Epochs of the last temperature stage, of the students that are recorded, or a guess."""
    found = [
        line.epochs - timed_epochs(str(line.config.get("temperatures", "1")))
        for line in lines
        if line.epochs and line.config.get("seed") is not None
    ]
    return float(mean(found)) if found else EPOCHS


def timed_epochs(temperatures: str) -> int:
    """Epochs of the stages before the last."""
    return sum(stage.num_epochs or 0 for stage in parse_temperature_schedule(temperatures))


def estimate(work: Work, seconds: Seconds, *, epochs: float) -> Estimate:
    """From what was measured; every command takes its start."""
    training = 0.0
    for system in work.trained:
        num_epochs = max(epochs, system.options.min_iters) + timed_epochs(system.options.temperatures)
        on_the_fly = seconds.teacher_forward if system.options.teacher else 0.0
        training += seconds.start + num_epochs * (seconds.epoch + on_the_fly)
    teacher = seconds.teacher * work.makes_teacher + seconds.teacher_forward * work.makes_labels
    return Estimate(
        teacher + (COMMANDS_OF_A_TEACHER * seconds.start if teacher else 0.0),
        training,
        work.num_decoded * (seconds.decode + work.num_sets * seconds.start),
        work.num_decoded * seconds.score,
    )


def teacher_epochs(plan: StudyPlan) -> float:
    """What a teacher's training is taken to have."""
    return max([EPOCHS, *(float(teacher.options.min_iters) for teacher in plan.teachers)])


def duration(seconds: float) -> str:
    """``2 h 31 min``, ``45 min``, ``38 s``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
