"""LDA: the linear transform to fewer dimensions in which the pdfs' means lie apart most.

In the new space the variance within a class is the identity. Axes: classes (pdfs), spliced (91), dim (40).
Source: Kaldi transform/lda-estimate.cc; bin/acc-lda.cc, bin/est-lda.cc. Kaldi draws a part of the frames at
random (--rand-prune 4); here all of them count.
"""

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.linalg import eigh, solve_triangular

from hybrid_kd.gmm.frame_posteriors import Utterances, weighted_chunks

logger = logging.getLogger(__name__)

DIM = 40
SMOOTHING = 1e-3  # of the mean variance within classes, where that is singular


@dataclass(frozen=True)
class LdaStatistics:
    """Weighted counts and sums of the frames of each class, and the scatter of all frames about 0."""

    counts: Float64[np.ndarray, " classes"]
    sums: Float64[np.ndarray, "classes spliced"]
    scatter: Float64[np.ndarray, "spliced spliced"]

    def __add__(self, other: "LdaStatistics") -> "LdaStatistics":
        return LdaStatistics(self.counts + other.counts, self.sums + other.sums, self.scatter + other.scatter)


def accumulate_lda(utterances: Utterances, *, num_pdfs: int) -> LdaStatistics:
    """Sum over (spliced frames, Posteriors of pdf_ids) of many utterances; silence should have no weight.

    Raises: ValueError where posteriors and features differ in their number of frames, or without utterances.
    """
    total: LdaStatistics | None = None
    for chunk in weighted_chunks(utterances):
        frames = chunk.frames[chunk.frame_indices].astype(np.float64)
        weighted = frames * chunk.weights[:, None]
        sums = np.zeros((num_pdfs, frames.shape[1]))
        order = np.argsort(chunk.pdf_ids, kind="stable")
        pdf_ids, starts = np.unique(chunk.pdf_ids[order], return_index=True)
        sums[pdf_ids] = np.add.reduceat(weighted[order], starts, axis=0)
        counts = np.bincount(chunk.pdf_ids, chunk.weights, num_pdfs)
        part = LdaStatistics(counts, sums, weighted.T @ frames)
        total = part if total is None else total + part
    if total is None:
        raise ValueError("no utterances")
    return total


def estimate_lda(statistics: LdaStatistics, *, dim: int = DIM) -> Float64[np.ndarray, "dim spliced"]:
    """The ``dim`` directions of the largest variance between classes, where that within them is the identity.

    The sign of a row is free; its largest item is made positive.

    Raises: ValueError if there are too few classes or dimensions.
    """
    num_classes, spliced = statistics.sums.shape
    if dim > spliced or dim >= num_classes:
        raise ValueError(f"LDA to {dim} dimensions from {spliced}, with {num_classes} classes")
    between, within = _covariances(statistics)
    root = _cholesky(within)
    whitened = solve_triangular(root, solve_triangular(root, between, lower=True).T, lower=True)
    variances, directions = eigh((whitened + whitened.T) / 2)
    variances, directions = variances[::-1], directions[:, ::-1]
    logger.info("LDA keeps %.4g of a sum of singular values of %.4g", variances[:dim].sum(), variances.sum())
    transform = solve_triangular(root.T, directions[:, :dim], lower=False).T
    largest = transform[np.arange(dim), np.abs(transform).argmax(axis=1)]
    return np.ascontiguousarray(transform * np.sign(largest)[:, None])


def _covariances(
    statistics: LdaStatistics,
) -> tuple[Float64[np.ndarray, "spliced spliced"], Float64[np.ndarray, "spliced spliced"]]:
    """Covariances between and within the classes."""
    count = statistics.counts.sum()
    mean = statistics.sums.sum(axis=0) / count
    seen = statistics.counts > 0
    means = statistics.sums[seen] / statistics.counts[seen, None]
    between = (statistics.sums[seen] / count).T @ means - np.outer(mean, mean)
    total = statistics.scatter / count - np.outer(mean, mean)
    return between, total - between


def _cholesky(covariance: Float64[np.ndarray, "size size"]) -> Float64[np.ndarray, "size size"]:
    """The lower factor; what is singular is smoothed."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        smoothing = SMOOTHING * np.trace(covariance) / len(covariance)
        logger.warning("the variance within classes is singular: %g is added to its diagonal", smoothing)
        return np.linalg.cholesky(covariance + smoothing * np.eye(len(covariance)))
