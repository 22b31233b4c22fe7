"""Teacher labels of a frame: tempered, pruned, renormalised, in that order.

Axis letters: batch = frames; pdfs = HMM states; entries = the states kept, padded to the widest frame.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

MIN_TEMPERATURE = 0.01


@dataclass(frozen=True)
class SparsePosteriors:
    """At most ``entries`` states a frame; padding has posterior 0 (and pdf_id 0), so that it adds nothing.

    Labels of several students are stacked along a first axis; ``own_entries`` are those of each before they
    were padded to the widest student.
    """

    pdf_ids: Int64[Tensor, "*students batch entries"]
    posteriors: Float[Tensor, "*students batch entries"]
    own_entries: tuple[int, ...] | None = None

    def of_student(self, index: int) -> "SparsePosteriors":
        """Those of one student, without the padding for others."""
        own = slice(None if self.own_entries is None else self.own_entries[index])
        return SparsePosteriors(self.pdf_ids[index][:, own], self.posteriors[index][:, own])

    def summed(self, x: Float[Tensor, "*students batch entries"]) -> Float[Tensor, "*students batch"]:
        """Sums over the entries; how they are rounded does not depend on other students' padding."""
        if self.own_entries is None:
            return x.sum(dim=-1)
        own_x = zip(x, self.own_entries, strict=True)
        return torch.stack([own[:, :entries].sum(dim=-1) for own, entries in own_x])


def temper(logits: Float[Tensor, "batch pdfs"], temperature: float) -> Float[Tensor, "batch pdfs"]:
    """Soften (T > 1) or sharpen (T < 1) the teacher: log t_T = z / T - log sum exp(z / T).

    Source: Tachioka, section 2. Only the teacher is tempered, and there is no factor T^2.
    """
    return torch.log_softmax(logits.float() / temperature, dim=1)


def survives_pruning(
    log_posteriors: Float[Tensor, "batch pdfs"], prune_below: float
) -> Bool[Tensor, "batch pdfs"]:
    """True where t >= ``prune_below``, and at each frame's argmax whatever its value."""
    kept = log_posteriors.exp() >= prune_below
    return kept.scatter(1, log_posteriors.argmax(dim=1, keepdim=True), True)


def max_entries(prune_below: float, num_pdfs: int) -> int:
    """The most states of a frame that can reach ``prune_below``: 100 at 0.01, all of them at 0."""
    if prune_below <= 0:
        return num_pdfs
    return min(num_pdfs, max(1, int(1 / prune_below + 1e-9)))


def prune_and_renormalise(
    log_posteriors: Float[Tensor, "batch pdfs"], *, prune_below: float
) -> SparsePosteriors:
    """Set t < ``prune_below`` to 0, keep the argmax whatever its value, and make each frame sum to 1 again.

    Source: Tachioka, section 3 (0.01); keeping the argmax is ours, so that no frame is empty.
    """
    entries = max_entries(prune_below, log_posteriors.shape[1])
    top, pdf_ids = log_posteriors.exp().topk(entries, dim=1)
    kept = top >= prune_below
    kept[:, 0] = True
    posteriors = torch.where(kept, top, 0.0)
    return SparsePosteriors(pdf_ids, posteriors / posteriors.sum(dim=1, keepdim=True))
