"""Reading lang directories, and words without pronunciation."""

import logging
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.lang_dir import PhoneRoot, count_unpronounced, read_lang_dir, warn_of_unpronounced
from tests.graph.languages import make_lang


def test_kaldis_lang_directory_is_read(shared: Path) -> None:
    lang = read_lang_dir(shared / "kaldi-an4/data/lang_test")
    assert lang.oov_word == "<SPOKEN_NOISE>"
    assert lang.oov_id == 2
    assert lang.silence_phones == tuple(range(1, 11))
    assert lang.nonsilence_phones == tuple(range(11, 143))
    assert lang.optional_silence == 1
    assert lang.disambig_phones == (143, 144, 145, 146)
    assert lang.sets[0] == (1, 2, 3, 4, 5)
    assert lang.roots[0] == PhoneRoot(shared=True, split=True, phones=(1, 2, 3, 4, 5))
    assert len(lang.extra_questions) == 11
    assert lang.topology.phones == tuple(range(1, 143))


def test_words_without_pronunciation_become_the_oov_word(tmp_path: Path) -> None:
    lang = make_lang(tmp_path)
    to, unknown = lang.word_ids["TO"], lang.word_ids["<UNK>"]
    assert lang.ids_of_words(["TO", "NOWHERE", "<s>", "#0", "<eps>"]) == [to] + [unknown] * 4


def test_words_without_pronunciation_are_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lang = make_lang(tmp_path)
    texts = [["TO", "HERE"], ["A", "THERE", "HERE"]]
    assert count_unpronounced(texts, lang) == {"HERE": 2, "THERE": 1}
    with caplog.at_level(logging.WARNING):
        warn_of_unpronounced("data/text", texts, lang)
    expected = "data/text: 2 words without pronunciation, 3 times in all, become <UNK>: HERE (2) THERE (1)"
    assert expected in caplog.text


def test_a_text_of_known_words_gives_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not warn_of_unpronounced("data/text", [["TO", "A"]], make_lang(tmp_path))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("file", "content", "match"),
    [
        ("oov.txt", "", r"oov.txt: empty"),
        ("oov.txt", "NOBODY\n", r"oov.txt: 'NOBODY' is not in words.txt"),
        ("phones/silence.int", "one\n", r"silence.int: not numbers"),
        ("phones/sets.int", None, r"sets.int: cannot be read"),
        ("phones/roots.int", "shared 1 2\n", r"roots.int: not a tree root: 'shared 1 2'"),
        ("phones/roots.int", "shared split x\n", r"roots.int: not a tree root: 'shared split x'"),
        ("phones/roots.int", "shared split 1 99\n", r"roots.int: phone 99, which is not in phones.txt"),
        ("phones/optional_silence.int", "967296\n", r"optional_silence.int: phone 967296, which is not"),
        ("phones/disambig.int", "0\n", r"disambig.int: phone 0, which is not in phones.txt"),
        ("words.txt", None, r"words.txt: cannot be read"),
        ("topo", "<Topology>", r"topo: not a topology"),
    ],
)  # fmt: skip
def test_a_damaged_lang_directory_is_named(
    tmp_path: Path, file: str, content: str | None, match: str
) -> None:
    path = make_lang(tmp_path).path
    if content is None:
        (path / file).unlink()
    else:
        (path / file).write_text(content)
    with pytest.raises(HybridKdError, match=match):
        read_lang_dir(path)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="nowhere: no such directory"):
        read_lang_dir(tmp_path / "nowhere")
