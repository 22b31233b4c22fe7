"""Local epsilon removal: what is joined, and that paths keep their costs."""

import kaldifst
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_kd.graph.epsilon_removal import remove_epsilons_locally
from hybrid_kd.graph.fst_arrays import to_arrays, to_fst
from tests.graph.languages import make_arrays, rows

ARC = st.tuples(
    st.integers(0, 4),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.integers(1, 5),
)


def test_an_epsilon_after_a_label_is_joined_with_it() -> None:
    fst = make_arrays([(0, 1, 0, 0.5, 1), (1, 0, 2, 0.25, 2)], {2: 0.0})
    assert rows(remove_epsilons_locally(fst)) == {(0, 1, 2, 0.75, 2)}


def test_two_labels_on_one_side_are_not_joined() -> None:
    fst = make_arrays([(0, 1, 0, 0.5, 1), (1, 1, 2, 0.25, 2)], {2: 0.0})
    assert rows(remove_epsilons_locally(fst)) == rows(fst)


def test_an_epsilon_to_a_last_state_makes_its_source_final() -> None:
    fst = make_arrays([(0, 1, 0, 0.5, 1), (1, 0, 0, 0.25, 2)], {2: 0.125})
    result = remove_epsilons_locally(fst)
    assert rows(result) == {(0, 1, 0, 0.75, 2)}
    assert result.final_costs[2] == np.float32(0.125)


def test_what_stays_takes_the_cost_of_its_share() -> None:
    """State 1 is left by an epsilon (p = 0.75) and a label (0.25): the latter's arc in becomes 0.25."""
    cost = -np.log([0.75, 0.25])
    fst = make_arrays([(0, 1, 0, 0.0, 1), (1, 0, 3, cost[0], 2), (1, 2, 0, cost[1], 2)], {2: 0.0})
    high, low = np.round(cost, 4).tolist()
    assert rows(remove_epsilons_locally(fst)) == {(0, 1, 3, high, 2), (0, 1, 0, low, 1), (1, 2, 0, 0.0, 2)}


def test_self_loops_stay() -> None:
    fst = make_arrays([(0, 1, 0, 0.5, 1), (1, 0, 0, 0.25, 1), (1, 1, 0, 0.0, 2)], {2: 0.0})
    assert (1, 0, 0, 0.25, 1) in rows(remove_epsilons_locally(fst))


@settings(max_examples=200)
@given(st.lists(ARC, min_size=1, max_size=14), st.dictionaries(st.integers(0, 5), st.just(0.5), min_size=1))
def test_paths_keep_labels_and_costs(
    arcs: list[tuple[int, int, int, float, int]], finals: dict[int, float]
) -> None:
    """On acyclic transducers, whose paths can be compared string by string."""
    fst = make_arrays([arc for arc in arcs if arc[0] < arc[4]] or [(0, 1, 1, 0.0, 5)], finals)
    result = remove_epsilons_locally(fst)
    assert result.num_arcs <= fst.num_arcs
    assert _costs(to_fst(fst)) == _costs(to_fst(result))


def _costs(fst: kaldifst.StdVectorFst) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
    """The least cost of each pair of strings."""
    arrays = to_arrays(fst)
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
    waiting: list[tuple[int, tuple[int, ...], tuple[int, ...], float]] = [(0, (), (), 0.0)]
    while waiting:
        state, ilabels, olabels, cost = waiting.pop()
        if np.isfinite(arrays.final_costs[state]):
            total = round(cost + float(arrays.final_costs[state]), 3)
            found[ilabels, olabels] = min(total, found.get((ilabels, olabels), np.inf))
        for arc in np.flatnonzero(arrays.sources == state).tolist():
            more = [(int(column[arc]),) if column[arc] else () for column in (arrays.ilabels, arrays.olabels)]
            waiting.append(
                (
                    int(arrays.next_states[arc]),
                    ilabels + more[0],
                    olabels + more[1],
                    cost + float(arrays.costs[arc]),
                )
            )
    return found
