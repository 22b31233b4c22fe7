"""A TransitionModel as tables over its states: what H, the self-loops and training graphs look up.

A transition-state (1-based) is one triple of the model, with the transitions of its HMM state.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int32

from hybrid_kd.archives.transition_model import TransitionModel

MIN_FORWARD_PROBABILITY = 1.0e-10  # where the self-loop has all the probability


@dataclass(frozen=True)
class TransitionTable:
    """Arrays over transition_ids and transition-states have an unused item 0."""

    model: TransitionModel
    state_of_id: Int32[np.ndarray, " transition_ids_and_0"]
    first_id: Int32[np.ndarray, " transition_states_and_0"]
    self_loop_id: Int32[np.ndarray, " transition_states_and_0"]  # 0: no self-loop
    forward_log_probs: Float32[np.ndarray, " transition_states_and_0"]  # log(1 - self-loop probability)

    @cached_property
    def state_of_triple(self) -> dict[tuple[int, int, int, int], int]:
        """The transition-state of (phone, HMM state, pdf_id, pdf_id of the self-loop)."""
        triples: list[list[int]] = self.model.triples.tolist()
        return {(a, b, c, d): state for state, (a, b, c, d) in enumerate(triples, start=1)}

    @cached_property
    def log_probs_ignoring_self_loops(self) -> Float32[np.ndarray, " transition_ids_and_0"]:
        """Among the transitions that leave a state; of no meaning for self-loops."""
        return np.asarray(self.model.log_probs - self.forward_log_probs[self.state_of_id])


def make_transition_table(model: TransitionModel) -> TransitionTable:
    """Number the transition-states.

    Source: Kaldi hmm/transition-model.cc, ComputeDerived and ComputeDerivedOfProbs.
    """
    states_of = model.topology.states_by_phone()
    counts = [len(states_of[phone][hmm_state].transitions) for phone, hmm_state, *_ in model.triples.tolist()]
    first_id = np.concatenate([[0, 1], 1 + np.cumsum(counts)[:-1]]).astype(np.int32)
    state_of_id = np.repeat(np.arange(len(counts) + 1), [1, *counts]).astype(np.int32)
    self_loops = np.flatnonzero(model.is_self_loop)
    self_loop_id = np.zeros(len(counts) + 1, np.int32)
    self_loop_id[state_of_id[self_loops]] = self_loops
    forward = 1 - np.exp(model.log_probs[self_loop_id].astype(np.float64))
    forward_log_probs = np.log(np.maximum(forward, MIN_FORWARD_PROBABILITY))
    forward_log_probs[self_loop_id == 0] = 0
    return TransitionTable(model, state_of_id, first_id, self_loop_id, forward_log_probs.astype(np.float32))


def transition_costs(
    model: TransitionModel, *, transition_scale: float = 1.0, self_loop_scale: float = 0.1
) -> Float32[np.ndarray, " transition_ids_and_0"]:
    """The cost that each transition_id has in an alignment; item 0 (epsilon) is 0.

    A self-loop costs -self_loop_scale log p; another transition -(self_loop_scale log(1 - p(self-loop)) +
    transition_scale log(p / (1 - p(self-loop)))).

    Source: Kaldi hmm/hmm-utils.cc, GetScaledTransitionLogProb.
    """
    table = make_transition_table(model)
    forward = table.forward_log_probs[table.state_of_id] * np.float32(self_loop_scale)
    forward += table.log_probs_ignoring_self_loops * np.float32(transition_scale)
    log_probs = np.where(model.is_self_loop, model.log_probs * np.float32(self_loop_scale), forward)
    if transition_scale == self_loop_scale:
        log_probs = model.log_probs * np.float32(transition_scale)
    costs = -log_probs.astype(np.float32)
    costs[0] = 0
    return costs
