"""What decides about one training: data, seeds, schedules and labels."""

from dataclasses import dataclass

from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.teachers import Teacher
from hybrid_kd.distill.temperature_schedule import TemperatureStage
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.training.newbob import NewbobOptions


@dataclass(frozen=True)
class Distillation:
    """A teacher, how its labels are mixed with the reference, and the temperatures of its labels."""

    teacher: Teacher
    rule: MixingRule
    stages: tuple[TemperatureStage, ...]


@dataclass(frozen=True)
class TrainingPlan:
    """Data and rules of one training; ``distillation`` is None for hard labels only.

    order_seed: of the order of frames; seed: of all else that is random.
    """

    train: LabelledFrames
    dev: LabelledFrames
    newbob: NewbobOptions
    seed: int
    order_seed: int
    distillation: Distillation | None = None
    randomizer_size: int = 0

    def stage_of_epoch(self, epoch: int) -> TemperatureStage:
        """The temperature stage that epoch (1-based) belongs to."""
        if self.distillation is None:
            return TemperatureStage(1.0, None)
        for stage in self.distillation.stages:
            if stage.num_epochs is None or epoch <= stage.num_epochs:
                return stage
            epoch -= stage.num_epochs
        raise AssertionError("the last stage is untimed")
