r"""Integer-vector tables (alignments), each entry ``\0B \4 n (\4 i32)*`` or, in text, ``u1 5 7 1``."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.tables import open_table_writer, read_table

MARKED_INT32 = np.dtype([("mark", "u1"), ("value", "<i4")])  # Kaldi's binary int32, 5 bytes
INT32 = np.iinfo(np.int32)


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
        return text_to_int32s(take_line(reader))
    count = reader.take_count("integers", min_bytes_each=5)
    items = np.frombuffer(reader.take(5 * count), MARKED_INT32)
    if (items["mark"] != 4).any():
        raise FormatError("not a vector of int32 (an item lacks the byte 4 before it)")
    return items["value"].astype(np.int32)


def take_line(reader: ByteReader) -> str:
    """The rest of the line; a last line without a newline counts as truncated.

    Raises: FormatError.
    """
    try:
        return reader.take_through(b"\n").decode("ascii")
    except UnicodeDecodeError:
        raise FormatError("a text value that is not ASCII") from None


def text_to_int32s(line: str) -> Int32[np.ndarray, " items"]:
    """Parse integers between white space.

    Raises: FormatError.
    """
    words = line.split()
    try:
        values = np.array([int(word) for word in words if "_" not in word], dtype=np.int64)
    except (ValueError, OverflowError):
        raise FormatError(f"not a line of integers: {line[:60]!r}") from None
    if len(values) < len(words) or ((values < INT32.min) | (values > INT32.max)).any():
        raise FormatError(f"not a line of 32-bit integers: {line[:60]!r}")
    return values.astype(np.int32)


def int_vector_to_bytes(vector: Int32[np.ndarray, " items"], binary: bool) -> bytes:
    """The value as it stands in an archive."""
    if not binary:
        return (" ".join(map(str, vector.tolist())) + "\n").encode()
    items = np.empty(len(vector), MARKED_INT32)
    items["mark"] = 4
    items["value"] = vector
    return b"\0B\4" + len(vector).to_bytes(4, "little") + items.tobytes()
