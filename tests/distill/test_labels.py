"""Tempering, pruning, renormalising: the conditions of the paper, on the dense softmax as oracle."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.distill.labels import SparsePosteriors, max_entries, prune_and_renormalise, temper


def dense(sparse: SparsePosteriors, num_pdfs: int) -> torch.Tensor:
    result = torch.zeros(len(sparse.pdf_ids), num_pdfs)
    return result.scatter_add(1, sparse.pdf_ids, sparse.posteriors)


def random_logits(frames: int, pdfs: int, scale: float = 4.0) -> torch.Tensor:
    return scale * torch.randn(frames, pdfs, generator=torch.Generator().manual_seed(3))


def test_t_1_without_pruning_gives_the_teachers_posteriors() -> None:
    logits = random_logits(50, 30)
    labels = prune_and_renormalise(temper(logits, 1.0), prune_below=0.0)
    torch.testing.assert_close(dense(labels, 30), logits.softmax(dim=1))


@given(temperature=st.floats(0.2, 8.0), prune_below=st.sampled_from([0.0, 0.001, 0.01, 0.2, 0.6]))
def test_order_is_temper_prune_renormalise(temperature: float, prune_below: float) -> None:
    logits = random_logits(20, 40)
    expected = (logits / temperature).softmax(dim=1)
    largest = expected.argmax(dim=1, keepdim=True)
    kept = (expected >= prune_below).scatter(1, largest, True)
    expected = torch.where(kept, expected, 0.0)
    expected /= expected.sum(dim=1, keepdim=True)
    labels = prune_and_renormalise(temper(logits, temperature), prune_below=prune_below)
    torch.testing.assert_close(dense(labels, 40), expected, atol=1e-6, rtol=1e-5)


def test_frame_under_the_threshold_everywhere_keeps_its_argmax() -> None:
    logits = 0.1 * random_logits(10, 1987)
    log_posteriors = temper(logits, 3.0)
    assert (log_posteriors.exp() < 0.01).all()
    labels = dense(prune_and_renormalise(log_posteriors, prune_below=0.01), 1987)
    assert torch.equal(labels, torch.nn.functional.one_hot(logits.argmax(dim=1), 1987).float())


def test_temperature_softens_and_sharpens() -> None:
    logits = random_logits(20, 10)
    entropies = [-(temper(logits, t).exp() * temper(logits, t)).sum().item() for t in (0.5, 1.0, 2.0, 3.0)]
    assert entropies == sorted(entropies)


@pytest.mark.parametrize(
    ("prune_below", "expected"), [(0.01, 100), (0.3, 3), (0.0, 1987), (1.0, 1), (1e-5, 1987)]
)
def test_no_frame_can_hold_more_entries_than_reach_the_threshold(prune_below: float, expected: int) -> None:
    assert max_entries(prune_below, 1987) == expected
