"""Alignments are cut into phones whether self-loops come first or last."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.gmm.phone_segments import make_phone_table, phone_windows, split_to_phones
from tests.gmm.tiny_model import align, tiny_model

MODEL = tiny_model()
TABLE = make_phone_table(MODEL)


@given(
    st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=8),
    st.lists(st.integers(1, 4), min_size=1, max_size=5).filter(lambda durations: max(durations) > 1),
    st.booleans(),
)
def test_phones_and_their_lengths_come_back(phones: list[int], durations: list[int], reordered: bool) -> None:
    segments = split_to_phones(align(MODEL, phones, durations, reordered=reordered), TABLE)
    assert segments.phones.tolist() == phones
    steps = iter(range(3 * len(phones)))
    lengths = [
        sum(durations[next(steps) % len(durations)] for _ in range(2 if phone == 1 else 3))
        for phone in phones
    ]
    assert np.diff(segments.bounds).tolist() == lengths


def test_a_skipped_state_ends_the_phone_too() -> None:
    ali = np.array([3, 1, 1, *align(MODEL, [2], [2])], np.int32)  # silence leaves from its first state
    segments = split_to_phones(ali, TABLE)
    assert (segments.phones.tolist(), segments.bounds.tolist()) == ([1, 2], [0, 3, 9])


def test_kaldis_phones_of_the_golden_utterances(shared: Path) -> None:
    golden = shared / "kaldi-an4/golden"
    table = make_phone_table(read_transition_model(shared / "kaldi-an4/exp/tri3b/final.mdl"))
    by_frame = dict(read_int_vectors(f"ark:{golden}/phone_ali.txt"))
    for utt_id, transition_ali in read_int_vectors(f"ark:{golden}/ali.ark"):
        segments = split_to_phones(transition_ali, table)
        np.testing.assert_array_equal(
            np.repeat(segments.phones, np.diff(segments.bounds)), by_frame[utt_id], err_msg=utt_id
        )


def test_pdf_classes_and_states_are_those_of_the_topology() -> None:
    assert TABLE.pdf_classes.tolist()[:6] == [-1, 0, 0, 0, 1, 1]
    assert TABLE.transition_states.tolist()[:6] == [0, 1, 1, 1, 2, 2]
    assert TABLE.is_final.tolist()[:6] == [False, False, False, True, False, True]


@pytest.mark.parametrize(
    ("ali", "problem"),
    [
        ([], "empty"),
        ([0, 1], "another model"),
        ([999], "another model"),
        (align(MODEL, [2, 3], [2])[:-3].tolist(), "whole phones"),
        (align(MODEL, [2, 3], [2])[1:].tolist(), "begins within a phone"),
        ([*align(MODEL, [2], [2])[:4].tolist(), *align(MODEL, [3], [2]).tolist()], "whole phones"),
    ],
)
def test_what_is_not_whole_phones_is_refused(ali: list[int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        split_to_phones(np.array(ali, np.int32), TABLE)


def test_a_window_beyond_the_edge_has_no_phone() -> None:
    windows = phone_windows(np.array([5, 6]), context_width=4, central_position=2)
    assert windows.tolist() == [[0, 0, 5, 6], [0, 5, 6, 0]]
