"""Lattice archives, plain or gzipped: reads `lattice4` and `compactlattice44`, writes `lattice4`.

An entry is ``key SP`` and an OpenFst VectorFst, without the mark that other binary tables have.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from hybrid_kd.archives.byte_reader import ByteReader
from hybrid_kd.archives.compact_lattices import parse_compact_states
from hybrid_kd.archives.lattice4 import (
    Lattice,
    lattice_to_bytes,
    parse_lattice4_states,
    parse_lattice_header,
)
from hybrid_kd.archives.tables import open_archive_writer, read_archive

__all__ = ["Lattice", "LatticeWriter", "open_lattice_writer", "parse_lattice", "read_lattices"]


@runtime_checkable
class LatticeWriter(Protocol):
    """What `open_lattice_writer` gives."""

    def __call__(self, key: str, value: Lattice, /) -> None: ...


def read_lattices(path: Path) -> Iterator[tuple[str, Lattice]]:
    """Read (utt_id, lattice) of every entry; compact lattices come expanded to state level.

    Raises: HybridKdError that names file and utterance for what cannot be parsed to its end.
    """
    return read_archive(str(path), parse_lattice)


def open_lattice_writer(path: Path) -> AbstractContextManager[LatticeWriter]:
    """Give ``write(utt_id, lattice)`` for the length of a block; a path that ends in .gz is compressed."""
    return open_archive_writer(str(path), lattice_to_bytes)


def parse_lattice(reader: ByteReader) -> Lattice:
    """Parse one lattice of either kind.

    Raises: FormatError.
    """
    header = parse_lattice_header(reader)
    parse_states = parse_lattice4_states if header.arc_type == "lattice4" else parse_compact_states
    return parse_states(reader, header)
