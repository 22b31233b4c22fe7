"""Gaussians as arrays: likelihoods and posteriors beside SciPy's densities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from hybrid_kd.archives.transition_model import read_model_file
from hybrid_kd.gmm.model import StackedGmm
from tests.gmm.experiment import random_gmm


def densities(gmm: StackedGmm, frames: np.ndarray) -> np.ndarray:
    """log w + log N(x) of each frame under each Gaussian."""
    logs = np.asarray(norm.logpdf(frames[:, None], gmm.means, np.sqrt(gmm.variances)))
    return np.asarray(logs.sum(axis=2) + np.log(gmm.weights))


def random_frames(num_frames: int, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((num_frames, dim)).astype(np.float32)


def test_loglikes_are_those_of_the_densities() -> None:
    gmm, frames = random_gmm(), random_frames(20)
    logs = densities(gmm, frames)
    expected = [logsumexp(logs[:, gmm.pdf_of_gaussian == pdf_id], axis=1) for pdf_id in range(3)]
    np.testing.assert_allclose(gmm.loglikes(frames), np.transpose(expected), atol=1e-4)


def test_some_pdfs_alone_have_the_same_loglikes() -> None:
    gmm, frames = random_gmm(), random_frames(5)
    np.testing.assert_allclose(
        gmm.loglikes(frames, pdf_ids=np.array([2, 0])), gmm.loglikes(frames)[:, [2, 0]], atol=1e-5
    )


def test_far_away_frames_underflow_to_no_nan() -> None:
    loglikes = random_gmm().loglikes(np.full((1, 4), 100, np.float32))
    assert np.isfinite(loglikes).all()
    assert (loglikes < -1000).all()


def test_posteriors_of_a_frames_own_pdf_are_bayes_rule() -> None:
    gmm, frames = random_gmm(), random_frames(30)
    pdf_ali = np.random.default_rng(2).integers(0, 3, 30)
    found = gmm.gaussian_posteriors(frames, pdf_ali)
    logs = densities(gmm, frames)
    for entry, (frame, gaussian) in enumerate(zip(found.frame_indices, found.gaussians, strict=True)):
        own = logs[frame, gmm.pdf_of_gaussian == pdf_ali[frame]]
        np.testing.assert_allclose(
            found.posteriors[entry], np.exp(logs[frame, gaussian] - logsumexp(own)), atol=1e-5
        )
        np.testing.assert_allclose(found.loglikes[frame], logsumexp(own), atol=1e-4)
    assert len(found.gaussians) == np.diff(gmm.pdf_offsets)[pdf_ali].sum()


def test_a_model_survives_the_way_to_kaldis_form_and_back() -> None:
    gmm = random_gmm()
    again = StackedGmm.from_am(gmm.to_am())
    np.testing.assert_array_equal(again.pdf_offsets, gmm.pdf_offsets)
    for name in ("weights", "means", "variances"):
        np.testing.assert_allclose(getattr(again, name), getattr(gmm, name), rtol=1e-5, atol=1e-6)


def test_gconsts_are_kaldis(shared: Path) -> None:
    am = read_model_file(shared / "kaldi-an4/exp/tri3b/final.mdl").gmm
    assert am is not None
    gmm = StackedGmm.from_am(am)
    assert (gmm.num_pdfs, gmm.num_gaussians, gmm.dim) == (384, 6007, 40)
    expected = np.concatenate([part.gconsts for part in am.gmms])
    np.testing.assert_allclose(gmm.gconsts, expected, rtol=1e-5)


def test_a_weight_of_zero_is_never_chosen() -> None:
    gmm = random_gmm((2,))
    alone = replace(gmm, weights=np.array([0.0, 1.0]))
    frames = random_frames(3)
    np.testing.assert_allclose(
        alone.loglikes(frames)[:, 0], densities(gmm, frames)[:, 1] - np.log(gmm.weights[1]), atol=1e-4
    )
