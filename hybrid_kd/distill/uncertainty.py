"""The losses of a student that knows how unsure it is of each logit.

Its noisy logits are g = f + sigma * eps, its posterior p is the mean of their softmaxes over some draws.

Axis letters: batch = frames of a minibatch; samples = draws of a frame; pdfs = HMM states; entries = the
labels' states, padded to the widest frame.
"""

import math
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from hybrid_kd.distill.mixing import MixedLabels, mixed_cross_entropy
from hybrid_kd.distill.noise import UncertaintyTarget


def objective(
    logits: Float[Tensor, "*students batch pdfs"],
    sigma: Float[Tensor, "*students batch pdfs"] | None,
    labels: MixedLabels,
) -> tuple[Float[Tensor, "*students"], Float[Tensor, "*students"]]:
    """Summed loss over the minibatch, and for the record the cross-entropy of softmax(f) with the reference.

    loss = noisy_cross_entropy + uncertainty_weight * uncertainty_loss for students with an uncertainty head,
    else mixed_cross_entropy.
    """
    if sigma is None:
        return mixed_cross_entropy(logits, labels)
    if logits.dim() == 2:
        return _objective_of_one(logits, sigma, labels)
    students = [_objective_of_one(logits[i], sigma[i], labels.of_student(i)) for i in range(len(logits))]
    losses, hard_losses = zip(*students, strict=True)
    return torch.stack(losses), torch.stack(hard_losses)


def noisy_cross_entropy(
    logits: Float[Tensor, "batch pdfs"],
    sigma: Float[Tensor, "batch pdfs"],
    eps: Float[Tensor, "batch samples pdfs"],
    labels: MixedLabels,
) -> Float[Tensor, ""]:
    """-sum_frames sum_k q_k ln p_k, with p = mean_s softmax(f + sigma * eps_s).

    Source: Kendall & Gal 2017, eq. 12 (the likelihood averaged over draws); Kim et al.
    """
    return _NoisyCrossEntropy.apply(logits, sigma, eps, labels)  # type: ignore[no-untyped-call, no-any-return]


def noisy_log_softmax(
    logits: Float[Tensor, "batch pdfs"],
    sigma: Float[Tensor, "batch pdfs"],
    eps: Float[Tensor, "batch samples pdfs"],
) -> Float[Tensor, "batch samples pdfs"]:
    """ln softmax(f + sigma * eps_s) of each draw."""
    return torch.addcmul(logits[:, None], sigma[:, None], eps.to(sigma.dtype)).log_softmax(dim=2)


def uncertainty_loss(
    sigma: Float[Tensor, "batch pdfs"], eps: Float[Tensor, "batch samples pdfs"], target: UncertaintyTarget
) -> Float[Tensor, ""]:
    """sum_frames sum_t r_t sum_k (n_t/||n_t|| - n/||n||)_k^2, n the student's noise, n_t that of teacher t.

    Source: Kim et al., the normalised MSE of unc-KD; the normaliser and n are ours.
    """
    shared = None if target.noise == "sigma" else eps[:, 0].to(sigma.dtype)
    own = functional.normalize(sigma if shared is None else sigma * shared)
    total = sigma.new_zeros(())
    for weight, direction in zip(target.teacher_weights, target.directions, strict=True):
        wanted = direction if shared is None else functional.normalize(direction * shared)
        total = total + weight * (own - wanted).square().sum()
    return total


def _objective_of_one(
    logits: Float[Tensor, "batch pdfs"], sigma: Float[Tensor, "batch pdfs"], labels: MixedLabels
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    (noise,) = labels.noise
    loss = noisy_cross_entropy(logits, sigma, noise.eps, labels)
    if noise.target is not None:
        loss = loss + noise.target.weight * uncertainty_loss(sigma, noise.eps, noise.target)
    return loss, functional.cross_entropy(logits.detach(), labels.pdf_ali, reduction="sum")


class _NoisyCrossEntropy(torch.autograd.Function):
    """The gradient of g_s is P_s sum_k r_sk - r_s, with r_sk = q_k P_sk / (S p_k): draw s's share in label k.

    Written out, since autograd's own would keep several arrays of all draws.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: Float[Tensor, "batch pdfs"],
        sigma: Float[Tensor, "batch pdfs"],
        eps: Float[Tensor, "batch samples pdfs"],
        labels: MixedLabels,
    ) -> Float[Tensor, ""]:
        """The loss; all that the gradient needs is at hand here."""
        samples, num_pdfs = eps.shape[1:]
        log_p = noisy_log_softmax(logits, sigma, eps)
        pdf_ids, q = _entries(labels, logits.dtype)
        pdf_ids = pdf_ids[:, None].expand(-1, samples, -1)
        log_p_kept = log_p.gather(2, pdf_ids)
        log_sums = log_p_kept.logsumexp(dim=1)
        shares = (log_p_kept - log_sums[:, None]).exp_() * q[:, None]
        loss = (q * (math.log(samples) - log_sums)).sum()
        gradient = log_p.exp()
        if labels.label_smoothing:
            even_q = labels.weights(logits.dtype)[0][:, None] * (labels.label_smoothing / num_pdfs)
            log_sums = log_p.logsumexp(dim=1)
            even_shares = (log_p - log_sums[:, None]).exp_().mul_(even_q[:, None])
            loss = loss + (even_q * (math.log(samples) - log_sums)).sum()
            totals = shares.sum(dim=2, keepdim=True) + even_shares.sum(dim=2, keepdim=True)
            gradient.mul_(totals).sub_(even_shares)
        else:
            gradient.mul_(shares.sum(dim=2, keepdim=True))
        ctx.save_for_backward(gradient.scatter_add_(2, pdf_ids, -shares), eps)
        return loss

    @staticmethod
    def backward(
        ctx: Any, scale: Float[Tensor, ""]
    ) -> tuple[Float[Tensor, "batch pdfs"], Float[Tensor, "batch pdfs"], None, None]:
        """Of f the sum over the draws, of sigma each draw's times its eps."""
        gradient, eps = ctx.saved_tensors
        of_sigma = (gradient * eps).sum(dim=1)  # an einsum takes five times as long on a CPU
        return scale * gradient.sum(dim=1), scale * of_sigma, None, None


def _entries(
    labels: MixedLabels, dtype: torch.dtype
) -> tuple[Int64[Tensor, "batch entries"], Float[Tensor, "batch entries"]]:
    """The states of the labels and their q, the reference's first; a state may come twice."""
    hard_weights, soft_weights = labels.weights(dtype)
    pdf_ids, q = labels.pdf_ali[:, None], (hard_weights * (1 - labels.label_smoothing))[:, None]
    if labels.teacher is None:
        return pdf_ids, q
    soft_q = soft_weights[:, None] * labels.teacher.posteriors.to(dtype)
    return torch.cat([pdf_ids, labels.teacher.pdf_ids], dim=1), torch.cat([q, soft_q], dim=1)
