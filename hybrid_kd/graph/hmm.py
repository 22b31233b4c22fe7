"""H: from phones in context to transition-ids, without self-loops.

No transducer H is built and composed with C o L o G: each arc of C o L o G is replaced by its phone's HMM.
Arcs to one state with the same HMM share its states, so that the result is the composition, state for state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int

from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.topology import NO_PDF, TopologyState
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import FstArrays, sorted_by_source
from hybrid_kd.graph.transition_table import TransitionTable

OUTSIDE = -1  # as a source, the state before the phone; as a destination, the one after it
NO_HMM = -1
HMM_ARC = np.dtype([("source", "<i4"), ("next_state", "<i4"), ("transition_id", "<i4"), ("cost", "<f4")])
RAW_ARC = np.dtype(("V", HMM_ARC.itemsize))  # joins without a comparison of fields


@dataclass(frozen=True)
class Hmm:
    """The transitions of one phone's HMM but its self-loops; a transition-id 0 consumes no frame.

    It is entered by one arc and left by one without label.
    """

    num_states: int
    arcs: np.ndarray  # HMM_ARC; the first is the way in


def symbol_as_hmm(label: int) -> Hmm:
    """The way that a disambiguation symbol takes through H: ``label``, then an arc without one."""
    return Hmm(1, np.array([(OUTSIDE, 0, label, 0), (0, OUTSIDE, 0, 0)], HMM_ARC))


@dataclass
class HmmTable:
    """The HMMs that have been asked for, numbered in that order; it grows."""

    tree: ContextTree
    transitions: TransitionTable
    transition_scale: float
    hmms: list[Hmm] = field(default_factory=list)
    _of_window: dict[tuple[int, ...], int] = field(default_factory=dict)
    _of_pdfs: dict[tuple[int, ...], int] = field(default_factory=dict)

    @cached_property
    def _states_of(self) -> dict[int, tuple[TopologyState, ...]]:
        return self.transitions.model.topology.states_by_phone()

    def add(self, hmm: Hmm) -> int:
        """Number an HMM."""
        self.hmms.append(hmm)
        return len(self.hmms) - 1

    def hmm_of_window(self, window: Sequence[int]) -> int:
        """The number of the HMM of a phone in context; windows with the same phone and pdfs share it.

        Raises: HybridKdError where tree, topology and transitions do not fit.
        """
        key = tuple(window)
        if (hmm := self._of_window.get(key)) is None:
            try:
                hmm = self._of_window[key] = self._find_hmm(key)
            except KeyError as error:
                problem = f"no HMM for the phones {key}: {error}"
                fix = "give the tree, final.mdl and lang directory that belong together"
                raise HybridKdError.at("tree and final.mdl", problem, fix=fix) from error
        return hmm

    def _find_hmm(self, window: tuple[int, ...]) -> int:
        phone = window[self.tree.central_position]
        states = self._states_of[phone]
        classes = {c for state in states for c in (state.forward_pdf_class, state.self_loop_pdf_class)}
        pdf_of_class = {c: self.tree.pdf_id(window, c) for c in sorted(classes - {NO_PDF})}
        key = (phone, *pdf_of_class.values())
        if key not in self._of_pdfs:
            self._of_pdfs[key] = self.add(self._make_hmm(phone, pdf_of_class))
        return self._of_pdfs[key]

    def _make_hmm(self, phone: int, pdf_of_class: dict[int, int]) -> Hmm:
        """State 0 is the one before the phone if one arc leaves it and none returns, as in MakeLoopFst."""
        states = self._states_of[phone]
        arcs = [
            (index, destination, *self._label(phone, index, position, pdf_of_class))
            for index, state in enumerate(states)
            for position, (destination, _) in enumerate(state.transitions)
            if destination != index
        ]
        first = [arc for arc in arcs if arc[0] == 0]
        if len(first) == 1 and not any(destination == 0 for _, destination, *_ in arcs):
            arcs.remove(first[0])
            way_in = (OUTSIDE, *first[0][1:])
        else:
            way_in = (OUTSIDE, 0, 0, 0.0)
        return Hmm(len(states), np.array([way_in, *arcs, (len(states) - 1, OUTSIDE, 0, 0.0)], HMM_ARC))

    def _label(
        self, phone: int, index: int, position: int, pdf_of_class: dict[int, int]
    ) -> tuple[int, float]:
        """The transition-id and cost of a transition."""
        state = self._states_of[phone][index]
        transition_id, log_prob = 0, float(np.log(np.float32(state.transitions[position][1])))
        if state.forward_pdf_class != NO_PDF:
            pdf_ids = pdf_of_class[state.forward_pdf_class], pdf_of_class[state.self_loop_pdf_class]
            transition_state = self.transitions.state_of_triple[(phone, index, *pdf_ids)]
            transition_id = int(self.transitions.first_id[transition_state]) + position
            log_prob = float(self.transitions.log_probs_ignoring_self_loops[transition_id])
        return transition_id, -log_prob * self.transition_scale if self.transition_scale else 0.0


def expand_phones(fst: FstArrays, hmm_of_label: Int[np.ndarray, " labels"], hmms: Sequence[Hmm]) -> FstArrays:
    """Put an HMM in the place of each arc; its way in has the arc's output label and cost.

    ``hmm_of_label`` is NO_HMM for epsilon.

    Source: Kaldi hmm/hmm-utils.cc, GetHTransducer.
    """
    hmm_of_arc = hmm_of_label[fst.ilabels]
    plain, replaced = np.flatnonzero(hmm_of_arc == NO_HMM), np.flatnonzero(hmm_of_arc != NO_HMM)
    pairs = hmm_of_arc[replaced].astype(np.int64) * fst.num_states + fst.next_states[replaced]
    copies, copy_of_arc = np.unique(pairs, return_inverse=True)
    used, hmm_of_copy = np.unique(copies // fst.num_states, return_inverse=True)
    lists = [hmms[hmm] for hmm in used]
    num_states = np.array([hmm.num_states for hmm in lists], np.int64)[hmm_of_copy]
    first_states = fst.num_states + np.cumsum(num_states) - num_states
    next_states = copies % fst.num_states

    ways_in = _spread([hmm.arcs[:1] for hmm in lists], hmm_of_copy[copy_of_arc])
    inner = _spread([hmm.arcs[1:] for hmm in lists], hmm_of_copy)
    sources = first_states[inner.owners] + inner.arcs["source"]
    is_last = inner.arcs["next_state"] == OUTSIDE
    inner_next = np.where(
        is_last, next_states[inner.owners], first_states[inner.owners] + inner.arcs["next_state"]
    )
    final_costs = np.full(fst.num_states + int(num_states.sum()), np.inf, np.float32)
    final_costs[: fst.num_states] = fst.final_costs
    arrays = FstArrays(
        fst.start,
        final_costs,
        _joined(np.int32, fst.sources[plain], fst.sources[replaced], sources),
        _joined(np.int32, fst.ilabels[plain], ways_in.arcs["transition_id"], inner.arcs["transition_id"]),
        _joined(np.int32, fst.olabels[plain], fst.olabels[replaced], np.zeros(len(sources))),
        _joined(np.float32, fst.costs[plain], fst.costs[replaced] + ways_in.arcs["cost"], inner.arcs["cost"]),
        _joined(
            np.int32,
            fst.next_states[plain],
            first_states[copy_of_arc] + ways_in.arcs["next_state"],
            inner_next,
        ),
    )
    return sorted_by_source(arrays)


@dataclass(frozen=True)
class _Spread:
    """Arcs of several owners, one owner after another."""

    owners: Int[np.ndarray, " arcs"]
    arcs: Any  # HMM_ARC


def _spread(lists: Sequence[np.ndarray], chosen: Int[np.ndarray, " owners"]) -> _Spread:
    """The arcs of the list that each owner has chosen."""
    arcs = np.concatenate([np.zeros(0, RAW_ARC), *(list_.view(RAW_ARC) for list_ in lists)]).view(HMM_ARC)
    lengths = np.array([len(list_) for list_ in lists], np.int64)
    counts = lengths[chosen]
    owners = np.repeat(np.arange(len(chosen)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Spread(owners, arcs[(np.cumsum(lengths) - lengths)[chosen][owners] + within])


def _joined(dtype: type, *parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts).astype(dtype)
