"""Disambiguation symbols and the lexicon's arcs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.graph.dict_dir import Pronunciation
from hybrid_kd.graph.fst_arrays import to_arrays
from hybrid_kd.graph.lexicon_fst import OptionalSilence, disambiguate, make_lexicon_fst
from tests.graph.languages import rows

PHONES = {"<eps>": 0, "SIL": 1, "T": 2, "UW": 3, "#0": 4, "#1": 5}
WORDS = {"<eps>": 0, "TO": 1, "#0": 2}


def entry(word: str, phones: str) -> Pronunciation:
    return Pronunciation(word, 1.0, tuple(phones.split()))


def test_homophones_and_beginnings_get_symbols() -> None:
    result = disambiguate(
        [entry("TO", "T UW"), entry("TOO", "T UW"), entry("TOOTH", "T UW TH"), entry("A", "T")]
    )
    assert [" ".join(item.phones) for item in result.lexicon] == ["T UW #1", "T UW #2", "T UW TH", "T #1"]
    assert result.largest == 2


def test_a_lexicon_without_homophones_needs_no_symbol() -> None:
    assert disambiguate([entry("TO", "T UW"), entry("A", "AH")]).largest == 0


@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), min_size=1, max_size=12))
def test_no_disambiguated_string_begins_another(strings: list[list[str]]) -> None:
    result = disambiguate([Pronunciation(f"w{i}", 1.0, tuple(s)) for i, s in enumerate(strings)])
    phones = [item.phones for item in result.lexicon]
    for one in range(len(phones)):
        for other in range(len(phones)):
            assert one == other or phones[other][: len(phones[one])] != phones[one]


def test_a_word_with_and_without_silence_after_it() -> None:
    silence = OptionalSilence("SIL", 0.25, "#1")
    fst = make_lexicon_fst(
        [entry("TO", "T UW")], silence, phone_ids=PHONES, word_ids=WORDS, self_loops=(4, 2)
    )
    yes, no = np.round(-np.log([0.25, 0.75]), 4).tolist()
    assert rows(to_arrays(fst)) == {
        (0, 0, 0, no, 1), (0, 0, 0, yes, 2), (2, 1, 0, 0.0, 3), (3, 5, 0, 0.0, 1),
        (1, 2, 1, 0.0, 4), (4, 3, 0, no, 1), (4, 3, 0, yes, 2), (1, 4, 2, 0.0, 1),
    }  # fmt: skip


def test_a_word_without_optional_silence() -> None:
    fst = make_lexicon_fst([entry("TO", "T UW")], None, phone_ids=PHONES, word_ids=WORDS)
    assert rows(to_arrays(fst)) == {(0, 2, 1, 0.0, 1), (1, 3, 0, 0.0, 0)}
