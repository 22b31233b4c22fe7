"""Mixing up: shares by the power law, and Gaussians that are split in two."""

import numpy as np
import pytest

from hybrid_kd.gmm.mixing_up import mix_up, split_targets
from tests.gmm.experiment import random_gmm

pytestmark = pytest.mark.numerical


def test_targets_follow_the_power_of_the_frames() -> None:
    targets = split_targets(np.array([1e6, 1e5, 1e4]), 100, power=0.25)
    assert targets.sum() == 100
    shares = np.array([1e6, 1e5, 1e4]) ** 0.25
    np.testing.assert_allclose(targets, 100 * shares / shares.sum(), atol=1)


def test_a_pdf_gets_no_gaussian_with_fewer_than_twenty_frames() -> None:
    targets = split_targets(np.array([1000.0, 65.0, 0.0]), 1000, power=0.25)
    np.testing.assert_array_equal(targets, [49, 3, 1])


def test_splitting_keeps_each_pdfs_mean_and_weight() -> None:
    gmm = random_gmm((1, 1, 2))
    grown = mix_up(gmm, np.array([1e4, 10.0, 1e4]), 9, power=0.25, iteration=3)
    assert grown.num_gaussians == 9
    np.testing.assert_allclose(np.bincount(grown.pdf_of_gaussian, grown.weights), 1)
    for pdf_id in range(3):
        old, new = gmm.pdf_of_gaussian == pdf_id, grown.pdf_of_gaussian == pdf_id
        np.testing.assert_allclose(grown.weights[new] @ grown.means[new], gmm.weights[old] @ gmm.means[old])
    assert np.isin(grown.variances, gmm.variances).all()


def test_splitting_moves_means_apart_by_a_little_and_the_same_way_each_time() -> None:
    gmm, occupancies = random_gmm((1,)), np.array([1e4])
    grown = mix_up(gmm, occupancies, 2, power=0.25, iteration=3)
    shift = np.abs(grown.means - gmm.means) / np.sqrt(gmm.variances)
    assert 0 < shift.max() < 0.05
    np.testing.assert_array_equal(mix_up(gmm, occupancies, 2, power=0.25, iteration=3).means, grown.means)
    assert (mix_up(gmm, occupancies, 2, power=0.25, iteration=4).means != grown.means).any()


def test_nothing_is_taken_away() -> None:
    gmm = random_gmm((4, 1))
    assert mix_up(gmm, np.array([1e4, 1.0]), 3, power=0.25, iteration=1) is gmm
