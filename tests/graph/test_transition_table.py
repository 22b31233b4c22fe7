"""Transition-states, costs of transitions and self-loops, on Kaldi's model."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.graph.self_loops import add_self_loops
from hybrid_kd.graph.transition_table import make_transition_table, transition_costs
from tests.graph.languages import make_arrays, rows

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def model(shared: Path) -> TransitionModel:
    return read_transition_model(shared / "kaldi-an4/golden/final.trans.mdl")


def test_each_transition_belongs_to_a_triple(model: TransitionModel) -> None:
    table = make_transition_table(model)
    states = table.state_of_id[1:]
    assert (np.diff(states) >= 0).all()
    assert states[-1] == len(model.triples)
    np.testing.assert_array_equal(model.triples[states - 1, 0], model.transition_id_to_phone[1:])
    np.testing.assert_array_equal(model.triples[states - 1, 2], model.transition_id_to_pdf_id[1:])
    first = table.first_id[1:]
    np.testing.assert_array_equal(table.state_of_id[first], np.arange(1, len(model.triples) + 1))
    assert model.is_self_loop[table.self_loop_id[1:]].all()


def test_forward_probabilities_are_what_self_loops_leave(model: TransitionModel) -> None:
    table = make_transition_table(model)
    self_loops = np.exp(model.log_probs[table.self_loop_id[1:]])
    np.testing.assert_allclose(np.exp(table.forward_log_probs[1:]), 1 - self_loops, rtol=1e-4)


def test_with_equal_scales_a_transition_costs_its_log_probability(model: TransitionModel) -> None:
    costs = transition_costs(model, transition_scale=0.5, self_loop_scale=0.5)
    np.testing.assert_allclose(costs[1:], -0.5 * model.log_probs[1:], rtol=1e-6)
    nearly = transition_costs(model, transition_scale=0.5, self_loop_scale=0.5 + 1e-6)
    np.testing.assert_allclose(nearly, costs, atol=1e-4)


def test_scales_apply_to_self_loops_and_to_the_others_apart(model: TransitionModel) -> None:
    """Of state 0 of a phone: the self-loop, and the only way out, whose own probability is 1."""
    table = make_transition_table(model)
    state = table.state_of_triple[tuple(model.triples[-1].tolist())]
    loop, out = table.self_loop_id[state], table.first_id[state] + 1
    assert out != loop
    costs = transition_costs(model, transition_scale=1.0, self_loop_scale=0.1)
    assert costs[loop] == pytest.approx(-0.1 * model.log_probs[loop], rel=1e-5)
    assert costs[out] == pytest.approx(-0.1 * np.log1p(-np.exp(model.log_probs[loop])), rel=1e-4)
    assert costs[0] == 0


def test_a_self_loop_follows_the_arcs_into_its_state(model: TransitionModel) -> None:
    table = make_transition_table(model)
    first, second = (int(table.first_id[state]) + 1 for state in (200, 201))
    fst = add_self_loops(
        make_arrays([(0, first, 5, 0.5, 1), (1, second, 0, 0.0, 2)], {2: 0.0}), table, self_loop_scale=0.0
    )
    loops = [int(table.self_loop_id[state]) for state in (200, 201)]
    assert rows(fst) == {
        (0, first, 5, 0.5, 1), (1, loops[0], 0, 0.0, 1), (1, second, 0, 0.0, 2), (2, loops[1], 0, 0.0, 2),
    }  # fmt: skip


def test_a_state_that_two_phones_reach_gets_a_state_before_it_for_each(model: TransitionModel) -> None:
    table = make_transition_table(model)
    first, second = (int(table.first_id[state]) + 1 for state in (200, 201))
    loops = [int(table.self_loop_id[state]) for state in (200, 201)]
    fst = make_arrays([(0, first, 0, 0.5, 1), (0, second, 0, 1.5, 1)], {1: 0.0})
    assert rows(add_self_loops(fst, table, self_loop_scale=0.0)) == {
        (0, first, 0, 0.5, 2), (0, second, 0, 1.5, 3), (2, loops[0], 0, 0.0, 2), (3, loops[1], 0, 0.0, 3),
        (2, 0, 0, 0.0, 1), (3, 0, 0, 0.0, 1),
    }  # fmt: skip


def test_what_leaves_a_state_with_self_loop_pays_for_not_looping(model: TransitionModel) -> None:
    table = make_transition_table(model)
    arc = int(table.first_id[200]) + 1
    fst = add_self_loops(make_arrays([(0, arc, 0, 0.5, 1)], {1: 0.25}), table, self_loop_scale=0.1)
    assert fst.final_costs[1] == pytest.approx(0.25 - 0.1 * table.forward_log_probs[200], rel=1e-5)
    loop_cost = fst.costs[fst.next_states == fst.sources][0]
    assert loop_cost == pytest.approx(-0.1 * model.log_probs[table.self_loop_id[200]], rel=1e-5)
