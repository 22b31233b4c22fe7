"""Alignments cut into phones.

An alignment is "reordered" where a state's self-loops come after its forward transition, as Kaldi writes it
unless told otherwise; both orders are read.
Source: Kaldi hmm/hmm-utils.cc, SplitToPhones.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32, Int64, Integer

from hybrid_kd.archives.transition_model import TransitionModel

NO_PHONE = 0  # beyond the utterance's edge


@dataclass(frozen=True)
class PhoneTable:
    """What each transition_id says of its phone; item 0 is unused."""

    phones: Int32[np.ndarray, " transition_ids_and_0"]
    pdf_classes: Int32[np.ndarray, " transition_ids_and_0"]
    transition_states: Int32[np.ndarray, " transition_ids_and_0"]  # the triple, 1-based
    is_self_loop: Bool[np.ndarray, " transition_ids_and_0"]
    is_final: Bool[np.ndarray, " transition_ids_and_0"]  # leaves the phone


@dataclass(frozen=True)
class PhoneSegments:
    """Phone s takes the frames bounds[s] to bounds[s + 1]."""

    phones: Int32[np.ndarray, " segments"]
    bounds: Int64[np.ndarray, " segments_and_1"]


def make_phone_table(model: TransitionModel) -> PhoneTable:
    """Look up every transition_id in the topology; pdf classes of self-loops are the self-loop's own."""
    states_of = model.topology.states_by_phone()
    pdf_classes, transition_states, is_final = [-1], [0], [False]
    for number, (phone, hmm_state, *_) in enumerate(model.triples.tolist(), start=1):
        state, last = states_of[phone][hmm_state], len(states_of[phone]) - 1
        for destination, _ in state.transitions:
            loops = destination == hmm_state
            pdf_classes.append(state.self_loop_pdf_class if loops else state.forward_pdf_class)
            transition_states.append(number)
            is_final.append(destination == last)
    return PhoneTable(
        phones=model.transition_id_to_phone,
        pdf_classes=np.array(pdf_classes, np.int32),
        transition_states=np.array(transition_states, np.int32),
        is_self_loop=model.is_self_loop,
        is_final=np.array(is_final),
    )


def split_to_phones(transition_ali: Integer[np.ndarray, " frames"], table: PhoneTable) -> PhoneSegments:
    """Cut an alignment where its phones end.

    Raises: ValueError if it is empty, has transition_ids of another model, or is not of whole phones.
    """
    if not len(transition_ali) or transition_ali.min() < 1 or transition_ali.max() >= len(table.phones):
        raise ValueError("an alignment that is empty or has transition-ids of another model")
    visits = _visits(transition_ali, table)
    if visits[0] < 0:
        raise ValueError("the alignment begins within a phone")
    leaving = np.zeros(visits[-1] + 1, bool)
    forward = ~table.is_self_loop[transition_ali]
    leaving[visits[forward]] = table.is_final[transition_ali[forward]]
    ends = np.flatnonzero(leaving[visits] & (np.diff(visits, append=visits[-1] + 1) != 0)) + 1
    bounds = np.concatenate([[0], ends]).astype(np.int64)
    phones = table.phones[transition_ali[bounds[:-1]]]
    whole = bounds[-1] == len(transition_ali)
    if not whole or (np.repeat(phones, np.diff(bounds)) != table.phones[transition_ali]).any():
        raise ValueError("the alignment does not consist of whole phones")
    return PhoneSegments(phones, bounds)


def phone_windows(
    phones: Integer[np.ndarray, " phones"], *, context_width: int, central_position: int
) -> Int64[np.ndarray, "phones window"]:
    """Each phone with its neighbours, as a tree looks at them."""
    padded = np.full(len(phones) + context_width - 1, NO_PHONE, np.int64)
    padded[central_position : central_position + len(phones)] = phones
    return np.lib.stride_tricks.sliding_window_view(padded, context_width)


def _visits(
    transition_ali: Integer[np.ndarray, " frames"], table: PhoneTable
) -> Int64[np.ndarray, " frames"]:
    """Which visit of a state each frame is of: one forward transition, and self-loops behind or before it."""
    forward = ~table.is_self_loop[transition_ali]
    counts = np.cumsum(forward, dtype=np.int64)
    return counts - 1 if _is_reordered(transition_ali, table) else counts - forward


def _is_reordered(transition_ali: Integer[np.ndarray, " frames"], table: PhoneTable) -> bool:
    """Whether the self-loops come last, seen at the first change of state that has one beside it."""
    states, loops = table.transition_states[transition_ali], table.is_self_loop[transition_ali]
    changes = np.flatnonzero((states[:-1] != states[1:]) & (loops[:-1] | loops[1:]))
    return bool(loops[changes[0]]) if len(changes) else not loops[0]
