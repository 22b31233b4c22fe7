"""Maximum-likelihood updates of Gaussians and transitions from their statistics.

Source: Kaldi gmm/mle-diag-gmm.cc, hmm/transition-model.cc (MleUpdate), gmmbin/gmm-est.cc.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.statistics import GmmStatistics, pdf_occupancies
from hybrid_kd.graph.transition_table import make_transition_table

MIN_GAUSSIAN_OCCUPANCY = 10.0  # frames
MIN_GAUSSIAN_WEIGHT = 1.0e-5
MIN_VARIANCE = 0.001
MIN_TRANSITION_COUNT = 5.0
MIN_TRANSITION_PROBABILITY = 0.01
FLOORING_ROUNDS = 3


@dataclass(frozen=True)
class GmmUpdate:
    """The new mixtures, and how many Gaussians were removed or had a variance floored."""

    gmm: StackedGmm
    num_removed: int
    num_floored: int


def update_gmm(
    gmm: StackedGmm,
    statistics: GmmStatistics,
    *,
    min_occupancy: float = MIN_GAUSSIAN_OCCUPANCY,
    remove_low_count: bool = True,
) -> GmmUpdate:
    """Means, variances and weights that maximise the likelihood; Gaussians with too few frames are removed.

    A pdf keeps its last Gaussian, with old mean and variance, however few frames it has. Without
    ``remove_low_count`` all are kept like this.
    """
    occupancies = statistics.occupancies
    pdf_frames = pdf_occupancies(gmm, statistics)[gmm.pdf_of_gaussian]
    mixture_sizes = np.diff(gmm.pdf_offsets)[gmm.pdf_of_gaussian]
    weights = np.where(pdf_frames > 0, occupancies / np.maximum(pdf_frames, 1e-300), 1 / mixture_sizes)
    is_good = (occupancies > min_occupancy) & (weights > MIN_GAUSSIAN_WEIGHT)
    means, variances = gmm.means.copy(), gmm.variances.copy()
    means[is_good] = statistics.first_order[is_good] / occupancies[is_good, None]
    variances[is_good] = statistics.second_order[is_good] / occupancies[is_good, None] - means[is_good] ** 2
    is_floored = (variances < MIN_VARIANCE).any(axis=1)
    new = replace(
        gmm,
        weights=np.where(is_good, weights, np.maximum(weights, MIN_GAUSSIAN_WEIGHT)),
        means=means,
        variances=np.maximum(variances, MIN_VARIANCE),
    )
    kept = _kept(gmm, is_good) if remove_low_count else np.ones(len(is_good), bool)
    return GmmUpdate(_select(new, kept), int((~kept).sum()), int(is_floored.sum()))


def _kept(gmm: StackedGmm, is_good: Bool[np.ndarray, " gaussians"]) -> Bool[np.ndarray, " gaussians"]:
    """The good Gaussians, and the last one of a pdf that has none."""
    num_good = np.bincount(gmm.pdf_of_gaussian, is_good, minlength=gmm.num_pdfs)
    kept = is_good.copy()
    kept[gmm.pdf_offsets[1:][num_good == 0] - 1] = True
    return kept


def _select(gmm: StackedGmm, kept: Bool[np.ndarray, " gaussians"]) -> StackedGmm:
    """Only these Gaussians; where some go, the weights of the rest are scaled to sum to 1."""
    if kept.all():
        return gmm
    pdf_of_gaussian, weights = gmm.pdf_of_gaussian[kept], gmm.weights[kept]
    changed = np.bincount(gmm.pdf_of_gaussian, ~kept, minlength=gmm.num_pdfs) > 0
    sums = np.where(changed, np.bincount(pdf_of_gaussian, weights, minlength=gmm.num_pdfs), 1.0)
    return StackedGmm.from_parts(
        pdf_of_gaussian,
        weights / sums[pdf_of_gaussian],
        gmm.means[kept],
        gmm.variances[kept],
        num_pdfs=gmm.num_pdfs,
    )


def update_transitions(
    model: TransitionModel, counts: Float64[np.ndarray, " transition_ids_and_0"]
) -> TransitionModel:
    """Relative frequencies, floored at 0.01; states that are left fewer than 5 times stay as they are."""
    table = make_transition_table(model)
    states = table.state_of_id
    num_states = len(table.first_id)
    totals = np.bincount(states, counts, minlength=num_states)[states]
    num_ways = np.bincount(states, minlength=num_states)[states]
    probabilities = np.maximum(counts, 1e-300)
    for _ in range(FLOORING_ROUNDS):
        sums = np.bincount(states, probabilities, minlength=num_states)
        probabilities = np.maximum(probabilities / sums[states], MIN_TRANSITION_PROBABILITY)
    is_updated = (totals >= MIN_TRANSITION_COUNT) & (num_ways > 1)
    log_probs = np.where(is_updated, np.log(probabilities), model.log_probs).astype(np.float32)
    log_probs[0] = 0
    return replace(model, log_probs=log_probs)
