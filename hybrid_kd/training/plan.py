"""What decides about one training: data, seeds, schedules and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.noise import UncertaintyNoise
from hybrid_kd.distill.teachers import Teachers, Wanted
from hybrid_kd.distill.temperature_schedule import TemperatureStage
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.training.newbob import NewbobOptions


@dataclass(frozen=True)
class Distillation:
    """Teachers, how their labels are mixed with the reference, and the temperatures of each.

    uncertainty_weight: of the distance of the student's noise from the teachers'.
    """

    teachers: Teachers
    rule: MixingRule
    schedules: tuple[tuple[TemperatureStage, ...], ...]
    uncertainty_weight: float = 0.0

    @property
    def wanted(self) -> Wanted:
        """What of the teachers' labels has a weight."""
        return Wanted(posteriors=self.rule.teacher_weight > 0, noise=self.uncertainty_weight > 0)


@dataclass(frozen=True)
class Uncertainty:
    """Of a student with an uncertainty head: draws of each frame, and what of the noise is compared."""

    num_pdfs: int
    samples: int
    noise: UncertaintyNoise


@dataclass(frozen=True)
class TrainingPlan:
    """Data and rules of one training; ``distillation`` is None for hard labels only.

    order_seed: of the order of frames; seed: of all else that is random. average: so many accepted epochs.
    cuda_graph: whether steps are launched as wholes.
    """

    train: LabelledFrames
    dev: LabelledFrames
    newbob: NewbobOptions
    seed: int
    order_seed: int
    distillation: Distillation | None = None
    randomizer_size: int = 0
    label_smoothing: float = 0.0
    uncertainty: Uncertainty | None = None
    average: int = 1
    cuda_graph: bool = False

    def stages_of_epoch(self, epoch: int) -> tuple[TemperatureStage, ...]:
        """The temperature stage of each teacher that epoch (1-based) belongs to; () without one."""
        schedules = () if self.distillation is None else self.distillation.schedules
        return tuple(_stage_of_epoch(schedule, epoch) for schedule in schedules)

    def temperatures_of_epoch(self, epoch: int) -> tuple[float, ...]:
        """Of each teacher."""
        return tuple(stage.temperature for stage in self.stages_of_epoch(epoch))

    def is_timed(self, epoch: int) -> bool:
        """Whether the stage of some teacher has a number of epochs: newbob has not begun."""
        return any(stage.num_epochs is not None for stage in self.stages_of_epoch(epoch))


def _stage_of_epoch(schedule: Sequence[TemperatureStage], epoch: int) -> TemperatureStage:
    for stage in schedule:
        if stage.num_epochs is None or epoch <= stage.num_epochs:
            return stage
        epoch -= stage.num_epochs
    raise AssertionError("the last stage is untimed")
