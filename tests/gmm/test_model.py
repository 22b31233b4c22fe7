"""Gaussians as arrays: likelihoods and posteriors beside SciPy's densities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

from hybrid_kd.archives.transition_model import read_model_file
from hybrid_kd.gmm.model import StackedGmm
from tests.gmm.experiment import log_densities, random_gmm

pytestmark = pytest.mark.numerical


def random_frames(num_frames: int, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((num_frames, dim)).astype(np.float32)


def test_loglikes_are_those_of_the_densities() -> None:
    gmm, frames = random_gmm(), random_frames(20)
    logs = log_densities(gmm, frames)
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
    logs = log_densities(gmm, frames)
    seen = []
    for block in gmm.pdf_blocks(frames, pdf_ali):
        assert set(pdf_ali[block.frame_indices]) == {block.pdf_id}
        own = logs[block.frame_indices][:, gmm.pdf_of_gaussian == block.pdf_id]
        expected = logsumexp(own, axis=1)
        np.testing.assert_allclose(block.posteriors, np.exp(own - expected[:, None]), atol=1e-5)
        np.testing.assert_allclose(block.loglikes, expected, atol=1e-4)
        seen += block.frame_indices.tolist()
    assert sorted(seen) == list(range(30))


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
        alone.loglikes(frames)[:, 0], log_densities(gmm, frames)[:, 1] - np.log(gmm.weights[1]), atol=1e-4
    )
