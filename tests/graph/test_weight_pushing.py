"""Weight pushing: every state sums to the same number, and paths keep their costs."""

import numpy as np
import pytest

from hybrid_kd.graph.fst_arrays import FstArrays
from hybrid_kd.graph.weight_pushing import push_weights
from tests.graph.languages import make_arrays

pytestmark = pytest.mark.numerical


def sums(fst: FstArrays) -> np.ndarray:
    """What leaves each state, as a probability."""
    total = np.bincount(fst.sources, np.exp(-fst.costs.astype(np.float64)), fst.num_states)
    return np.asarray(total + np.exp(-fst.final_costs.astype(np.float64)))


def test_all_states_sum_to_the_same() -> None:
    fst = make_arrays(
        [(0, 1, 1, 0.5, 1), (0, 2, 2, 2.0, 2), (1, 1, 1, 1.0, 0), (1, 3, 3, 0.1, 2)], {2: 0.75, 1: 1.0}
    )
    pushed = push_weights(fst, delta=1e-7)
    assert np.ptp(np.log(sums(pushed))) < 1e-5


def test_a_path_to_the_end_keeps_its_cost() -> None:
    fst = make_arrays([(0, 1, 1, 0.5, 1), (1, 2, 2, 2.0, 2), (1, 2, 2, 0.25, 1)], {2: 0.75})
    pushed = push_weights(fst)
    along = pushed.costs[pushed.sources != pushed.next_states].sum() + pushed.final_costs[2]
    assert along == pytest.approx(3.25, abs=1e-5)


def test_a_linear_transducer_converges() -> None:
    """All eigenvalues of its transition matrix have the same magnitude."""
    fst = make_arrays([(0, 3, 3, 0.0, 1), (1, 4, 4, 0.5, 2), (2, 5, 5, 0.5, 3)], {3: 0.25})
    assert np.ptp(np.log(sums(push_weights(fst)))) < 2e-3


def test_an_empty_transducer_stays_empty() -> None:
    none = np.zeros(0, np.int32)
    empty = FstArrays(-1, np.zeros(0, np.float32), none, none, none, np.zeros(0, np.float32), none)
    assert push_weights(empty).num_states == 0
