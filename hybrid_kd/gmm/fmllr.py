"""fMLLR: one affine transform of the features for each speaker, under which a GMM gives them most likelihood.

x -> A x + b, W = [A b]. Axes: dim; columns = dim + 1 (the frame with a 1 behind it).
Source: Kaldi transform/fmllr-diag-gmm.cc (full update), gmmbin/gmm-est-fmllr.cc, gmm-est-fmllr-gpost.cc.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from hybrid_kd.gmm.frame_posteriors import Utterances, WeightedFrames, weighted_chunks
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.row_updates import transform_objective, update_rows, weighted_scatters

logger = logging.getLogger(__name__)

MIN_COUNT = 500.0  # frames; below it the transform stays the identity
NUM_ITERS = 40


@dataclass(frozen=True)
class FmllrStatistics:
    """Of one speaker: sums over frames and Gaussians, each weighted with its posterior."""

    count: float
    linear: Float64[np.ndarray, "dim columns"]  # K: mean / variance times the frame
    scatters: Float64[np.ndarray, "dim columns columns"]  # G: 1 / variance times the frame's scatter

    def __add__(self, other: "FmllrStatistics") -> "FmllrStatistics":
        return FmllrStatistics(
            self.count + other.count, self.linear + other.linear, self.scatters + other.scatters
        )


@dataclass(frozen=True)
class FmllrEstimate:
    """A transform, and its gain in the objective a frame (nats; 0 where it stays the identity)."""

    transform: Float64[np.ndarray, "dim columns"]
    gain: float
    count: float


def accumulate_fmllr(
    utterances: Utterances, gmm: StackedGmm, *, posterior_gmm: StackedGmm | None = None
) -> FmllrStatistics:
    """Sum over one speaker's (frames, Posteriors of pdf_ids).

    The frames are those that the transform will be applied to. Within a pdf, Gaussians share the frame by
    their posteriors under ``posterior_gmm`` (by default ``gmm``), which must have the same Gaussians: the
    alignment model (final.alimdl), where the frames are not adapted yet.

    Raises: ValueError as `weighted_chunks`.
    """
    dim = gmm.dim
    total = FmllrStatistics(0.0, np.zeros((dim, dim + 1)), np.zeros((dim, dim + 1, dim + 1)))
    for chunk in weighted_chunks(utterances):
        total += _accumulate(chunk, gmm, posterior_gmm or gmm)
    return total


def _accumulate(chunk: WeightedFrames, gmm: StackedGmm, posterior_gmm: StackedGmm) -> FmllrStatistics:
    inv_vars = 1.0 / gmm.variances
    means_invvars = gmm.means * inv_vars
    linear, square = (np.zeros(chunk.frames.shape) for _ in range(2))  # each frame's terms in the objective
    for block in posterior_gmm.pdf_blocks(chunk.frames[chunk.frame_indices], chunk.pdf_ids):
        posteriors = block.posteriors * chunk.weights[block.frame_indices, None]
        frames = chunk.frame_indices[block.frame_indices]  # each at most once for a pdf
        linear[frames] += posteriors @ means_invvars[block.gaussians]
        square[frames] += posteriors @ inv_vars[block.gaussians]
    used = np.flatnonzero(square[:, 0])
    vectors = np.column_stack([chunk.frames[used].astype(np.float64), np.ones(len(used))])
    return FmllrStatistics(
        float(chunk.weights.sum()), linear[used].T @ vectors, weighted_scatters(vectors, square[used])
    )


def estimate_fmllr(
    statistics: FmllrStatistics, *, speaker: str, num_iters: int = NUM_ITERS, min_count: float = MIN_COUNT
) -> FmllrEstimate:
    """The transform that maximises the objective; the identity for at most ``min_count`` frames of speech.

    It also stays the identity, which is logged, where the statistics are singular or nothing is gained.
    """
    dim = len(statistics.linear)
    identity = np.eye(dim, dim + 1)
    count = statistics.count
    kept = FmllrEstimate(identity, 0.0, count)
    if not count > min_count:
        problem = f"{count:.0f} frames of speech are not more than {min_count:.0f}"
        logger.warning("speaker '%s' keeps the identity as fMLLR transform: %s", speaker, problem)
        return kept
    parts = (count, statistics.linear, statistics.scatters)
    try:
        transform = update_rows(identity, *parts, num_iters=num_iters)
    except np.linalg.LinAlgError:
        logger.warning("speaker '%s' keeps the identity as fMLLR transform: singular statistics", speaker)
        return kept
    gain = (transform_objective(transform, *parts) - transform_objective(identity, *parts)) / count
    if not gain >= 0:
        logger.warning("speaker '%s' keeps the identity as fMLLR transform: it would gain %g", speaker, gain)
        return kept
    logger.info("fMLLR of speaker '%s' gains %.4f a frame over %.0f frames", speaker, gain, count)
    return FmllrEstimate(transform, gain, count)


def mean_gain(estimates: Sequence[FmllrEstimate]) -> float:
    """The gain a frame over all speakers."""
    count = sum(estimate.count for estimate in estimates)
    return sum(estimate.gain * estimate.count for estimate in estimates) / count if count else 0.0


def compose_fmllr(
    second: Float[np.ndarray, "dim columns"], first: Float[np.ndarray, "dim columns"]
) -> Float[np.ndarray, "dim columns"]:
    """The transform that is ``first`` and then ``second``, both affine: [A2 A1, A2 b1 + b2].

    Source: Kaldi transform/transform-common.cc, ComposeTransforms with b_is_affine=true.
    """
    composed: Float[np.ndarray, "dim columns"] = second[:, :-1] @ first
    composed[:, -1] += second[:, -1]
    return composed
