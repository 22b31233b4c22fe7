"""The dictionary directory: what wsj_prepare_dict.sh makes of CMUdict."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.dict_dir import read_dict_dir
from local.chime4.dictionary import read_cmudict, write_dict_dir


def write(path: Path, entries: str, symbols: str) -> Path:
    (path / "cmudict.0.7a").write_text(entries)
    (path / "cmudict.0.7a.symbols").write_text(symbols)
    return path / "cmudict.0.7a"


ENTRIES = """;;; comment
A  AH0
A(1)  EY1
BE  B IY1
BE(1)  B IY1
(PAREN  P ER0
"""
SYMBOLS = "AH\r\nAH0\r\nAH1\r\nB\r\nER0\r\nEY1\r\nIY\r\nIY1\r\nP\r\n"


def test_the_directory_is_kaldis(tmp_path: Path) -> None:
    write_dict_dir(tmp_path / "dict", read_cmudict(write(tmp_path, ENTRIES, SYMBOLS)))
    assert {file.name: file.read_text().splitlines() for file in (tmp_path / "dict").iterdir()} == {
        "lexicon.txt": [
            *("!SIL SIL", "(PAREN P ER0", "<NOISE> NSN", "<SPOKEN_NOISE> SPN", "<UNK> SPN"),
            *("A AH0", "A EY1", "BE B IY1"),
        ],
        "silence_phones.txt": ["SIL", "SPN", "NSN"],
        "optional_silence.txt": ["SIL"],
        "nonsilence_phones.txt": ["AH AH0 AH1", "B", "ER0", "EY1", "IY IY1", "P"],
        "extra_questions.txt": ["SIL SPN NSN", "AH B IY P", "AH0 ER0", "AH1 EY1 IY1"],
    }  # fmt: skip
    assert read_dict_dir(tmp_path / "dict").optional_silence == "SIL"


def test_a_dictionary_in_latin_1_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "", "AH0\nB\n")
    path.write_bytes("DÉJÀ  B AH0\n".encode("latin-1"))
    assert read_cmudict(path).words == {"DÉJÀ"}


@pytest.mark.parametrize(
    ("entries", "symbols", "message"),
    [
        (";;; nothing\n", "AH0\n", "empty"),
        ("A  AH0 XX\n", "AH0\n", "phones that cmudict.0.7a.symbols lacks: XX"),
    ],
)
def test_a_malformed_dictionary_is_refused(tmp_path: Path, entries: str, symbols: str, message: str) -> None:
    with pytest.raises(HybridKdError, match=message):
        read_cmudict(write(tmp_path, entries, symbols))


def test_a_phone_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="'1AH' is no phone of CMUdict"):
        write_dict_dir(tmp_path / "dict", read_cmudict(write(tmp_path, "A 1AH\n", "1AH\n")))


def test_a_dictionary_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="cannot be read"):
        read_cmudict(tmp_path / "cmudict.0.7a")
