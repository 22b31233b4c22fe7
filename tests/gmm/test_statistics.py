"""Statistics and updates: sums beside loops, and the rules for what has too few frames."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.gmm.statistics import GmmStatistics, accumulate, pdf_occupancies, sum_statistics
from hybrid_kd.gmm.updating import update_gmm, update_transitions
from tests.gmm.experiment import log_densities, random_gmm

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def model(shared: Path) -> TransitionModel:
    return read_transition_model(shared / "kaldi-an4/exp/tri3b/final.mdl")


def make_frames(num_frames: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num_frames, 4)).astype(np.float32)


def make_statistics(occupancies: list[float], dim: int = 4) -> GmmStatistics:
    counts = np.array(occupancies, np.float64)
    first = counts[:, None] * np.arange(dim)
    second = counts[:, None] * (np.arange(dim) ** 2 + 1.0)  # variances of 1
    return GmmStatistics(counts, first, second, np.zeros(1), 0.0, int(counts.sum()))


def test_statistics_are_sums_over_frames(model: TransitionModel) -> None:
    gmm, frames = random_gmm((2,) * 384), make_frames(50)
    ali = np.random.default_rng(4).integers(1, 3000, 50).astype(np.int32)
    found = accumulate(gmm, model, frames, ali)
    first, second, loglike = np.zeros_like(gmm.means), np.zeros_like(gmm.means), 0.0
    for frame, pdf_id in zip(frames.astype(np.float64), model.transition_id_to_pdf_id[ali], strict=True):
        own = np.flatnonzero(gmm.pdf_of_gaussian == pdf_id)
        scores = log_densities(gmm, frame[None])[0, own]
        for gaussian, posterior in zip(own, np.exp(scores - logsumexp(scores)), strict=True):
            first[gaussian] += posterior * frame
            second[gaussian] += posterior * frame**2
        loglike += float(logsumexp(scores))
    np.testing.assert_allclose(found.first_order, first, atol=1e-5)
    np.testing.assert_allclose(found.second_order, second, atol=1e-5)
    np.testing.assert_allclose(found.loglike, loglike, rtol=1e-5)
    assert found.transition_counts.sum() == found.num_frames == 50
    assert pdf_occupancies(gmm, found).sum() == pytest.approx(50)


def test_parts_add_up_to_the_whole(model: TransitionModel) -> None:
    gmm, frames = random_gmm((2,) * 384), make_frames(60)
    ali = np.random.default_rng(4).integers(1, 3000, 60).astype(np.int32)
    parts = [accumulate(gmm, model, frames[i : i + 20], ali[i : i + 20]) for i in range(0, 60, 20)]
    whole, found = accumulate(gmm, model, frames, ali), sum_statistics(parts)
    np.testing.assert_allclose(found.second_order, whole.second_order, atol=1e-4)
    assert found.num_frames == 60


def test_no_frames_are_no_statistics(model: TransitionModel) -> None:
    gmm = random_gmm((2,) * 384)
    empty = accumulate(gmm, model, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))
    assert empty.num_frames == empty.occupancies.sum() == 0


def test_other_frames_are_summed_with_the_same_posteriors(model: TransitionModel) -> None:
    gmm, frames = random_gmm((2,) * 384), make_frames(30)
    ali = np.random.default_rng(4).integers(1, 3000, 30).astype(np.int32)
    plain = accumulate(gmm, model, frames, ali)
    doubled = accumulate(gmm, model, frames, ali, update_frames=2 * frames)
    np.testing.assert_allclose(doubled.first_order, 2 * plain.first_order)
    np.testing.assert_allclose(doubled.occupancies, plain.occupancies)


def test_an_update_gives_means_variances_and_weights_of_the_frames() -> None:
    gmm = random_gmm((2, 1))
    updated = update_gmm(gmm, make_statistics([30, 90, 50]))
    np.testing.assert_allclose(updated.gmm.means, np.tile(np.arange(4.0), (3, 1)))
    np.testing.assert_allclose(updated.gmm.variances, 1)
    np.testing.assert_allclose(updated.gmm.weights, [0.25, 0.75, 1])
    assert (updated.num_removed, updated.num_floored) == (0, 0)


def test_gaussians_with_few_frames_go_but_for_a_pdfs_last() -> None:
    gmm = random_gmm((3, 2, 1))
    updated = update_gmm(gmm, make_statistics([30, 5, 30, 2, 3, 0]))
    assert updated.num_removed == 2
    np.testing.assert_array_equal(updated.gmm.pdf_of_gaussian, [0, 0, 1, 2])
    np.testing.assert_allclose(updated.gmm.weights, [0.5, 0.5, 1, 1])
    np.testing.assert_allclose(updated.gmm.means[2:], gmm.means[[4, 5]])


def test_for_an_alignment_model_no_gaussian_goes() -> None:
    gmm = random_gmm((2,))
    updated = update_gmm(gmm, make_statistics([95, 5]), remove_low_count=False).gmm
    np.testing.assert_allclose(updated.means[1], gmm.means[1])
    np.testing.assert_allclose(updated.weights, [0.95, 0.05])


def test_variances_have_a_floor() -> None:
    statistics = make_statistics([50.0])
    flat = replace(statistics, second_order=statistics.first_order**2 / 50)
    updated = update_gmm(random_gmm((1,)), flat)
    np.testing.assert_allclose(updated.gmm.variances, 0.001)
    assert updated.num_floored == 1


def test_transition_probabilities_are_floored_frequencies(model: TransitionModel) -> None:
    counts = np.zeros(model.num_transition_ids + 1)
    loops = np.flatnonzero(model.is_self_loop)
    last = loops[-1]  # of a three-state phone: two ways on
    counts[[last, last + 1]] = [90, 10]
    updated = update_transitions(model, counts)
    np.testing.assert_allclose(np.exp(updated.log_probs[[last, last + 1]]), [0.9, 0.1], rtol=1e-6)
    counts[[last, last + 1]] = [10_000, 0]
    floored = np.exp(update_transitions(model, counts).log_probs[[last, last + 1]])
    np.testing.assert_allclose(floored, [0.99, 0.01], atol=2e-3)


def test_transitions_that_are_rare_stay_as_they_are(model: TransitionModel) -> None:
    counts = np.zeros(model.num_transition_ids + 1)
    counts[5] = 4
    np.testing.assert_array_equal(update_transitions(model, counts).log_probs, model.log_probs)
