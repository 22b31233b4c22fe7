r"""Matrix tables: plain (FM, DM), compressed (CM, CM2, CM3) and text.

Compressed matrices are decoded by kaldiio, which believes every length it reads: nothing reaches it but one
object whose declared size has been found to be there. It is used in this module only.
"""

import io
import struct
from array import array
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Float64
from kaldiio.matio import read_kaldi

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.compression import compress_matrix
from hybrid_kd.archives.specifiers import Location
from hybrid_kd.archives.tables import open_table_writer, read_object, read_objects, read_table
from hybrid_kd.archives.text_numbers import extend_floats
from hybrid_kd.atomic import replace_file

PLAIN_TYPES = {"FM": "<f4", "DM": "<f8", "FV": "<f4", "DV": "<f8"}
COMPRESSED_BYTES = {"CM": 1, "CM2": 2, "CM3": 1}  # an item
COLUMN_HEADER_BYTES = 8  # CM: four 16-bit percentiles a column
KINDS = {
    **dict.fromkeys(["FM", "DM", "CM", "CM2", "CM3"], "matrix"),
    **dict.fromkeys(["FV", "DV"], "vector"),
}


@runtime_checkable
class MatrixWriter(Protocol):
    """What `open_matrix_writer` gives."""

    def __call__(self, key: str, value: Float[np.ndarray, "rows columns"], /) -> None: ...


def read_matrices(
    rspecifier: str, *, allow_pipes: bool = False
) -> Iterator[tuple[str, Float32[np.ndarray, "frames dim"]]]:
    """Read every matrix of a table.

    Raises: HybridKdError that names file and key for what cannot be parsed to its end.
    """
    return read_table(rspecifier, parse_matrix, take_range=take_range, allow_pipes=allow_pipes)


def read_matrices_at(
    entries: Iterable[tuple[str, str]], *, allow_pipes: bool = False
) -> Iterator[tuple[str, Float32[np.ndarray, "frames dim"]]]:
    """Read the matrix at each ``key location``, as an scp file lists them."""
    return read_objects(entries, parse_matrix, take_range=take_range, allow_pipes=allow_pipes)


def read_matrix(location: str) -> Float32[np.ndarray, "rows columns"]:
    """Read the one matrix at ``path``, ``path:offset`` or ``path:offset[first:last]`` (inclusive).

    Raises: HybridKdError.
    """
    return read_object(location, parse_matrix, take_range=take_range)


def open_matrix_writer(wspecifier: str, *, compress: bool = False) -> AbstractContextManager[MatrixWriter]:
    """Give ``write(key, matrix)`` for the length of a block (FM or DM by the matrix's type, or text).

    ``compress`` writes what ``copy-feats --compress=true`` does: CM, or CM2 up to 8 rows. A matrix that is
    not finite cannot be compressed: ValueError.
    """
    return open_table_writer(wspecifier, _compressed_to_bytes if compress else matrix_to_bytes)


def _compressed_to_bytes(matrix: Float[np.ndarray, "rows columns"], binary: bool) -> bytes:
    content = b"\0B" + compress_matrix(matrix.astype(np.float32, copy=False))
    return content if binary else matrix_to_bytes(parse_matrix(ByteReader(io.BytesIO(content))), False)


def parse_double_matrix(reader: ByteReader) -> Float64[np.ndarray, "rows columns"]:
    """Parse one value, binary or text, without rounding a DM to float32 (CMVN statistics).

    Raises: FormatError.
    """
    parse = parse_binary_matrix if reader.take_binary_mark() else _parse_text_matrix
    return np.require(parse(reader), np.float64, ["C", "W"])


def parse_matrix(reader: ByteReader) -> Float32[np.ndarray, "rows columns"]:
    """Parse one value, binary or text.

    Raises: FormatError.
    """
    parse = parse_binary_matrix if reader.take_binary_mark() else _parse_text_matrix
    with np.errstate(over="ignore"):  # beyond float32 is inf, as in Kaldi
        return np.require(parse(reader), np.float32, ["C", "W"])


def parse_vector(reader: ByteReader) -> Float64[np.ndarray, " items"]:
    """Parse one float vector, binary (FV, DV) or text ``[ 1 2 ]``.

    Raises: FormatError.
    """
    if reader.take_binary_mark():
        return parse_binary_vector(reader).astype(np.float64)
    matrix = _parse_text_matrix(reader)
    if len(matrix) > 1:
        raise FormatError(f"expected a vector, found {len(matrix)} rows")
    return matrix.reshape(-1)


def parse_binary_vector(reader: ByteReader) -> Float[np.ndarray, " items"]:
    r"""Parse ``FV \4 n ...`` (also DV) without the mark ``\0B``, as inside a model file.

    Raises: FormatError.
    """
    return _parse_binary(reader, "vector")


def parse_binary_matrix(reader: ByteReader) -> Float[np.ndarray, "rows columns"]:
    r"""Parse ``FM \4 rows \4 columns ...`` (also DM, CM*) without the mark ``\0B``, as inside a model file.

    Raises: FormatError.
    """
    return _parse_binary(reader, "matrix")


def _parse_binary(reader: ByteReader, kind: str) -> Float[np.ndarray, "*shape"]:
    """Take exactly the bytes that the header declares; kaldiio decodes those that are compressed."""
    token, space, _ = reader.peek(4).partition(b" ")
    name = token.decode("latin-1")
    if not space or KINDS.get(name) != kind:
        raise FormatError(f"expected a {kind}, found {f'a {KINDS[name]}' if name in KINDS else repr(token)}")
    header = reader.take(len(token) + 1)
    parse_shape = _parse_compressed_shape if name.startswith("CM") else _parse_plain_shape
    header, shape = parse_shape(reader, header, 2 if kind == "matrix" else 1)
    if min(shape) < 0 or (shape[-1] == 0 < shape[0]):
        raise FormatError(f"a {kind} of impossible shape {' x '.join(map(str, shape))}")
    num_items = int(np.prod(shape, dtype=object))
    if not num_items:
        return np.zeros(shape, np.float32)
    if name in PLAIN_TYPES:
        dtype = np.dtype(PLAIN_TYPES[name])
        return np.frombuffer(reader.take(num_items * dtype.itemsize), dtype).reshape(shape)
    num_bytes = num_items * COMPRESSED_BYTES[name] + (COLUMN_HEADER_BYTES * shape[-1] if name == "CM" else 0)
    return _decode(b"\0B" + header + reader.take(num_bytes), shape)


def _parse_plain_shape(reader: ByteReader, header: bytes, num_axes: int) -> tuple[bytes, tuple[int, ...]]:
    header += (sizes := reader.take(5 * num_axes))
    if any(sizes[start] != 4 for start in range(0, len(sizes), 5)):
        raise FormatError("malformed sizes in the header")
    return header, struct.unpack("<" + "xi" * num_axes, sizes)


def _parse_compressed_shape(reader: ByteReader, header: bytes, _: int) -> tuple[bytes, tuple[int, ...]]:
    header += (sizes := reader.take(16))  # float minimum, float range, rows, columns
    return header, struct.unpack("<8xii", sizes)


def _decode(content: bytes, shape: tuple[int, ...]) -> Float[np.ndarray, "*shape"]:
    try:
        with np.errstate(all="ignore"):  # a damaged minimum or range gives inf or NaN
            array: np.ndarray = read_kaldi(io.BytesIO(content))
    except (ValueError, AssertionError, struct.error) as error:
        raise FormatError(f"cannot be decoded: {error}") from error
    if array.shape != shape:
        raise FormatError(f"decodes to shape {array.shape}, its header says {shape}")
    return array


def _parse_text_matrix(reader: ByteReader) -> Float64[np.ndarray, "rows columns"]:
    reader.skip_space()
    if reader.peek(1) != b"[":
        raise FormatError(f"expected \\0B or '[', found {reader.peek(12)!r}")
    reader.take(1)
    content = reader.take_through(b"]")[:-1]
    if not reader.at_end() and (rest := reader.take_through(b"\n").strip()):
        raise FormatError(f"a text matrix is followed by {rest[:40]!r}")
    numbers: array[float] = array("d")
    num_columns = num_rows = 0
    for row in _rows(content.replace(b";", b"\n")):
        before = len(numbers)
        extend_floats(numbers, row)
        if (width := len(numbers) - before) == 0:
            continue
        if num_rows and width != num_columns:
            raise FormatError("rows of a text matrix differ in length")
        num_columns, num_rows = width, num_rows + 1
    return np.array(numbers, np.float64).reshape(num_rows, num_columns)


def _rows(content: bytes) -> Iterator[bytes]:
    """The lines; they do not all exist at once."""
    start = 0
    while start < len(content):
        newline = content.find(b"\n", start)
        end = len(content) if newline < 0 else newline
        yield content[start:end]
        start = end + 1


def take_range(
    matrix: Float32[np.ndarray, "rows columns"], location: Location
) -> Float32[np.ndarray, "some_rows some_columns"]:
    """Cut out ``[r0:r1,c0:c1]``, bounds inclusive.

    Raises: FormatError where the matrix ends before the range.
    """
    for bounds, size, what in zip(
        (location.rows, location.columns), matrix.shape, ("rows", "columns"), strict=True
    ):
        if bounds is not None and not bounds[0] <= bounds[1] < size:
            raise FormatError(f"range {bounds[0]}:{bounds[1]} asked of a matrix with {size} {what}")
    first, last = location.rows or (0, matrix.shape[0] - 1)
    left, right = location.columns or (0, matrix.shape[1] - 1)
    return matrix[first : last + 1, left : right + 1]


def matrix_to_bytes(matrix: Float[np.ndarray, "rows columns"], binary: bool) -> bytes:
    """The value as it stands in an archive; text has as many digits as its type needs to come back."""
    if binary:
        return b"\0B" + bare_matrix_to_bytes(matrix)
    if not matrix.size:
        return b" [ ]\n"
    rows = [" ".join(row) for row in matrix.astype(str).tolist()]
    return (" [\n  " + " \n  ".join(rows) + " ]\n").encode()


def bare_matrix_to_bytes(matrix: Float[np.ndarray, "rows columns"]) -> bytes:
    """FM, or DM for float64, without the mark before it."""
    shape = matrix.shape if matrix.size else (0, 0)
    sizes = b"".join(b"\4" + size.to_bytes(4, "little") for size in shape)
    kind, item = (b"DM ", "<f8") if matrix.dtype == np.float64 else (b"FM ", "<f4")
    return kind + sizes + np.ascontiguousarray(matrix, item).tobytes()


def vector_to_bytes(vector: Float32[np.ndarray, " items"]) -> bytes:
    """FV, without a mark before it, as inside a model file."""
    return b"FV \4" + len(vector).to_bytes(4, "little") + np.ascontiguousarray(vector, "<f4").tobytes()


def write_matrix(path: Path, matrix: Float[np.ndarray, "rows columns"]) -> None:
    """Write one matrix as a file of its own (such as final.mat), binary."""
    with replace_file(path) as file:
        file.write(matrix_to_bytes(matrix, True))
