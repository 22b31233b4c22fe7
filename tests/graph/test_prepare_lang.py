"""Lang directories, beside those that Kaldi made of the same dictionaries."""

import filecmp
import logging
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import FstArrays, read_fst, to_arrays
from hybrid_kd.graph.prepare_lang import LangOptions, prepare_lang
from tests.graph.languages import make_lang, write_dict

TRANSDUCERS = {"L.fst", "L_disambig.fst", "G.fst"}


@pytest.fixture(scope="module", params=["kaldi-an4", "kaldi-libri5k"])
def pair(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Kaldi's lang directory and ours."""
    data = shared / request.param / "data"
    out = tmp_path_factory.mktemp("lang") / "lang"
    prepare_lang(data / "dict", out, LangOptions("<SPOKEN_NOISE>"))
    return data / "lang_test", out


def test_every_text_file_is_kaldis_byte_for_byte(pair: tuple[Path, Path]) -> None:
    kaldis, ours = pair
    names = [
        str(file.relative_to(kaldis))
        for file in sorted(kaldis.rglob("*"))
        if file.is_file() and file.name not in TRANSDUCERS
    ]
    assert len(names) > 30
    assert filecmp.cmpfiles(kaldis, ours, names, shallow=False) == (names, [], [])


@pytest.mark.parametrize("name", ["L.fst", "L_disambig.fst"])
def test_the_lexicons_are_kaldis_state_for_state(pair: tuple[Path, Path], name: str) -> None:
    """Only the order of a state's arcs with the same output label is another."""
    kaldis, ours = (to_arrays(read_fst(directory / name, fix="")) for directory in pair)
    assert (kaldis.start, kaldis.num_states, kaldis.num_arcs) == (ours.start, ours.num_states, ours.num_arcs)
    np.testing.assert_array_equal(kaldis.final_costs, ours.final_costs)
    np.testing.assert_array_equal(kaldis.olabels, ours.olabels)
    for column in ("sources", "ilabels", "olabels", "costs", "next_states"):
        np.testing.assert_array_equal(_ordered(kaldis, column), _ordered(ours, column))


def _ordered(fst: FstArrays, column: str) -> np.ndarray:
    order = np.lexsort((fst.next_states, fst.ilabels, fst.olabels, fst.sources))
    return np.asarray(getattr(fst, column))[order]


def test_phones_without_positions_are_those_of_the_dictionary(tmp_path: Path) -> None:
    lang = make_lang(tmp_path, LangOptions("<UNK>", position_dependent=False))
    phones = list(lang.phones.values())
    assert phones == ["<eps>", "SIL", "SPN", "AH", "EY", "T", "TH", "UW", "#0", "#1", "#2", "#3"]
    assert lang.sets == ((1,), (2,), (3, 4), (5,), (6,), (7,))
    assert not (lang.path / "phones/word_boundary.txt").exists()
    assert lang.extra_questions == ((1, 2), (5, 6))


def test_without_optional_silence_a_word_has_one_way(tmp_path: Path) -> None:
    lang = make_lang(tmp_path, LangOptions("<UNK>", silence_probability=0.0))
    arrays = to_arrays(read_fst(lang.path / "L.fst", fix=""))
    assert lang.optional_silence == 1
    assert not (arrays.ilabels == 1).any()
    assert (arrays.costs == 0).all()


def test_pronunciation_probabilities_become_costs(tmp_path: Path) -> None:
    lexicon = "<UNK> 1.0 SPN\nA 0.25 AH\nA 0.75 EY\n"
    lang = make_lang(
        tmp_path, lexiconp=lexicon, lexicon="", nonsilence_phones="AH\nEY\n", extra_questions="SIL SPN\n"
    )
    arrays = to_arrays(read_fst(lang.path / "L.fst", fix=""))
    costs = np.unique(arrays.costs[arrays.olabels == lang.word_ids["A"]])
    np.testing.assert_allclose(costs, -np.log([0.5 * 0.75, 0.5 * 0.25]), rtol=1e-6)


def test_other_numbers_of_hmm_states_are_in_the_topology(tmp_path: Path) -> None:
    lang = make_lang(tmp_path, LangOptions("<UNK>", num_silence_states=3, num_nonsilence_states=1))
    states = lang.topology.states_by_phone()
    assert len(states[lang.silence_phones[0]]) == 4
    assert len(states[lang.nonsilence_phones[0]]) == 2
    assert states[lang.silence_phones[0]][0].transitions == ((0, 0.5), (1, 0.5))


def test_a_phone_that_no_word_has_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make_lang(tmp_path, nonsilence_phones="AH EY\nT\nTH\nUW\nZH\n")
    assert "no word has the phones ZH" in caplog.text


def test_a_finished_lang_directory_is_not_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lang = make_lang(tmp_path)
    before = (lang.path / "words.txt").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        make_lang(tmp_path)
    assert "already done" in caplog.text
    assert (lang.path / "words.txt").stat().st_mtime_ns == before


def test_a_lang_directory_of_another_dictionary_is_not_overwritten(tmp_path: Path) -> None:
    make_lang(tmp_path)
    with pytest.raises(HybridKdError, match="dict was"):
        make_lang(tmp_path, lexicon="<UNK> SPN\nTO T UW\n")
    with pytest.raises(HybridKdError, match=r"num_silence_states was 5, is 3"):
        make_lang(tmp_path, LangOptions("<UNK>", num_silence_states=3))


def test_a_directory_without_record_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "lang").mkdir()
    with pytest.raises(HybridKdError, match=r"it is there, but no provenance.json"):
        make_lang(tmp_path)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (LangOptions("<unk>"), "no pronunciation of '<unk>'"),
        (LangOptions("<UNK>", silence_probability=1.0), "--silence-probability: 1.0 is out of range"),
        (LangOptions("<UNK>", num_silence_states=2), "--num-silence-states: 2 is out of range"),
        (LangOptions("<UNK>", num_nonsilence_states=0), "--num-nonsilence-states: 0 is out of range"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, options: LangOptions, match: str) -> None:
    with pytest.raises(HybridKdError, match=match):
        prepare_lang(write_dict(tmp_path / "dict"), tmp_path / "lang", options)
    assert not (tmp_path / "lang").exists()
