"""Reference and teacher labels mixed: interpolated in every frame (SI), or drawn per utterance (SD).

Axis letters: students = those that train together, no axis for one alone; batch = frames of a minibatch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from hybrid_kd.distill.labels import SparsePosteriors
from hybrid_kd.distill.noise import StudentNoise
from hybrid_kd.seeds import uniform

Mixing = Literal["si", "sd"]
SdDraw = Literal["epoch", "once"]


@dataclass(frozen=True)
class MixingRule:
    """hard_weight is alpha of Tachioka: 1 is the plain student, 0 pure distillation.

    soft_weight: of the teacher's labels; None is 1 - hard_weight, or what SD draws.
    """

    mixing: Mixing
    hard_weight: float
    sd_draw: SdDraw = "epoch"
    soft_weight: float | None = None

    @property
    def teacher_weight(self) -> float:
        """Of the teacher's labels: in every frame (SI), or how often they are drawn (SD)."""
        return 1 - self.hard_weight if self.soft_weight is None else self.soft_weight

    def utterance_hard_weights(
        self, utt_ids: Sequence[str], *, seed: int, epoch: int
    ) -> Float32[Tensor, " utts"]:
        """SI: hard_weight for all. SD: 1 if r < hard_weight, else 0; one seeded r in [0, 1) an utterance.

        The draw is made anew each epoch, or once for all (``sd_draw``); which of them is not in the paper.

        Source: Tachioka, equations 1 and 2.
        """
        if self.mixing == "si":
            return torch.full((len(utt_ids),), self.hard_weight)
        draw_epoch = epoch if self.sd_draw == "epoch" else 0
        draws = [uniform(seed, "sd draw", epoch=draw_epoch, utt_id=utt_id) for utt_id in utt_ids]
        return torch.tensor([float(draw < self.hard_weight) for draw in draws])


@dataclass(frozen=True)
class MixedLabels:
    """A minibatch's labels, frame by frame: q = hard_weight reference + soft_weight teacher.

    The reference is one-hot(pdf_ali), but for a share ``label_smoothing``, spread evenly over the pdfs.
    Weights that are not given are 1 of the reference, and 1 - hard_weight of the teacher.
    noise: of each student with an uncertainty head.
    """

    pdf_ali: Int64[Tensor, "*students batch"]
    hard_weights: Float32[Tensor, "*students batch"] | None = None
    teacher: SparsePosteriors | None = None
    soft_weights: Float32[Tensor, "*students batch"] | None = None
    label_smoothing: float = 0.0
    noise: tuple[StudentNoise, ...] = ()

    def weights(
        self, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "*students batch"], Float[Tensor, "*students batch"]]:
        """Weights of the reference and of the teacher."""
        hard_weights = self.pdf_ali.new_ones((), dtype=dtype).expand(self.pdf_ali.shape)
        if self.hard_weights is not None:
            hard_weights = self.hard_weights.to(dtype)
        return hard_weights, 1 - hard_weights if self.soft_weights is None else self.soft_weights.to(dtype)

    def of_student(self, index: int) -> "MixedLabels":
        """Those of one student of several."""
        return MixedLabels(
            self.pdf_ali[index],
            None if self.hard_weights is None else self.hard_weights[index],
            None if self.teacher is None else self.teacher.of_student(index),
            None if self.soft_weights is None else self.soft_weights[index],
            self.label_smoothing,
            self.noise[index : index + 1],
        )


def mixed_cross_entropy(
    logits: Float[Tensor, "*students batch pdfs"], labels: MixedLabels
) -> tuple[Float[Tensor, "*students"], Float[Tensor, "*students"]]:
    """Summed loss over the minibatch, and for the record the cross-entropy with the reference alone.

    loss = sum_frames (sum_k q_k) logsumexp(z) - sum_k q_k z_k; its gradient with respect to the logits is
    softmax(z) - q for labels that sum to 1.
    """
    return _MixedCrossEntropy.apply(logits, labels)  # type: ignore[no-untyped-call, no-any-return]


class _MixedCrossEntropy(torch.autograd.Function):
    """The loss with its gradient written out: autograd's own would pass a dozen times over the logits."""

    @staticmethod
    def forward(
        ctx: Any, logits: Float[Tensor, "*students batch pdfs"], labels: MixedLabels
    ) -> tuple[Float[Tensor, "*students"], Float[Tensor, "*students"]]:
        """Summed loss, and summed cross-entropy with the reference."""
        log_posteriors = logits.log_softmax(dim=-1)
        ctx.save_for_backward(log_posteriors)
        ctx.labels = labels
        hard_losses = -log_posteriors.gather(-1, labels.pdf_ali.unsqueeze(-1)).squeeze(-1)
        losses = hard_losses
        if smoothing := labels.label_smoothing:
            losses = (1 - smoothing) * hard_losses - smoothing * log_posteriors.mean(dim=-1)
        if labels.hard_weights is not None:
            hard_weights, soft_weights = labels.weights(hard_losses.dtype)
            losses = hard_weights * losses
            if labels.teacher is not None:
                log_posteriors_kept = log_posteriors.gather(-1, labels.teacher.pdf_ids)
                soft_losses = -labels.teacher.summed(labels.teacher.posteriors * log_posteriors_kept)
                losses = losses + soft_weights * soft_losses
        hard_loss = hard_losses.sum(dim=-1)
        ctx.mark_non_differentiable(hard_loss)
        return losses.sum(dim=-1), hard_loss

    @staticmethod
    def backward(
        ctx: Any, scale: Float[Tensor, "*students"], _: Float[Tensor, "*students"]
    ) -> tuple[Float[Tensor, "*students batch pdfs"], None]:
        """scale * ((sum_k q_k) softmax(z) - q)."""
        labels, (log_posteriors,) = ctx.labels, ctx.saved_tensors
        gradient = log_posteriors.exp()
        scale = scale[..., None, None]
        hard_weights = scale.expand(*gradient.shape[:-1], 1)
        if labels.hard_weights is None:
            gradient *= scale
        else:
            own_weights, soft_weights = (w.unsqueeze(-1) for w in labels.weights(gradient.dtype))
            hard_weights = totals = scale * own_weights
            if labels.teacher is not None:
                soft_labels = scale * soft_weights * labels.teacher.posteriors
                totals = hard_weights + labels.teacher.summed(soft_labels).unsqueeze(-1)
            gradient *= totals
            if labels.teacher is not None:
                gradient.scatter_add_(-1, labels.teacher.pdf_ids, -soft_labels)
        if labels.label_smoothing:
            gradient -= hard_weights * (labels.label_smoothing / gradient.shape[-1])
            hard_weights = hard_weights * (1 - labels.label_smoothing)
        return gradient.scatter_add_(-1, labels.pdf_ali.unsqueeze(-1), -hard_weights), None
