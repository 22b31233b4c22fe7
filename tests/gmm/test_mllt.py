"""MLLT against sums over single frames and Gaussians, and a known rotation."""

import logging

import numpy as np
import pytest

from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.gmm.frame_posteriors import ali_to_posteriors
from hybrid_kd.gmm.mllt import accumulate_mllt, estimate_mllt, transform_means
from hybrid_kd.gmm.model import StackedGmm
from tests.gmm.test_frame_posteriors import make_posteriors
from tests.gmm.test_row_updates import gradient
from tests.gmm.tiny_model import random_gmm, sample

pytestmark = pytest.mark.numerical

GMM = random_gmm(4, dim=3)


def aligned(gmm: StackedGmm, num_frames: int, seed: int = 0) -> tuple[np.ndarray, Posteriors]:
    pdf_ali = np.random.default_rng(seed).integers(0, gmm.num_pdfs, num_frames).astype(np.int32)
    return sample(gmm, pdf_ali, seed), ali_to_posteriors(pdf_ali)


def slow_scatters(frames: np.ndarray, posteriors: Posteriors, gmm: StackedGmm) -> np.ndarray:
    """sum 1/v_d (x - m)(x - m)^T of each dimension d."""
    scatters = np.zeros((gmm.dim, gmm.dim, gmm.dim))
    for time, frame in enumerate(frames.astype(np.float64)):
        for entry in range(*posteriors.offsets[time : time + 2]):
            own = slice(*gmm.pdf_offsets[posteriors.ids[entry] : posteriors.ids[entry] + 2])
            offsets = frame - gmm.means[own]
            logs = np.log(gmm.weights[own] / np.sqrt(gmm.variances[own].prod(axis=1)))
            shares = np.exp(logs - 0.5 * (offsets**2 / gmm.variances[own]).sum(axis=1))
            shares *= posteriors.values[entry] / shares.sum()
            for share, variance, offset in zip(shares, gmm.variances[own], offsets, strict=True):
                scatters += share * np.outer(offset, offset) / variance[:, None, None]
    return scatters


def test_the_transform_maximises_the_objective_of_slow_sums() -> None:
    frames, posteriors = aligned(GMM, 300)
    statistics = accumulate_mllt([(frames, posteriors)], GMM)
    estimate = estimate_mllt(statistics, GMM)
    scatters = slow_scatters(frames, posteriors, GMM)
    slope = gradient(estimate.transform, 300.0, np.zeros((3, 3)), scatters)
    assert np.abs(slope).max() < 1e-4 * 300
    assert estimate.gain > 0


def test_posteriors_weigh_and_parts_add_up() -> None:
    frames = sample(GMM, np.array([0, 1, 2]), 3)
    posteriors = make_posteriors([[(0, 0.5), (2, 0.5)], [(1, 0.25)], []])
    one = accumulate_mllt([(frames, posteriors)], GMM)
    assert one.occupancies.sum() == pytest.approx(1.25)
    other = aligned(GMM, 40)
    total, whole = one + accumulate_mllt([other], GMM), accumulate_mllt([(frames, posteriors), other], GMM)
    np.testing.assert_allclose(total.scatters, whole.scatters, rtol=1e-6)
    np.testing.assert_allclose(total.first_order, whole.first_order, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(total.occupancies, whole.occupancies, rtol=1e-6)


def test_a_rotation_of_the_features_is_undone_up_to_scale() -> None:
    """Rows of the transform become those of the inverse rotation, scaled to fit the model's variances."""
    model = random_gmm(7, dim=3, sizes=(1, 1, 1, 1, 1, 1))
    frames, posteriors = aligned(model, 10_000)
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    rotated = (frames @ rotation.T).astype(np.float32)
    pdf_ali = posteriors.ids
    ones = [rotated[pdf_ali == pdf].astype(np.float64) for pdf in range(6)]
    fitted = StackedGmm.from_parts(
        np.arange(6),
        np.ones(6),
        np.stack([part.mean(axis=0) for part in ones]),
        np.stack([part.var(axis=0) for part in ones]),
        num_pdfs=6,
    )
    for _ in range(20):  # variances are those of the features as they are transformed so far
        estimate = estimate_mllt(accumulate_mllt([(rotated, posteriors)], fitted), fitted)
        rotated = (rotated @ estimate.transform.T).astype(np.float32)
        rotation = estimate.transform @ rotation
        moved = transform_means(fitted, estimate.transform)
        variances = np.stack([rotated[pdf_ali == pdf].var(axis=0) for pdf in range(6)]).astype(np.float64)
        fitted = StackedGmm.from_parts(np.arange(6), np.ones(6), moved.means, variances, num_pdfs=6)
    largest = np.sort(np.abs(rotation), axis=1)
    assert (largest[:, -2] < 0.1 * largest[:, -1]).all()
    assert sorted(np.abs(rotation).argmax(axis=1).tolist()) == [0, 1, 2]


def test_means_are_transformed_and_variances_stay() -> None:
    matrix = np.random.default_rng(0).normal(size=(3, 4))
    linear, affine = transform_means(GMM, matrix[:, :3]), transform_means(GMM, matrix)
    np.testing.assert_allclose(linear.means, GMM.means @ matrix[:, :3].T)
    np.testing.assert_allclose(affine.means, linear.means + matrix[:, 3])
    np.testing.assert_array_equal(affine.variances, GMM.variances)
    gconsts = affine.gconsts  # computed anew, not those of the old means
    assert np.abs(gconsts - GMM.gconsts).max() > 0.1


def test_the_gain_is_logged_and_few_frames_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        estimate_mllt(accumulate_mllt([aligned(GMM, 25)], GMM), GMM)
    assert "MLLT from only 25 frames of 3 dimensions" in caplog.text
    assert "MLLT gains" in caplog.text
