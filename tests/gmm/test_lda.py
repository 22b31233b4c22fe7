"""LDA whitens the variance within classes, and its rows are ordered by that between them."""

import logging

import numpy as np
import pytest
from scipy.linalg import eigh, subspace_angles

from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.gmm.frame_posteriors import ali_to_posteriors
from hybrid_kd.gmm.lda import LdaStatistics, accumulate_lda, estimate_lda
from tests.gmm.test_frame_posteriors import make_posteriors

pytestmark = pytest.mark.numerical

NUM_CLASSES, SPLICED = 7, 6


def make_utterance(num_frames: int = 2000, seed: int = 0) -> tuple[np.ndarray, Posteriors]:
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(SPLICED, SPLICED))
    pdf_ali = generator.integers(0, NUM_CLASSES - 1, num_frames).astype(np.int32)  # the last never occurs
    means = np.zeros((NUM_CLASSES, SPLICED))
    means[:, 0], means[:, 1] = 4 * np.arange(NUM_CLASSES), 2 * (np.arange(NUM_CLASSES) % 3)
    frames = (means[pdf_ali] + generator.normal(size=(num_frames, SPLICED))) @ mixing.T
    return frames.astype(np.float32), ali_to_posteriors(pdf_ali)


def covariances(frames: np.ndarray, pdf_ali: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Between and within classes, frame by frame."""
    x = frames.astype(np.float64)
    class_means = np.stack([x[pdf_ali == pdf].mean(axis=0) for pdf in range(NUM_CLASSES - 1)])[pdf_ali]
    return np.cov(class_means.T, bias=True), np.cov((x - class_means).T, bias=True)


def test_rows_whiten_within_classes_and_are_ordered_between_them() -> None:
    frames, posteriors = make_utterance()
    matrix = estimate_lda(accumulate_lda([(frames, posteriors)], num_pdfs=NUM_CLASSES), dim=4)
    between, within = covariances(frames, posteriors.ids)
    np.testing.assert_allclose(matrix @ within @ matrix.T, np.eye(4), atol=1e-6)
    spread = matrix @ between @ matrix.T
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-4)
    largest = eigh(between, within, eigvals_only=True)[::-1]
    np.testing.assert_allclose(np.diag(spread), largest[:4], rtol=1e-4, atol=1e-6)


def test_the_discriminative_directions_are_found() -> None:
    frames, posteriors = make_utterance(20_000)
    matrix = estimate_lda(accumulate_lda([(frames, posteriors)], num_pdfs=NUM_CLASSES), dim=2)
    unmixed = np.linalg.inv(np.random.default_rng(99).normal(size=(SPLICED, SPLICED)))[:2]
    assert np.degrees(subspace_angles(matrix.T, unmixed.T)).max() < 3


def test_signs_are_the_same_every_time() -> None:
    statistics = accumulate_lda([make_utterance()], num_pdfs=NUM_CLASSES)
    matrix = estimate_lda(statistics, dim=5)
    assert (matrix[np.arange(5), np.abs(matrix).argmax(axis=1)] > 0).all()
    np.testing.assert_array_equal(matrix, estimate_lda(statistics, dim=5))


def test_frames_count_by_their_posteriors() -> None:
    frames = np.arange(6, dtype=np.float32).reshape(3, 2)
    posteriors = make_posteriors([[(0, 0.5), (2, 0.5)], [], [(2, 0.25)]])
    statistics = accumulate_lda([(frames, posteriors)], num_pdfs=3)
    assert statistics.counts.tolist() == [0.5, 0, 0.75]
    np.testing.assert_allclose(statistics.sums, [[0.0, 0.5], [0.0, 0.0], [1.0, 1.75]])
    np.testing.assert_allclose(statistics.scatter, [[4.0, 5.0], [5.0, 7.25]])


def test_parts_add_up() -> None:
    one, two = make_utterance(100, 1), make_utterance(50, 2)
    whole = accumulate_lda([one, two], num_pdfs=NUM_CLASSES)
    total = sum_of(accumulate_lda([one], num_pdfs=NUM_CLASSES), accumulate_lda([two], num_pdfs=NUM_CLASSES))
    for left, right in zip(vars(whole).values(), vars(total).values(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


def sum_of(one: LdaStatistics, two: LdaStatistics) -> LdaStatistics:
    return one + two


def test_a_dimension_without_variance_is_smoothed(caplog: pytest.LogCaptureFixture) -> None:
    frames, posteriors = make_utterance()
    frames[:, 3] = 0
    with caplog.at_level(logging.WARNING):
        matrix = estimate_lda(accumulate_lda([(frames, posteriors)], num_pdfs=NUM_CLASSES), dim=3)
    assert np.isfinite(matrix).all()
    assert "the variance within classes is singular" in caplog.text


@pytest.mark.parametrize("dim", [SPLICED + 1, NUM_CLASSES])
def test_too_few_dimensions_or_classes_are_refused(dim: int) -> None:
    statistics = accumulate_lda([make_utterance()], num_pdfs=NUM_CLASSES)
    with pytest.raises(ValueError, match=f"LDA to {dim} dimensions from 6, with 7 classes"):
        estimate_lda(statistics, dim=dim)


def test_no_utterances_are_refused() -> None:
    with pytest.raises(ValueError, match="no utterances"):
        accumulate_lda([], num_pdfs=3)
