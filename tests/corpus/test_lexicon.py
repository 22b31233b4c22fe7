"""Pronunciations: tidy phones from espeak-ng's phonemes, and Kaldi's dict directory."""

from pathlib import Path

import pytest

from hybrid_kd.corpus import lexicon as module
from hybrid_kd.corpus.lexicon import make_lexicon, read_lexicon, write_dict_dir
from hybrid_kd.corpus.sentences import vocabulary
from hybrid_kd.errors import HybridKdError


@pytest.mark.usefixtures("espeak")
def test_words_are_pronounced_with_the_phones_of_american_dictionaries() -> None:
    lexicon = make_lexicon(["CAT", "THE", "FOUR", "JANUARY", "BOTTLE"])
    assert lexicon == {
        "CAT": [("K", "AE", "T")],
        "THE": [("DH", "AX"), ("DH", "IY")],
        "FOUR": [("F", "AO", "R")],
        "JANUARY": [("JH", "AE", "N", "Y", "UW", "EH", "R", "IY")],
        "BOTTLE": [("B", "AA", "T", "AX", "L")],
    }


@pytest.mark.usefixtures("espeak")
def test_the_vocabulary_of_the_grammar_needs_forty_phones() -> None:
    lexicon = make_lexicon(vocabulary())
    phones = {phone for variants in lexicon.values() for phones in variants for phone in phones}
    assert len(phones) == 40
    assert all(phone.isalpha() and phone.isupper() for phone in phones)
    assert max(len(phones) for variants in lexicon.values() for phones in variants) < 12


def test_an_unknown_phoneme_or_a_word_without_sound_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "phonemes", lambda words: {word: ["k", "xx"] for word in words})
    with pytest.raises(HybridKdError, match="espeak-ng says 'CAT' with 'xx', a phoneme that is not known"):
        make_lexicon(["CAT"])
    monkeypatch.setattr(module, "phonemes", lambda words: {word: [] for word in words})
    with pytest.raises(HybridKdError, match=r"it does not say '\.\.\.'"):
        make_lexicon(["..."])


def test_the_dict_directory_is_kaldis(tmp_path: Path) -> None:
    write_dict_dir(tmp_path, {"B": [("B", "IY")], "A": [("EY",), ("AX",)], "<UNK>": [("SPN",)]})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "lexicon.txt": "!SIL SIL\n<SPOKEN_NOISE> SPN\n<UNK> SPN\nA AX\nA EY\nB B IY\n",
        "nonsilence_phones.txt": "AX\nB\nEY\nIY\n",
        "silence_phones.txt": "SIL\nSPN\n",
        "optional_silence.txt": "SIL\n",
        "extra_questions.txt": "SIL SPN\nAX B EY IY\n",
    }


def test_the_dict_directory_makes_a_lang_directory(tmp_path: Path) -> None:
    from hybrid_kd.graph.dict_dir import read_dict_dir

    write_dict_dir(tmp_path, {"B": [("B", "IY")], "A": [("EY",), ("AX",)]})
    assert len(read_dict_dir(tmp_path).lexicon) == 6


def test_a_lexicon_file_may_have_variants_and_comments(tmp_path: Path) -> None:
    (tmp_path / "lexicon").write_text(";;; comment\nA EY\n\nA(2) AX\nA(3) AX\nB  B IY\n")
    assert read_lexicon(tmp_path / "lexicon") == {"A": [("EY",), ("AX",)], "B": [("B", "IY")]}


def test_the_dictionary_of_an4_is_read(shared: Path) -> None:
    assert len(read_lexicon(shared / "audio/an4/etc/an4.dic")["A"]) == 2


def test_a_bad_lexicon_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="lexicon: cannot be read"):
        read_lexicon(tmp_path / "lexicon")
    (tmp_path / "lexicon").write_text("A EY\nB\n")
    with pytest.raises(HybridKdError, match="line 2: 'B' has no phones"):
        read_lexicon(tmp_path / "lexicon")
