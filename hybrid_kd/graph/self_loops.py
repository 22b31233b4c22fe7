"""Self-loops of HMM states, added to a graph when it is otherwise finished.

As in Kaldi's default order, the transition that leaves a state's predecessor comes before the self-loop: a
graph state's self-loop is that of the transition-state on the arcs that lead to it.
"""

import numpy as np
from jaxtyping import Int32

from hybrid_kd.graph.fst_arrays import FstArrays, sorted_by_source
from hybrid_kd.graph.transition_table import TransitionTable


def add_self_loops(fst: FstArrays, transitions: TransitionTable, *, self_loop_scale: float) -> FstArrays:
    """Add the self-loops, with cost -self_loop_scale log p, and to all that leaves their state the cost
    -self_loop_scale log(1 - p).

    Source: Kaldi hmm/hmm-utils.cc, AddSelfLoopsBefore.
    """
    fst = _same_state_before(fst, transitions)
    state_in = np.zeros(fst.num_states, np.int32)
    state_in[fst.next_states] = transitions.state_of_id[fst.ilabels]
    leaving = -transitions.forward_log_probs[state_in] * np.float32(self_loop_scale)
    loops = transitions.self_loop_id[state_in]
    looping = np.flatnonzero(loops).astype(np.int32)
    loop_costs = -transitions.model.log_probs[loops[looping]] * np.float32(self_loop_scale)
    added = FstArrays(
        fst.start,
        fst.final_costs + leaving,
        np.concatenate([fst.sources, looping]),
        np.concatenate([fst.ilabels, loops[looping]]),
        np.concatenate([fst.olabels, np.zeros(len(looping), np.int32)]),
        np.concatenate([fst.costs + leaving[fst.sources], loop_costs]),
        np.concatenate([fst.next_states, looping]),
    )
    return sorted_by_source(added)


def _same_state_before(fst: FstArrays, transitions: TransitionTable) -> FstArrays:
    """Let all arcs into a state have one transition-state, or none; where they differ, a new state is put
    before it for each, with an arc without label.

    Source: Kaldi fstext/fstext-utils-inl.h, MakePrecedingInputSymbolsSameClass.
    """
    state_of_arc = transitions.state_of_id[fst.ilabels]
    mixed = _mixed_states(fst, state_of_arc)
    moved = np.flatnonzero(mixed[fst.next_states] & (fst.ilabels != 0))
    pairs = fst.next_states[moved].astype(np.int64) * len(transitions.first_id) + state_of_arc[moved]
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    new_states = (fst.num_states + np.arange(len(first))).astype(np.int32)
    next_states = fst.next_states.copy()
    next_states[moved] = fst.num_states + rank[inverse]
    zeros = np.zeros(len(first), np.int32)
    return FstArrays(
        fst.start,
        np.concatenate([fst.final_costs, np.full(len(first), np.inf, np.float32)]),
        np.concatenate([fst.sources, new_states]),
        np.concatenate([fst.ilabels, zeros]),
        np.concatenate([fst.olabels, zeros]),
        np.concatenate([fst.costs, zeros.astype(np.float32)]),
        np.concatenate([next_states, fst.next_states[moved[np.sort(first)]]]),
    )


def _mixed_states(fst: FstArrays, state_of_arc: Int32[np.ndarray, " arcs"]) -> np.ndarray:
    """Which states are entered with more than one transition-state (or with one, and without)."""
    least = np.full(fst.num_states, np.iinfo(np.int32).max, np.int32)
    most = np.full(fst.num_states, -1, np.int32)
    least[fst.start] = most[fst.start] = 0
    np.minimum.at(least, fst.next_states, state_of_arc)
    np.maximum.at(most, fst.next_states, state_of_arc)
    return most > least
