"""Losses of a student with an uncertainty head: exact gradients, right at their limits."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hybrid_kd.distill.labels import SparsePosteriors
from hybrid_kd.distill.mixing import MixedLabels, mixed_cross_entropy
from hybrid_kd.distill.noise import StudentNoise, UncertaintyTarget
from hybrid_kd.distill.uncertainty import noisy_cross_entropy, objective, uncertainty_loss

BATCH, SAMPLES, PDFS, ENTRIES = 6, 5, 9, 3


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


LOGITS, SIGMA = 2 * draw(BATCH, PDFS), draw(BATCH, PDFS, seed=1).abs() + 0.1
EPS = draw(BATCH, SAMPLES, PDFS, seed=2)
DIRECTIONS = tuple(functional.normalize(draw(BATCH, PDFS, seed=seed).abs()) for seed in (3, 4))


def mixed(hard_weight: float = 0.3, soft_weight: float | None = None, smoothing: float = 0.0) -> MixedLabels:
    """Labels of which the reference is among the teacher's states in some frames."""
    pdf_ids = torch.arange(BATCH)[:, None] + torch.arange(ENTRIES)
    posteriors = draw(BATCH, ENTRIES, seed=5).softmax(dim=1).float()
    soft = None if soft_weight is None else torch.full((BATCH,), soft_weight)
    return MixedLabels(
        torch.arange(BATCH) % 4 + 1,
        torch.full((BATCH,), hard_weight),
        SparsePosteriors(pdf_ids % PDFS, posteriors),
        soft,
        smoothing,
    )


def dense(labels: MixedLabels) -> Tensor:
    """q over all pdfs."""
    hard_weights, soft_weights = labels.weights(torch.float64)
    reference = functional.one_hot(labels.pdf_ali, PDFS).double()
    reference = (1 - labels.label_smoothing) * reference + labels.label_smoothing / PDFS
    q = hard_weights[:, None] * reference
    if labels.teacher is not None:
        soft = soft_weights[:, None] * labels.teacher.posteriors.double()
        q = q.scatter_add(1, labels.teacher.pdf_ids, soft)
    return q


EXAMPLES = {
    "reference": MixedLabels(torch.arange(BATCH)),
    "smoothed": MixedLabels(torch.arange(BATCH), label_smoothing=0.2),
    "mixed": mixed(),
    "own soft weight": mixed(0.5, 0.8),
    "all": mixed(0.5, 0.8, 0.1),
    "reference at half weight": MixedLabels(torch.arange(BATCH), torch.full((BATCH,), 0.5)),
}


@pytest.mark.parametrize("labels", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_noisy_loss_is_that_of_the_mean_posterior(labels: MixedLabels) -> None:
    posteriors = (LOGITS[:, None] + SIGMA[:, None] * EPS).softmax(dim=2).mean(dim=1)
    expected = -(dense(labels) * posteriors.log()).sum()
    torch.testing.assert_close(noisy_cross_entropy(LOGITS, SIGMA, EPS, labels), expected)


@pytest.mark.parametrize("labels", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_gradients_are_those_of_finite_differences(labels: MixedLabels) -> None:
    logits, sigma = LOGITS.clone().requires_grad_(), SIGMA.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda f, s: noisy_cross_entropy(f, s, EPS, labels), (logits, sigma))
    assert torch.autograd.gradcheck(lambda f: mixed_cross_entropy(f, labels)[0], (logits,))


@pytest.mark.parametrize("noise", ["sigma", "sigma-eps"])
def test_gradients_of_uncertainty_matching_are_those_of_finite_differences(noise: str) -> None:
    target = UncertaintyTarget(1.0, DIRECTIONS, (0.7, 0.3), noise)  # type: ignore[arg-type]
    sigma = SIGMA.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: uncertainty_loss(s, EPS, target), (sigma,))


@pytest.mark.parametrize("noise", ["sigma", "sigma-eps"])
def test_uncertainty_matching_is_zero_at_equality_whatever_the_scale(noise: str) -> None:
    target = UncertaintyTarget(1.0, (functional.normalize(SIGMA),), (1.0,), noise)  # type: ignore[arg-type]
    assert uncertainty_loss(3 * SIGMA, EPS, target).item() == pytest.approx(0, abs=1e-24)  # rounding squared
    assert uncertainty_loss(SIGMA.flip(1), EPS, target).item() > 0.1


def test_several_teachers_count_by_their_weights() -> None:
    alone = [uncertainty_loss(SIGMA, EPS, UncertaintyTarget(1.0, (d,), (1.0,))) for d in DIRECTIONS]
    both = uncertainty_loss(SIGMA, EPS, UncertaintyTarget(1.0, DIRECTIONS, (0.7, 0.3)))
    torch.testing.assert_close(both, 0.7 * alone[0] + 0.3 * alone[1])


def test_without_noise_the_loss_is_the_plain_one() -> None:
    for labels in EXAMPLES.values():
        expected = mixed_cross_entropy(LOGITS, labels)[0]
        torch.testing.assert_close(noisy_cross_entropy(LOGITS, 0 * SIGMA, EPS, labels), expected)


@pytest.mark.parametrize("name", ["hard", "soft", "uncertainty"])
def test_the_objective_is_continuous_in_each_weight_at_zero(name: str) -> None:
    def at(weight: float) -> float:
        weights = {"hard": 0.4, "soft": 0.5, "uncertainty": 0.6} | {name: weight}
        target = UncertaintyTarget(weights["uncertainty"], DIRECTIONS, (0.5, 0.5))
        noise = (StudentNoise(EPS.float(), target if weights["uncertainty"] else None),)
        labels = replace(mixed(weights["hard"], weights["soft"]), noise=noise)
        if not weights["soft"]:
            labels = replace(labels, teacher=None)
        return objective(LOGITS, SIGMA, labels)[0].item()

    assert at(1e-6) == pytest.approx(at(0.0), abs=1e-4)
    assert abs(at(1.0) - at(0.0)) > 0.1


def test_the_record_is_the_cross_entropy_without_noise() -> None:
    labels = replace(mixed(), noise=(StudentNoise(EPS.float()),))
    _, hard_loss = objective(LOGITS, SIGMA, labels)
    torch.testing.assert_close(hard_loss, functional.cross_entropy(LOGITS, labels.pdf_ali, reduction="sum"))


def test_students_of_a_stack_have_their_own_losses() -> None:
    own = [replace(mixed(weight), noise=(StudentNoise(EPS.float()),)) for weight in (0.1, 0.9)]
    teacher = own[0].teacher
    assert teacher is not None
    stack = MixedLabels(
        torch.stack([labels.pdf_ali for labels in own]),
        torch.stack([labels.hard_weights for labels in own if labels.hard_weights is not None]),
        SparsePosteriors(teacher.pdf_ids.expand(2, -1, -1), teacher.posteriors.expand(2, -1, -1)),
        noise=tuple(labels.noise[0] for labels in own),
    )
    losses, hard_losses = objective(torch.stack([LOGITS, 2 * LOGITS]), torch.stack([SIGMA, SIGMA]), stack)
    expected = [objective(scale * LOGITS, SIGMA, labels) for scale, labels in zip((1, 2), own, strict=True)]
    torch.testing.assert_close(losses, torch.stack([loss for loss, _ in expected]))
    torch.testing.assert_close(hard_losses, torch.stack([hard_loss for _, hard_loss in expected]))
