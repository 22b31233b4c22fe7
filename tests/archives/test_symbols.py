"""words.txt and phones.txt."""

from pathlib import Path

import pytest

from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.errors import HybridKdError


def test_kaldis_tables_are_read(shared: Path) -> None:
    words = read_symbol_table(shared / "kaldi-an4" / "data" / "lang_test" / "words.txt")
    assert (words[0], words[1], len(words)) == ("<eps>", "!SIL", 107)
    assert read_symbol_table(shared / "kaldi-an4" / "exp" / "tri3b" / "phones.txt")[1] == "SIL"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"a 0\nb 0\n", "line 2 is not `symbol id` with a new id"),
        (b"a 0\na 1\n", "a symbol has two ids"),
        (b"a 0\nb\n", "line 2 is not"),
        (b"a 0\nb c 1\n", "line 2 is not"),
        (b"a -1\n", "line 1 is not"),
        (b"a 99999999999\n", "line 1 is not"),
        (b"\xff 0\n", "line 1 is not UTF-8"),
    ],
)
def test_a_malformed_table_is_an_error(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(HybridKdError, match=f"words.txt: .*{problem}"):
        read_symbol_table(tmp_path / "words.txt")


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="cannot be read: No such file"):
        read_symbol_table(tmp_path / "words.txt")
