"""The labels that students learn from in one epoch: the reference, and the teacher's that they share.

Axis letters: students = those that train together, no axis for one alone; batch = frames of a minibatch;
entries = the teacher's states kept, padded to the widest frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import pad

from hybrid_kd.distill.labels import SparsePosteriors
from hybrid_kd.distill.mixing import MixedLabels
from hybrid_kd.distill.noise import EpochNoise, StudentNoise, UncertaintyTarget
from hybrid_kd.distill.teachers import TeacherLabels, Wanted
from hybrid_kd.training.plan import TrainingPlan

Temperatures = tuple[float, ...]  # of each teacher


class TeacherTemperatures:
    """The teachers' labels at the temperatures of the current epoch; others are let go."""

    def __init__(self) -> None:
        self._labels: dict[Temperatures, TeacherLabels] = {}

    def of_epoch(self, plans: Sequence[TrainingPlan], epoch: int) -> dict[Temperatures, TeacherLabels]:
        """Labels at all temperatures that a plan has in the epoch; the plans' teachers are the same."""
        teachers = {
            plan.temperatures_of_epoch(epoch): plan.distillation.teachers
            for plan in plans
            if plan.distillation is not None
        }
        self._labels = {t: labels for t, labels in self._labels.items() if t in teachers}
        for temperatures in teachers.keys() - self._labels.keys():
            self._labels[temperatures] = teachers[temperatures].at_temperatures(temperatures)
        return self._labels


@dataclass(frozen=True)
class EpochLabels:
    """Labels of any training frames, mixed as each student wants them.

    students: () for one alone. teacher_labels: at all temperatures of the epoch. wanted: of them, by any
    student. temperatures_of_student: which of them each student has; empty where there is but one kind.
    weights: of the reference and of the teachers, for each utterance. noise: of the logits, by seed; empty
    for students without an uncertainty head.
    """

    plans: Sequence[TrainingPlan]
    students: tuple[int, ...]
    teacher_labels: tuple[TeacherLabels, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    temperatures_of_student: tuple[int, ...] = ()
    weights: tuple[Float32[Tensor, "*students utts"], Float32[Tensor, "*students utts"] | None] | None = None
    noise: Mapping[int, EpochNoise] = field(default_factory=dict)

    def of_frames(self, frame_index: Int64[Tensor, " batch"]) -> MixedLabels:
        """The labels of a minibatch; the teachers' are gathered once for each temperature."""
        frames = self.plans[0].train
        pdf_ali = frames.pdf_ali[frame_index].expand(*self.students, len(frame_index))
        smoothing = self.plans[0].label_smoothing
        if self.weights is None:
            noise = self._noise_of(frame_index, ())
            return MixedLabels(pdf_ali, label_smoothing=smoothing, noise=noise)
        utt = frames.inputs.utt_of_frame[frame_index]
        hard_weights, soft_weights = (None if w is None else w[..., utt] for w in self.weights)
        found = [labels.of_frames(frame_index, self.wanted) for labels in self.teacher_labels]
        posteriors = [one.posteriors for one in found if one.posteriors is not None]
        noise = self._noise_of(frame_index, found[0].directions)
        teacher = self._of_students(posteriors) if posteriors else None
        return MixedLabels(pdf_ali, hard_weights, teacher, soft_weights, smoothing, noise)

    def _of_students(self, found: Sequence[SparsePosteriors]) -> SparsePosteriors:
        if not self.temperatures_of_student:
            shape = (*self.students, *found[0].pdf_ids.shape)
            return SparsePosteriors(found[0].pdf_ids.expand(shape), found[0].posteriors.expand(shape))
        entries = [posteriors.pdf_ids.shape[1] for posteriors in found]
        padding = [(0, max(entries) - number) for number in entries]
        pdf_ids = [pad(one.pdf_ids, by) for one, by in zip(found, padding, strict=True)]
        posteriors = [pad(one.posteriors, by) for one, by in zip(found, padding, strict=True)]
        return SparsePosteriors(
            torch.stack([pdf_ids[index] for index in self.temperatures_of_student]),
            torch.stack([posteriors[index] for index in self.temperatures_of_student]),
            tuple(entries[index] for index in self.temperatures_of_student),
        )

    def _noise_of(
        self, frame_index: Int64[Tensor, " batch"], directions: tuple[Float32[Tensor, "batch pdfs"], ...]
    ) -> tuple[StudentNoise, ...]:
        """Of students with an uncertainty head; those of the same seed share their draws."""
        uncertainty = self.plans[0].uncertainty
        if uncertainty is None:
            return ()
        samples, num_pdfs = uncertainty.samples, uncertainty.num_pdfs
        draws = {
            seed: noise.of_frames(frame_index, samples=samples, num_pdfs=num_pdfs)
            for seed, noise in self.noise.items()
        }
        return tuple(StudentNoise(draws[plan.seed], _target(plan, directions)) for plan in self.plans)


def _target(
    plan: TrainingPlan, directions: tuple[Float32[Tensor, "batch pdfs"], ...]
) -> UncertaintyTarget | None:
    """What a student's noise is matched with, if that has a weight."""
    distillation, uncertainty = plan.distillation, plan.uncertainty
    if distillation is None or uncertainty is None or not distillation.uncertainty_weight:
        return None
    return UncertaintyTarget(
        distillation.uncertainty_weight, directions, distillation.teachers.weights, uncertainty.noise
    )


def epoch_labels(
    plans: Sequence[TrainingPlan],
    epoch: int,
    teacher_labels: Mapping[Temperatures, TeacherLabels],
    *,
    students: tuple[int, ...],
) -> EpochLabels:
    """The labels of the students whose plans these are: one alone (``students`` ()), or a stack.

    Beside students with a teacher, those without one have its labels with weight 0.
    """
    device = plans[0].train.pdf_ali.device
    seeds = {plan.seed for plan in plans if plan.uncertainty is not None}
    labels = EpochLabels(plans, students, noise={seed: EpochNoise(seed, epoch, device) for seed in seeds})
    if not teacher_labels:
        return labels
    temperatures = list(teacher_labels)
    own = (
        0 if plan.distillation is None else temperatures.index(plan.temperatures_of_epoch(epoch))
        for plan in plans
    )
    wanted = [plan.distillation.wanted for plan in plans if plan.distillation is not None]
    return replace(
        labels,
        teacher_labels=tuple(teacher_labels.values()),
        wanted=Wanted(any(w.posteriors for w in wanted), any(w.noise for w in wanted)),
        temperatures_of_student=tuple(own) if len(temperatures) > 1 else (),
        weights=_weights(plans, epoch, students),
    )


def _weights(
    plans: Sequence[TrainingPlan], epoch: int, students: tuple[int, ...]
) -> tuple[Float32[Tensor, "*students utts"], Float32[Tensor, "*students utts"] | None]:
    """Of the reference, and of the teachers where that is not the rest to 1."""
    frames = plans[0].train
    utt_ids, device = frames.inputs.utt_ids, frames.pdf_ali.device
    rules = [None if plan.distillation is None else plan.distillation.rule for plan in plans]
    hard = [
        torch.ones(len(utt_ids))
        if rule is None
        else rule.utterance_hard_weights(utt_ids, seed=plan.seed, epoch=epoch)
        for plan, rule in zip(plans, rules, strict=True)
    ]
    hard_weights = torch.stack(hard).view(*students, len(utt_ids)).to(device)
    given = [None if rule is None else rule.soft_weight for rule in rules]
    if all(weight is None for weight in given):
        return hard_weights, None
    soft = [
        1 - own if weight is None else torch.full_like(own, weight)
        for own, weight in zip(hard, given, strict=True)
    ]
    return hard_weights, torch.stack(soft).view(*students, len(utt_ids)).to(device)
