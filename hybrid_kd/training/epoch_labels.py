"""The labels that students learn from in one epoch: the reference, and the teacher's that they share.

Axis letters: students = those that train together, no axis for one alone; batch = frames of a minibatch;
entries = the teacher's states kept, padded to the widest frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import pad

from hybrid_kd.distill.labels import SparsePosteriors
from hybrid_kd.distill.mixing import MixedLabels
from hybrid_kd.distill.teachers import TeacherLabels
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.training.plan import TrainingPlan


class TeacherTemperatures:
    """A teacher's labels at the temperatures of the current epoch; others are let go."""

    def __init__(self) -> None:
        self._labels: dict[float, TeacherLabels] = {}

    def of_epoch(self, plans: Sequence[TrainingPlan], epoch: int) -> dict[float, TeacherLabels]:
        """Labels at each temperature that a plan has in the epoch; the plans' teachers are one."""
        teachers = {
            plan.stage_of_epoch(epoch).temperature: plan.distillation.teacher
            for plan in plans
            if plan.distillation is not None
        }
        self._labels = {t: labels for t, labels in self._labels.items() if t in teachers}
        for temperature in teachers.keys() - self._labels.keys():
            self._labels[temperature] = teachers[temperature].at_temperature(temperature)
        return self._labels


@dataclass(frozen=True)
class EpochLabels:
    """Labels of any training frames, mixed as each student wants them.

    students: () for one alone. hard_weights: of each utterance. teacher_labels: at each temperature of the
    epoch. temperature_of_student: which of them each student has; empty where there is but one.
    """

    frames: LabelledFrames
    students: tuple[int, ...]
    hard_weights: Float32[Tensor, "*students utts"] | None = None
    teacher_labels: tuple[TeacherLabels, ...] = ()
    temperature_of_student: tuple[int, ...] = ()

    def of_frames(self, frame_index: Int64[Tensor, " batch"]) -> MixedLabels:
        """The labels of a minibatch; the teacher's are gathered once for each temperature."""
        pdf_ali = self.frames.pdf_ali[frame_index].expand(*self.students, len(frame_index))
        if self.hard_weights is None:
            return MixedLabels(pdf_ali)
        hard_weights = self.hard_weights[..., self.frames.inputs.utt_of_frame[frame_index]]
        return MixedLabels(pdf_ali, hard_weights, self._teacher_posteriors(frame_index))

    def _teacher_posteriors(self, frame_index: Int64[Tensor, " batch"]) -> SparsePosteriors:
        found = [labels.posteriors(frame_index) for labels in self.teacher_labels]
        if not self.temperature_of_student:
            shape = (*self.students, *found[0].pdf_ids.shape)
            return SparsePosteriors(found[0].pdf_ids.expand(shape), found[0].posteriors.expand(shape))
        entries = [posteriors.pdf_ids.shape[1] for posteriors in found]
        padding = [(0, max(entries) - number) for number in entries]
        pdf_ids = [pad(one.pdf_ids, by) for one, by in zip(found, padding, strict=True)]
        posteriors = [pad(one.posteriors, by) for one, by in zip(found, padding, strict=True)]
        return SparsePosteriors(
            torch.stack([pdf_ids[index] for index in self.temperature_of_student]),
            torch.stack([posteriors[index] for index in self.temperature_of_student]),
            tuple(entries[index] for index in self.temperature_of_student),
        )


def epoch_labels(
    plans: Sequence[TrainingPlan],
    epoch: int,
    teacher_labels: Mapping[float, TeacherLabels],
    *,
    students: tuple[int, ...],
) -> EpochLabels:
    """The labels of the students whose plans these are: one alone (``students`` ()), or a stack.

    Beside students with a teacher, those without one have its labels with weight 0.
    """
    frames = plans[0].train
    if not teacher_labels:
        return EpochLabels(frames, students)
    device, utt_ids = frames.pdf_ali.device, frames.inputs.utt_ids
    weights = [
        torch.ones(len(utt_ids))
        if plan.distillation is None
        else plan.distillation.rule.utterance_hard_weights(utt_ids, seed=plan.seed, epoch=epoch)
        for plan in plans
    ]
    temperatures = list(teacher_labels)
    own = (
        0 if plan.distillation is None else temperatures.index(plan.stage_of_epoch(epoch).temperature)
        for plan in plans
    )
    return EpochLabels(
        frames,
        students,
        torch.stack(weights).view(*students, len(utt_ids)).to(device),
        tuple(teacher_labels.values()),
        tuple(own) if len(temperatures) > 1 else (),
    )
