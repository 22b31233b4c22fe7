"""MLLT (global semi-tied covariance): one square transform under which diagonal covariances fit best.

Axes: dim, gaussians. Kaldi prunes posteriors at random for speed; here all of them count.
Source: Kaldi transform/mllt.cc, gmmbin/gmm-transform-means.cc.
"""

import dataclasses
import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from hybrid_kd.gmm.frame_posteriors import Utterances, WeightedFrames, weighted_chunks
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.row_updates import transform_objective, update_rows, weighted_scatters

logger = logging.getLogger(__name__)

NUM_ITERS = 200


@dataclass(frozen=True)
class MlltStatistics:
    """Sums over frames, weighted with the Gaussians' posteriors."""

    scatters: Float64[np.ndarray, "dim dim dim"]  # 1 / variance times x x^T
    occupancies: Float64[np.ndarray, " gaussians"]
    first_order: Float64[np.ndarray, "gaussians dim"]  # sum of x

    def __add__(self, other: "MlltStatistics") -> "MlltStatistics":
        return MlltStatistics(
            self.scatters + other.scatters,
            self.occupancies + other.occupancies,
            self.first_order + other.first_order,
        )


@dataclass(frozen=True)
class MlltEstimate:
    """The transform, and what it gains in the objective (natural log) a frame."""

    transform: Float64[np.ndarray, "dim dim"]
    gain: float


def accumulate_mllt(utterances: Utterances, gmm: StackedGmm) -> MlltStatistics:
    """Sum over (frames, Posteriors of pdf_ids) of many utterances; ``gmm`` models these frames.

    Raises: ValueError as `weighted_chunks`.
    """
    dim, num_gaussians = gmm.dim, gmm.num_gaussians
    total = MlltStatistics(np.zeros((dim, dim, dim)), np.zeros(num_gaussians), np.zeros((num_gaussians, dim)))
    for chunk in weighted_chunks(utterances):
        total += _accumulate(chunk, gmm)
    return total


def _accumulate(chunk: WeightedFrames, gmm: StackedGmm) -> MlltStatistics:
    frames = chunk.frames.astype(np.float64)
    square = np.zeros(frames.shape)  # each frame's sum of 1 / variance
    occupancies, first_order = np.zeros(gmm.num_gaussians), np.zeros((gmm.num_gaussians, gmm.dim))
    for block in gmm.pdf_blocks(chunk.frames[chunk.frame_indices], chunk.pdf_ids):
        posteriors = block.posteriors * chunk.weights[block.frame_indices, None]
        which = chunk.frame_indices[block.frame_indices]  # each at most once for a pdf
        square[which] += posteriors @ (1.0 / gmm.variances[block.gaussians])
        occupancies[block.gaussians] = posteriors.sum(axis=0)
        first_order[block.gaussians] = posteriors.T @ frames[which]
    used = np.flatnonzero(square[:, 0])
    return MlltStatistics(weighted_scatters(frames[used], square[used]), occupancies, first_order)


def estimate_mllt(statistics: MlltStatistics, gmm: StackedGmm, *, num_iters: int = NUM_ITERS) -> MlltEstimate:
    """The transform A that maximises count log |det A| - 0.5 sum_d a_d G_d a_d.

    G_d = sum 1/v_d (x - m)(x - m)^T over frames and Gaussians; ``gmm`` is the one of the statistics. New
    features are A x, new means A m (`transform_means`), and the LDA matrix becomes A times what it was.

    Raises: numpy.linalg.LinAlgError if the statistics are singular.
    """
    dim, count = gmm.dim, float(statistics.occupancies.sum())
    if count < 10 * dim:
        logger.warning("MLLT from only %.0f frames of %d dimensions", count, dim)
    parts = (count, np.zeros((dim, dim)), _central_scatters(statistics, gmm))
    transform = update_rows(np.eye(dim), *parts, num_iters=num_iters)
    gained = transform_objective(transform, *parts) - transform_objective(np.eye(dim), *parts)
    logger.info("MLLT gains %.4f a frame over %.0f frames", gained / count, count)
    return MlltEstimate(transform, gained / count)


def _central_scatters(statistics: MlltStatistics, gmm: StackedGmm) -> Float64[np.ndarray, "dim dim dim"]:
    """The scatters about the means, from those about 0: minus x m^T and its transpose, plus m m^T."""
    seen = np.flatnonzero(statistics.occupancies)
    means, occupancies = gmm.means[seen], statistics.occupancies[seen]
    left = statistics.first_order[seen] - 0.5 * occupancies[:, None] * means
    inv_vars = 1.0 / gmm.variances[seen]
    crossed = np.stack([(left * weights[:, None]).T @ means for weights in inv_vars.T])
    central: Float64[np.ndarray, "dim dim dim"] = statistics.scatters - crossed - crossed.transpose(0, 2, 1)
    return central


def transform_means(gmm: StackedGmm, transform: Float[np.ndarray, "dim columns"]) -> StackedGmm:
    """The model with its means transformed, linearly or affinely; its variances stay.

    Source: Kaldi gmmbin/gmm-transform-means.cc.
    """
    means = gmm.means @ transform[:, : gmm.dim].T + transform[:, gmm.dim :].sum(axis=1)
    return dataclasses.replace(gmm, means=means.astype(np.float64))
