"""What frames say about the Gaussians and transitions that they are aligned to.

Sums are in float64; those of a fixed part of the data never depend on how many processes there are.
Source: Kaldi gmmbin/gmm-acc-stats-ali.cc, gmmbin/gmm-acc-stats-twofeats.cc.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float32, Float64, Int32

from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.gmm.model import StackedGmm


@dataclass(frozen=True)
class GmmStatistics:
    """Sums over frames, weighted with the Gaussians' posteriors; ``loglike`` is in nats."""

    occupancies: Float64[np.ndarray, " gaussians"]
    first_order: Float64[np.ndarray, "gaussians dim"]  # sum of x
    second_order: Float64[np.ndarray, "gaussians dim"]  # sum of x^2
    transition_counts: Float64[np.ndarray, " transition_ids_and_0"]
    loglike: float
    num_frames: int

    def __add__(self, other: "GmmStatistics") -> "GmmStatistics":
        return GmmStatistics(
            self.occupancies + other.occupancies,
            self.first_order + other.first_order,
            self.second_order + other.second_order,
            self.transition_counts + other.transition_counts,
            self.loglike + other.loglike,
            self.num_frames + other.num_frames,
        )


def sum_statistics(parts: Sequence[GmmStatistics]) -> GmmStatistics:
    """Add in the order that is given."""
    return reduce(GmmStatistics.__add__, parts)


def accumulate(
    gmm: StackedGmm,
    transition_model: TransitionModel,
    frames: Float32[np.ndarray, "frames dim"],
    transition_ali: Int32[np.ndarray, " frames"],
    *,
    update_frames: Float32[np.ndarray, "frames other_dim"] | None = None,
) -> GmmStatistics:
    """Statistics of aligned frames; the posteriors are those of ``frames`` under the ``gmm``.

    Where ``update_frames`` is given it is these that are summed: the same Gaussians in another feature
    space (the alignment model of speaker-adaptive training).
    """
    pdf_ali = transition_model.transition_id_to_pdf_id[transition_ali]
    summed = np.asarray(frames if update_frames is None else update_frames, np.float64)
    num_gaussians, dim = gmm.num_gaussians, summed.shape[1] if len(summed) else gmm.dim
    occupancies, loglike = np.zeros(num_gaussians), 0.0
    sums = np.zeros((num_gaussians, 2 * dim))
    expanded = np.hstack([summed, summed**2])
    for block in gmm.pdf_blocks(frames, pdf_ali):
        posteriors = block.posteriors.astype(np.float64)
        occupancies[block.gaussians] = posteriors.sum(axis=0)
        sums[block.gaussians] = posteriors.T @ expanded[block.frame_indices]
        loglike += float(block.loglikes.sum(dtype=np.float64))
    counts = np.bincount(transition_ali, minlength=transition_model.num_transition_ids + 1)
    return GmmStatistics(
        occupancies, sums[:, :dim], sums[:, dim:], counts.astype(np.float64), loglike, len(frames)
    )


def pdf_occupancies(gmm: StackedGmm, statistics: GmmStatistics) -> Float64[np.ndarray, " pdfs"]:
    """How many frames each pdf has."""
    return np.bincount(gmm.pdf_of_gaussian, statistics.occupancies, minlength=gmm.num_pdfs)
