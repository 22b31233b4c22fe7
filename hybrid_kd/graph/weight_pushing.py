"""Weight pushing for graphs whose weights do not sum to one: backoff language models."""

import logging
from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from scipy.sparse import csr_array

from hybrid_kd.archives.byte_reader import FormatError
from hybrid_kd.graph.fst_arrays import FstArrays

logger = logging.getLogger(__name__)

MAX_ITERATIONS = 2000
ITERATIONS_BETWEEN_TESTS = 5
DAMPING = 0.1  # without it the power method does not converge on linear graphs


def push_weights(fst: FstArrays, *, delta: float = 1.0 / 1024) -> FstArrays:
    """Move weights between arcs so that what leaves each state sums to the same number, lambda.

    With P_ij the summed probability from state i to j (a final probability leads back to the start) and
    lambda v = P v, an arc's probability is multiplied by v_j / v_i. Paths keep their costs. ``delta`` bounds
    the log of the ratio between the largest and the least sum.

    Raises: FormatError for costs whose probabilities are beyond float64 both ways.
    Source: Kaldi fstext/push-special.cc, PushSpecial.
    """
    if fst.num_states == 0:
        return fst
    finals = np.flatnonzero(np.isfinite(fst.final_costs))
    with np.errstate(over="ignore"):
        probabilities = np.exp(-np.concatenate([fst.costs, fst.final_costs[finals]]).astype(np.float64))
    rows = np.concatenate([fst.sources, finals])
    columns = np.concatenate([fst.next_states, np.full(len(finals), fst.start)])
    shape = (fst.num_states, fst.num_states)
    with np.errstate(all="ignore"):
        potentials = -np.log(
            _dominant_vector(csr_array((probabilities, (rows, columns)), shape=shape), delta)
        )
    if not np.isfinite(potentials).all():
        raise FormatError("its costs are too large to be pushed")
    costs = fst.costs + potentials[fst.next_states] - potentials[fst.sources]
    final_costs = fst.final_costs + (potentials[fst.start] - potentials)
    return replace(fst, costs=costs.astype(np.float32), final_costs=final_costs.astype(np.float32))


def _dominant_vector(transitions: csr_array, delta: float) -> Float64[np.ndarray, " states"]:
    """The eigenvector of the largest eigenvalue, by the power method."""
    vector = np.full(transitions.shape[0], transitions.shape[0] ** -0.5)
    for iteration in range(MAX_ITERATIONS):
        following = transitions @ vector + DAMPING * vector
        vector = following / np.linalg.norm(following)
        if iteration % ITERATIONS_BETWEEN_TESTS == 0 and iteration > 0:
            sums = (transitions @ vector) / vector
            if np.log(sums.max() / sums.min()) <= delta:
                break
    else:
        logger.warning("weight pushing did not converge in %d iterations", MAX_ITERATIONS)
    return np.asarray(vector)
