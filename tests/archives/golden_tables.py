"""Small archives of every kind, and what must hold of their values however they were damaged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.archives.int_vectors import open_int_vector_writer, read_int_vectors
from hybrid_kd.archives.lattices import Lattice, open_lattice_writer, read_lattices
from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.archives.posteriors import Posteriors, open_posterior_writer, read_posteriors
from tests.archives.test_lattices import COMPACT

Read = Callable[[Path], Iterator[tuple[str, Any]]]


def check_matrix(value: Any) -> None:
    """A matrix of the type that is promised."""
    assert value.dtype == np.float32
    assert value.ndim == 2
    assert value.size < 10_000


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


@dataclass(frozen=True)
class TableKind:
    """A small file of two entries, u1 and u2, how it is read, and a check of a value."""

    make: Callable[[Path], bytes]
    read: Read
    check: Callable[[Any], None]


KINDS = {
    "matrix": TableKind(lambda path: matrix_bytes(path, ""), MATRICES, check_matrix),
    "text matrix": TableKind(lambda path: matrix_bytes(path, ",t"), MATRICES, check_matrix),
    "CM": TableKind(lambda _: compressed_bytes(b"CM", 1), MATRICES, check_matrix),
    "CM2": TableKind(lambda _: compressed_bytes(b"CM2", 2), MATRICES, check_matrix),
    "CM3": TableKind(lambda _: compressed_bytes(b"CM3", 1), MATRICES, check_matrix),
    "vector": TableKind(lambda path: int_vector_bytes(path, ""), INT_VECTORS, check_int_vector),
    "text vector": TableKind(lambda path: int_vector_bytes(path, ",t"), INT_VECTORS, check_int_vector),
    "posterior": TableKind(lambda path: posterior_bytes(path, ""), POSTERIORS, check_posteriors),
    "text posterior": TableKind(lambda path: posterior_bytes(path, ",t"), POSTERIORS, check_posteriors),
    "lattice4": TableKind(lattice_bytes, read_lattices, check_lattice),
    "compactlattice44": TableKind(
        lambda _: b"u1 " + COMPACT + b"u2 " + COMPACT, read_lattices, check_lattice
    ),
}
