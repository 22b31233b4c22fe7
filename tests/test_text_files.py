"""Words, lines and characters of text files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import odd_space, read_lines, read_text, read_word_lines, split_id, split_words


@given(st.text())
def test_words_are_those_of_the_bytes_that_kaldi_splits(text: str) -> None:
    content = text.encode(errors="replace")
    assert split_words(content.decode()) == [word.decode() for word in content.split()]


@given(st.text())
def test_a_text_without_odd_space_has_pythons_words(text: str) -> None:
    if odd_space(text) is None and not set(text) & set("\x1c\x1d\x1e\x1f"):
        assert split_words(text) == text.split()


@given(st.text(alphabet="ab \t"))
def test_an_id_and_its_rest_are_the_line(line: str) -> None:
    id_, rest = split_id(line)
    first, *others = line.strip().split(maxsplit=1) or [""]
    assert (id_, rest) == (first, "".join(others))


def test_a_byte_order_mark_is_skipped_at_the_start_alone(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("\ufeffa b\n".encode())
    assert read_word_lines(tmp_path / "text", fix="x") == [["a", "b"]]
    (tmp_path / "text").write_bytes("a\n\ufeffb\n".encode())
    with pytest.raises(HybridKdError, match=r"text: line 2 holds U\+FEFF"):
        read_word_lines(tmp_path / "text", fix="x")


def test_lines_end_in_newlines_only(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("a\u2028b\x0bc\r\nd".encode())
    assert read_lines(tmp_path / "text", fix="x") == ["a\u2028b\x0bc\r", "d"]
    (tmp_path / "text").write_bytes(b"")
    assert read_lines(tmp_path / "text", fix="x") == []


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"none: cannot be read: No such file or directory\n  fix: x"):
        read_text(tmp_path / "none", fix="x")
    (tmp_path / "text").write_bytes(b"a\nb\xff\n")
    with pytest.raises(HybridKdError, match="text: line 2 is not UTF-8: invalid start byte at byte 3"):
        read_text(tmp_path / "text", fix="x")
