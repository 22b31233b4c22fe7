r"""Integer-vector tables (alignments), each entry ``\0B \4 n (\4 i32)*`` or, in text, ``u1 5 7 1``."""

from array import array
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.tables import open_table_writer, read_table
from hybrid_kd.archives.text_numbers import extend_int32s

MARKED_INT32 = np.dtype([("mark", "u1"), ("value", "<i4")])  # Kaldi's binary int32, 5 bytes


@runtime_checkable
class IntVectorWriter(Protocol):
    """What `open_int_vector_writer` gives."""

    def __call__(self, key: str, value: Int32[np.ndarray, " items"], /) -> None: ...


def read_int_vectors(
    rspecifier: str, *, allow_pipes: bool = False
) -> Iterator[tuple[str, Int32[np.ndarray, " items"]]]:
    """Read every vector of a table.

    Raises: HybridKdError that names file and key for what cannot be parsed to its end.
    """
    return read_table(rspecifier, parse_int_vector, allow_pipes=allow_pipes)


def open_int_vector_writer(wspecifier: str) -> AbstractContextManager[IntVectorWriter]:
    """Give ``write(key, vector)`` for the length of a block."""
    return open_table_writer(wspecifier, int_vector_to_bytes)


def parse_int_vector(reader: ByteReader) -> Int32[np.ndarray, " items"]:
    """Parse one value.

    Raises: FormatError.
    """
    if not reader.take_binary_mark():
        return _parse_text(take_line(reader))
    count = reader.take_count("integers", min_bytes_each=5)
    items = np.frombuffer(reader.take(5 * count), MARKED_INT32)
    if (items["mark"] != 4).any():
        raise FormatError("not a vector of int32 (an item lacks the byte 4 before it)")
    return items["value"].astype(np.int32)


def take_line(reader: ByteReader) -> bytes:
    """The rest of the line; a last line without a newline counts as truncated.

    Raises: FormatError.
    """
    line = reader.take_through(b"\n")
    if not line.isascii():
        raise FormatError("a text value that is not ASCII")
    return line


def _parse_text(line: bytes) -> Int32[np.ndarray, " items"]:
    numbers: array[int] = array("i")
    extend_int32s(numbers, line)
    return np.array(numbers, np.int32)


def int_vector_to_bytes(vector: Int32[np.ndarray, " items"], binary: bool) -> bytes:
    """The value as it stands in an archive."""
    if not binary:
        return (" ".join(map(str, vector.tolist())) + "\n").encode()
    items = np.empty(len(vector), MARKED_INT32)
    items["mark"] = 4
    items["value"] = vector
    return b"\0B\4" + len(vector).to_bytes(4, "little") + items.tobytes()
