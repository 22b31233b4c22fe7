"""Enemies: every truncation and every flipped byte of small files of every kind.

Each gives a HybridKdError that names the file, or well-formed values; nothing else, and quickly.
"""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_kd.archives.int_vectors import open_int_vector_writer, read_int_vectors
from hybrid_kd.archives.lattices import Lattice, open_lattice_writer, read_lattices
from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.archives.posteriors import Posteriors, open_posterior_writer, read_posteriors
from hybrid_kd.errors import HybridKdError
from tests.archives.test_lattices import COMPACT

Read = Callable[[Path], Iterator[tuple[str, Any]]]


def check_matrix(value: Any) -> None:
    """A matrix of the type that is promised."""
    assert value.dtype == np.float32
    assert value.ndim == 2
    assert value.size < 100


def check_int_vector(value: Any) -> None:
    """A vector of the type that is promised."""
    assert value.dtype == np.int32
    assert value.ndim == 1


def check_posteriors(value: Any) -> None:
    """Offsets that rise from 0 to the number of entries."""
    assert value.offsets[0] == 0
    assert value.offsets[-1] == len(value.ids) == len(value.values)
    assert (np.diff(value.offsets) >= 0).all()


def check_lattice(value: Any) -> None:
    """Arcs that lead to states."""
    assert value.arc_offsets[-1] == value.num_arcs
    assert len(value.arc_offsets) == value.num_states + 1
    assert ((value.next_states >= 0) & (value.next_states < value.num_states)).all()


def matrix_bytes(path: Path, options: str) -> bytes:
    """Two matrices."""
    with open_matrix_writer(f"ark{options}:{path}") as write:
        write("u1", np.arange(6, dtype=np.float32).reshape(2, 3))
        write("u2", np.ones((1, 2), np.float32))
    return path.read_bytes()


def compressed_bytes(kind: bytes, item_bytes: int) -> bytes:
    """A compressed matrix of 3 x 2, and an empty one."""
    header = np.array([-1, 2], "<f4").tobytes() + np.array([3, 2], "<i4").tobytes()
    columns = np.array([0, 9, 99, 999] * 2, "<u2").tobytes() if kind == b"CM" else b""
    whole = b"\0B" + kind + b" " + header + columns + bytes(range(6 * item_bytes))
    return b"u1 " + whole + b"u2 \0B" + kind + b" " + b"\0" * 16


def int_vector_bytes(path: Path, options: str) -> bytes:
    """Two vectors."""
    with open_int_vector_writer(f"ark{options}:{path}") as write:
        write("u1", np.array([1, 300, 5], np.int32))
        write("u2", np.array([7], np.int32))
    return path.read_bytes()


def posterior_bytes(path: Path, options: str) -> bytes:
    """Two entries, with a frame that is empty."""
    ids, values = np.array([3, 9, 0], np.int32), np.array([0.75, 0.25, 1], np.float32)
    with open_posterior_writer(f"ark{options}:{path}") as write:
        write("u1", Posteriors(np.array([0, 2, 2, 3]), ids, values))
        write("u2", Posteriors(np.array([0, 0]), ids[:0], values[:0]))
    return path.read_bytes()


def lattice_bytes(path: Path) -> bytes:
    """Two lattices of three states."""
    lattice = Lattice(
        arc_offsets=np.array([0, 2, 3, 3]),
        ilabels=np.array([1, 2, 3], np.int32),
        olabels=np.array([0, 7, 0], np.int32),
        next_states=np.array([1, 2, 2], np.int32),
        graph_costs=np.array([0.5, 1, 1.5], np.float32),
        acoustic_costs=np.array([-3, -2, -1], np.float32),
        final_graph_costs=np.array([np.inf, np.inf, 0], np.float32),
        final_acoustic_costs=np.array([np.inf, np.inf, 0], np.float32),
        start=0,
    )
    with open_lattice_writer(path) as write:
        write("u1", lattice)
        write("u2", lattice)
    return path.read_bytes()


def by_rspecifier(read: Callable[[str], Iterator[tuple[str, Any]]]) -> Read:
    """Read an archive by its path."""
    return lambda path: read(f"ark:{path}")


MATRICES, INT_VECTORS, POSTERIORS = map(by_rspecifier, [read_matrices, read_int_vectors, read_posteriors])
KINDS: dict[str, tuple[Callable[[Path], bytes], Read, Callable[[Any], None]]] = {
    "matrix": (lambda path: matrix_bytes(path, ""), MATRICES, check_matrix),
    "text matrix": (lambda path: matrix_bytes(path, ",t"), MATRICES, check_matrix),
    "CM": (lambda _: compressed_bytes(b"CM", 1), MATRICES, check_matrix),
    "CM2": (lambda _: compressed_bytes(b"CM2", 2), MATRICES, check_matrix),
    "CM3": (lambda _: compressed_bytes(b"CM3", 1), MATRICES, check_matrix),
    "vector": (lambda path: int_vector_bytes(path, ""), INT_VECTORS, check_int_vector),
    "text vector": (lambda path: int_vector_bytes(path, ",t"), INT_VECTORS, check_int_vector),
    "posterior": (lambda path: posterior_bytes(path, ""), POSTERIORS, check_posteriors),
    "text posterior": (lambda path: posterior_bytes(path, ",t"), POSTERIORS, check_posteriors),
    "lattice4": (lattice_bytes, read_lattices, check_lattice),
    "compactlattice44": (lambda _: b"u1 " + COMPACT + b"u2 " + COMPACT, read_lattices, check_lattice),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bytes, Read, Callable[[Any], None]]:
    """A small file's content, how to read it and what its values must be."""
    make, read, check = KINDS[request.param]
    return make(tmp_path / "whole"), read, check


def test_every_truncation_is_an_error(
    kind: tuple[bytes, Read, Callable[[Any], None]], tmp_path: Path
) -> None:
    content, read, _ = kind
    path = tmp_path / "table"
    border = content.index(b"u2 ")
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        lost = content[length : border if length <= border else None]
        if not lost.strip():
            continue  # what is left are whole entries
        with pytest.raises(HybridKdError, match="table") as caught:
            list(read(path))
        in_key = length % border < len(b"u2 ")
        assert in_key or ("'u1'" if length < border else "'u2'") in str(caught.value)


def test_every_flipped_byte_is_an_error_or_gives_well_formed_values(
    kind: tuple[bytes, Read, Callable[[Any], None]], tmp_path: Path
) -> None:
    content, read, check = kind
    path = tmp_path / "table"
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= (0xFF, 0x80, 0x01)[place % 3]
        path.write_bytes(flipped)
        try:
            for _, value in read(path):
                check(value)
        except HybridKdError as error:
            assert str(path) in str(error)  # noqa: PT017


def test_every_truncation_and_flip_of_a_gzip_file_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(int_vector_bytes(tmp_path / "whole", ""), mtime=0)
    path = tmp_path / "table.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(HybridKdError, match=r"table.gz"):
            list(INT_VECTORS(path))
    first_data_byte = 10  # before it stand flags, time and system, which no reader checks
    for place in range(first_data_byte, len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        with pytest.raises(HybridKdError, match=r"table.gz"):
            list(INT_VECTORS(path))


def test_random_bytes_are_an_error_or_well_formed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "table"
    for _ in range(300):
        path.write_bytes(b"u \0B" + rng.integers(0, 256, rng.integers(1, 80), np.uint8).tobytes())
        for read in (MATRICES, INT_VECTORS, POSTERIORS, read_lattices):
            with pytest.raises(HybridKdError, match="table"):
                list(read(path))
