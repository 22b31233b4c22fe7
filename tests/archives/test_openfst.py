"""OpenFst files as arrays; the library itself is the oracle."""

import struct
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.openfst import (
    CONST_STATE,
    const_arcs,
    const_fst_to_bytes,
    const_states,
    parse_header,
    vector_arcs,
)


def small_fst() -> kaldifst.StdVectorFst:
    return kaldifst.compile("0 1 3 4 0.5\n0 1 0 0 1.5\n1 0 2 0 0.25\n1 2.5\n")


def written(path: Path, fst: kaldifst.StdFst) -> np.ndarray:
    assert fst.write(str(path))
    return np.fromfile(path, np.uint8)


def test_a_const_file_is_read(tmp_path: Path) -> None:
    content = written(tmp_path / "fst", kaldifst.StdConstFst(small_fst()))
    header = parse_header(content)
    assert (header.kind, header.start, header.num_states, header.num_arcs) == ("const", 0, 2, 3)
    assert const_arcs(content, header).tolist() == [(3, 4, 0.5, 1), (0, 0, 1.5, 1), (2, 0, 0.25, 0)]
    assert const_states(content, header).tolist() == [(np.inf, 0, 2, 1, 1), (2.5, 2, 1, 0, 1)]


def test_a_vector_file_is_read(tmp_path: Path) -> None:
    content = written(tmp_path / "fst", small_fst())
    header = parse_header(content)
    assert (header.kind, header.num_states) == ("vector", 2)
    assert vector_arcs(content, header).tolist() == [(3, 4, 0.5, 1), (0, 0, 1.5, 1), (2, 0, 0.25, 0)]


def test_a_const_file_is_written_as_the_library_writes_it(tmp_path: Path) -> None:
    """But for the properties (bytes 33 to 40), of which only that it is a const FST is claimed."""
    content = written(tmp_path / "fst", kaldifst.StdConstFst(small_fst()))
    header = parse_header(content)
    ours = const_fst_to_bytes(0, const_states(content, header), const_arcs(content, header))
    start = header.end - 32
    assert ours[:start] == content[:start].tobytes()
    assert ours[start + 8 :] == content[start + 8 :].tobytes()


def test_the_library_reads_what_is_written(tmp_path: Path) -> None:
    content = written(tmp_path / "fst", kaldifst.StdConstFst(small_fst()))
    header = parse_header(content)
    (tmp_path / "again").write_bytes(
        const_fst_to_bytes(0, const_states(content, header), const_arcs(content, header))
    )
    again = kaldifst.StdFst.read(str(tmp_path / "again"))
    assert again.to_str() == small_fst().to_str()


@pytest.mark.parametrize("size", [0, 7, 20, 70, 100])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, size: int) -> None:
    content = written(tmp_path / "fst", kaldifst.StdConstFst(small_fst()))[:size]
    with pytest.raises((ValueError, struct.error)):
        const_arcs(content, parse_header(content))


def test_a_const_state_has_20_bytes() -> None:
    assert CONST_STATE.itemsize == 20
