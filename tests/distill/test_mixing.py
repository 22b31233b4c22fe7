"""SD and SI mixing and their loss, against torch's dense cross-entropy with probability targets."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.distill.labels import prune_and_renormalise, temper
from hybrid_kd.distill.mixing import MixedLabels, MixingRule, mixed_cross_entropy
from tests.distill.test_labels import dense, random_logits

NUM_PDFS = 25


def example(hard_weight: float) -> tuple[torch.Tensor, MixedLabels, torch.Tensor]:
    """Student logits, labels, and the same labels as a dense matrix."""
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(16, NUM_PDFS, generator=generator)
    pdf_ali = torch.randint(0, NUM_PDFS, (16,), generator=generator)
    teacher = prune_and_renormalise(temper(random_logits(16, NUM_PDFS), 2.0), prune_below=0.01)
    labels = MixedLabels(pdf_ali, torch.full((16,), hard_weight), teacher)
    one_hot = torch.nn.functional.one_hot(pdf_ali, NUM_PDFS)
    return logits, labels, hard_weight * one_hot + (1 - hard_weight) * dense(teacher, NUM_PDFS)


@pytest.mark.parametrize("hard_weight", [0.0, 0.1, 0.5, 1.0])
def test_loss_is_the_cross_entropy_with_the_dense_mixture(hard_weight: float) -> None:
    logits, labels, mixture = example(hard_weight)
    loss, hard_loss = mixed_cross_entropy(logits, labels)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, mixture, reduction="sum"))
    torch.testing.assert_close(
        hard_loss, torch.nn.functional.cross_entropy(logits, labels.pdf_ali, reduction="sum")
    )


@pytest.mark.parametrize("hard_weight", [0.0, 0.1, 0.5, 1.0])
def test_gradient_is_softmax_minus_label(hard_weight: float) -> None:
    logits, labels, mixture = example(hard_weight)
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(mixed_cross_entropy(logits, labels)[0], logits)
    torch.testing.assert_close(gradient, logits.detach().softmax(dim=1) - mixture, atol=1e-6, rtol=1e-5)


def test_loss_minus_label_entropy_is_zero_at_equality() -> None:
    teacher_logits = random_logits(16, NUM_PDFS)
    teacher = prune_and_renormalise(temper(teacher_logits, 1.0), prune_below=0.0)
    labels = MixedLabels(torch.zeros(16, dtype=torch.int64), torch.zeros(16), teacher)
    loss, _ = mixed_cross_entropy(teacher_logits, labels)
    entropy = -torch.special.xlogy(teacher.posteriors, teacher.posteriors).sum()
    torch.testing.assert_close(loss, entropy, atol=1e-3, rtol=1e-5)


def test_padding_adds_nothing() -> None:
    logits, labels, _ = example(0.3)
    assert labels.teacher is not None
    padding = torch.zeros(16, 5)
    padded = type(labels.teacher)(
        torch.cat([labels.teacher.pdf_ids, padding.long()], dim=1),
        torch.cat([labels.teacher.posteriors, padding], dim=1),
    )
    padded_loss, _ = mixed_cross_entropy(logits, MixedLabels(labels.pdf_ali, labels.hard_weights, padded))
    torch.testing.assert_close(padded_loss, mixed_cross_entropy(logits, labels)[0])


@given(hard_weight=st.floats(0.0, 1.0))
def test_loss_is_linear_in_hard_weight(hard_weight: float) -> None:
    loss, ends = (
        mixed_cross_entropy(*example(hard_weight)[:2])[0],
        [mixed_cross_entropy(*example(end)[:2])[0] for end in (0.0, 1.0)],
    )
    torch.testing.assert_close(loss, (1 - hard_weight) * ends[0] + hard_weight * ends[1])


def test_hard_weight_1_is_plain_cross_entropy_bit_for_bit() -> None:
    logits, labels, _ = example(1.0)
    gradients = []
    for some_labels in (labels, MixedLabels(labels.pdf_ali)):
        leaf = logits.clone().requires_grad_()
        loss, _ = mixed_cross_entropy(leaf, some_labels)
        gradients.append((loss.detach(), *torch.autograd.grad(loss, leaf)))
    assert torch.equal(gradients[0][0], gradients[1][0])
    assert torch.equal(gradients[0][1], gradients[1][1])


@pytest.mark.parametrize("hard_weight", [0.0, 1.0])
def test_sd_and_si_agree_at_the_ends(hard_weight: float) -> None:
    utt_ids = [f"u{index}" for index in range(200)]
    weights = [
        MixingRule(mixing, hard_weight).utterance_hard_weights(utt_ids, seed=0, epoch=3)
        for mixing in ("si", "sd")
    ]
    assert torch.equal(weights[0], weights[1])


def test_sd_draws_its_share_of_utterances_anew_each_epoch() -> None:
    utt_ids = [f"u{index}" for index in range(4000)]
    rule = MixingRule("sd", 0.3)
    first, again, second = (rule.utterance_hard_weights(utt_ids, seed=0, epoch=epoch) for epoch in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert set(first.tolist()) == {0.0, 1.0}
    assert first.mean().item() == pytest.approx(0.3, abs=0.03)


def test_sd_can_draw_once_for_all() -> None:
    utt_ids = [f"u{index}" for index in range(100)]
    rule = MixingRule("sd", 0.5, sd_draw="once")
    first, second = (rule.utterance_hard_weights(utt_ids, seed=0, epoch=epoch) for epoch in (1, 2))
    assert torch.equal(first, second)


def test_an_utterances_draw_does_not_depend_on_the_others() -> None:
    rule = MixingRule("sd", 0.5)
    utt_ids = [f"u{index}" for index in range(50)]
    forwards = rule.utterance_hard_weights(utt_ids, seed=1, epoch=1)
    backwards = rule.utterance_hard_weights(utt_ids[::-1], seed=1, epoch=1)
    assert torch.equal(forwards, backwards.flip(0))
