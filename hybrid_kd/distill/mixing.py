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
from hybrid_kd.seeds import uniform

Mixing = Literal["si", "sd"]
SdDraw = Literal["epoch", "once"]


@dataclass(frozen=True)
class MixingRule:
    """hard_weight is the papers' alpha: 1 is the plain student, 0 pure distillation."""

    mixing: Mixing
    hard_weight: float
    sd_draw: SdDraw = "epoch"

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
    """A minibatch's labels, frame by frame: q = hard_weight one-hot(pdf_ali) + (1 - hard_weight) teacher."""

    pdf_ali: Int64[Tensor, "*students batch"]
    hard_weights: Float32[Tensor, "*students batch"] | None = None
    teacher: SparsePosteriors | None = None


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
        if labels.teacher is not None and labels.hard_weights is not None:
            log_posteriors_kept = log_posteriors.gather(-1, labels.teacher.pdf_ids)
            soft_losses = -labels.teacher.summed(labels.teacher.posteriors * log_posteriors_kept)
            losses = labels.hard_weights * hard_losses + (1 - labels.hard_weights) * soft_losses
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
        if labels.teacher is not None and labels.hard_weights is not None:
            weights = labels.hard_weights.unsqueeze(-1).to(gradient.dtype)
            hard_weights = scale * weights
            soft_labels = scale * (1 - weights) * labels.teacher.posteriors
            gradient *= hard_weights + labels.teacher.summed(soft_labels).unsqueeze(-1)
            gradient.scatter_add_(-1, labels.teacher.pdf_ids, -soft_labels)
        else:
            gradient *= scale
        return gradient.scatter_add_(-1, labels.pdf_ali.unsqueeze(-1), -hard_weights), None
