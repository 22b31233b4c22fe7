"""A table's kind is told from its first entry, and all of it is summed up."""

from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest

from hybrid_kd.archives.table_kinds import summarise_table
from hybrid_kd.errors import HybridKdError


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (
            b"a 1 2 3\nb 4\n",
            [
                "integer vectors: 2 entries, 'a' to 'b'",
                "  items: 4 in all, 1 to 3 an entry",
                "  values: 1 to 4",
            ],
        ),
        (
            b"a \0B\4\2\0\0\0\4\7\0\0\0\4\4\0\0\0",
            ["integer vectors: 1 entry, 'a' to 'a'", "  items: 2 in all, 2 an entry", "  values: 4 to 7"],
        ),
        (
            b"a \0B\4\1\0\0\0\4\1\0\0\0\4\4\0\0\0\4\0\0\0\0",
            [
                "posteriors: 1 entry, 'a' to 'a'",
                "  frames: 1 in all, 1 an entry",
                "  pairs: 1 in all, 1 an entry",
            ],
        ),
        (b"a [ 4 1 ] [ ] \n", ["posteriors: 1 entry, 'a' to 'a'", "  frames: 2 in all, 2 an entry"]),
        (b"a [ 4 1 ]\n", ["posteriors: 1 entry, 'a' to 'a'", "  frames: 1 in all, 1 an entry"]),
        (
            b"a  [ 4 1 ]\n",
            ["vectors: 1 entry, 'a' to 'a'", "  items: 2 in all, 2 an entry", "  values: 1 to 4"],
        ),
        (b"a \0BFV \4\1\0\0\0\0\0\0\0", ["vectors: 1 entry, 'a' to 'a'", "  items: 1 in all, 1 an entry"]),
        (
            b"a  [\n  4 1 \n  2 nan ]\nb  [ ]\n",
            [
                "matrices: 2 entries, 'a' to 'b'",
                "  rows: 2 in all, 0 to 2 an entry",
                "  columns: 0 to 2",
                "  1 of them hold NaN or infinity",
            ],
        ),
        (b"", ["an empty table: 0 entries"]),
    ],
)
def test_the_kind_shows_in_the_first_entry(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    (tmp_path / "t").write_bytes(content)
    assert summarise_table(f"ark:{tmp_path}/t").lines()[: len(lines)] == lines


def test_kaldis_posteriors_without_any_pair_are_not_told_from_zeros(tmp_path: Path) -> None:
    with kaldi_native_io.PosteriorWriter(f"ark:{tmp_path}/t") as writer:
        writer.write("a", [[], []])
    assert summarise_table(f"ark:{tmp_path}/t").kind == "integer vectors"


def test_a_script_with_ranges_is_read(tmp_path: Path) -> None:
    with kaldi_native_io.FloatMatrixWriter(f"ark,scp:{tmp_path}/t,{tmp_path}/t.scp") as writer:
        writer.write("a", np.ones((5, 2), np.float32))
    script = tmp_path / "t.scp"
    script.write_text(script.read_text().strip() + "[1:3]\n")
    assert summarise_table(f"scp:{script}").lines()[1] == "  rows: 3 in all, 3 an entry"


def test_a_damaged_last_entry_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"a 1 2 3\nb 4")
    with pytest.raises(HybridKdError, match="t, utterance 'b': truncated"):
        summarise_table(f"ark:{tmp_path}/t")


@pytest.mark.parametrize("content", [b"a word word\n", b"a 1.5\n", b"a \0BXY "])
def test_what_is_no_table_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(
        HybridKdError, match=r"t, utterance 'a': (a value of no kind that is known|expected a matrix)"
    ):
        summarise_table(f"ark:{tmp_path}/t")
