r"""Posterior tables: for each frame a sparse list of (id, value), as Kaldi's `Posterior`.

Binary: ``\0B \4 T``, per frame ``\4 n``, per pair ``\4 i32 \4 f32``. Text: ``u1 [ 3 0.75 9 0.25 ] [ ]``.
Values are not checked to be probabilities: Kaldi keeps weights, and nothing here adds or renormalises them.
"""

import re
from array import array
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.int_vectors import take_line
from hybrid_kd.archives.tables import open_table_writer, read_table
from hybrid_kd.archives.text_numbers import extend_floats, extend_int32s

COUNT_BYTES = 5  # \4 i32
MAX_FRAME_BYTES = 1 << 24  # in text; a frame has at most one pair for each pdf_id or transition_id
PAIR = np.dtype([("id_mark", "u1"), ("id", "<i4"), ("value_mark", "u1"), ("value", "<f4")])

_FRAME = re.compile(rb"[^\]]*\]")


@dataclass(frozen=True)
class Posteriors:
    """The lists of all frames one after the other; frame t owns entries offsets[t] to offsets[t + 1]."""

    offsets: Int64[np.ndarray, " frames_and_1"]
    ids: Int32[np.ndarray, " entries"]
    values: Float32[np.ndarray, " entries"]

    @property
    def num_frames(self) -> int:
        """How many frames the utterance has."""
        return len(self.offsets) - 1


@runtime_checkable
class PosteriorWriter(Protocol):
    """What `open_posterior_writer` gives."""

    def __call__(self, key: str, value: Posteriors, /) -> None: ...


def read_posteriors(rspecifier: str, *, allow_pipes: bool = False) -> Iterator[tuple[str, Posteriors]]:
    """Read every entry of a Posterior table.

    Raises: HybridKdError that names file and key for what cannot be parsed to its end.
    """
    return read_table(rspecifier, parse_posteriors, allow_pipes=allow_pipes)


def open_posterior_writer(wspecifier: str) -> AbstractContextManager[PosteriorWriter]:
    """Give ``write(key, posteriors)`` for the length of a block."""
    return open_table_writer(wspecifier, posteriors_to_bytes)


def parse_posteriors(reader: ByteReader) -> Posteriors:
    """Parse one value, binary or text.

    Raises: FormatError.
    """
    return _parse_binary(reader) if reader.take_binary_mark() else _parse_text(take_line(reader))


def _parse_binary(reader: ByteReader) -> Posteriors:
    num_frames = reader.take_count("frames", min_bytes_each=COUNT_BYTES)
    counts, contents = [0], []
    for _ in range(num_frames):
        count = reader.take_count("entries", min_bytes_each=PAIR.itemsize)
        counts.append(count)
        contents.append(reader.take(PAIR.itemsize * count))
    pairs = np.frombuffer(b"".join(contents), PAIR)
    if (pairs["id_mark"] != 4).any() or (pairs["value_mark"] != 4).any():
        raise FormatError("not a posterior (an id or a value lacks the byte 4 before it)")
    offsets = np.cumsum(np.array(counts, np.int64))
    return Posteriors(offsets, pairs["id"].astype(np.int32), pairs["value"].astype(np.float32))


def _parse_text(line: bytes) -> Posteriors:
    counts: array[int] = array("q", [0])
    ids: array[int] = array("i")
    values: array[float] = array("d")
    end = 0
    for frame in _FRAME.finditer(line):
        words, end = _words_of_frame(frame[0]), frame.end()
        extend_int32s(ids, b" ".join(words[0::2]))
        extend_floats(values, b" ".join(words[1::2]))
        counts.append(len(words) // 2)
    if rest := line[end:].strip():
        raise FormatError(f"a text posterior ends in {rest[:60]!r}")
    with np.errstate(over="ignore"):
        return Posteriors(
            np.cumsum(counts, dtype=np.int64), np.array(ids, np.int32), np.array(values).astype(np.float32)
        )


def _words_of_frame(frame: bytes) -> list[bytes]:
    """The ids and values, in turn, of ``[ 3 0.75 9 0.25 ]``."""
    if len(frame) <= MAX_FRAME_BYTES:
        match frame.replace(b"[", b" [ ").replace(b"]", b" ] ").split():
            case [b"[", *words, b"]"] if len(words) % 2 == 0 and b"[" not in words:
                return words
    raise FormatError(f"malformed frame of a text posterior: {frame[:60]!r}")


def posteriors_to_bytes(posteriors: Posteriors, binary: bool) -> bytes:
    """The value as it stands in an archive; text has as many digits as float32 needs to come back."""
    return _to_binary(posteriors).tobytes() if binary else _to_text(posteriors).encode()


def _to_binary(posteriors: Posteriors) -> UInt8[np.ndarray, " bytes"]:
    counts = np.diff(posteriors.offsets)
    num_frames, num_entries = len(counts), len(posteriors.ids)
    head = np.frombuffer(b"\0B\4" + num_frames.to_bytes(4, "little"), np.uint8)
    content = np.empty(COUNT_BYTES * num_frames + PAIR.itemsize * num_entries, np.uint8)
    count_at = COUNT_BYTES * np.arange(num_frames) + PAIR.itemsize * posteriors.offsets[:-1]
    is_pair = np.ones(len(content), bool)
    is_pair[count_at[:, None] + np.arange(COUNT_BYTES)] = False
    pairs = np.empty(num_entries, PAIR)
    pairs["id_mark"] = pairs["value_mark"] = 4
    pairs["id"], pairs["value"] = posteriors.ids, posteriors.values
    content[is_pair] = pairs.view(np.uint8)
    marked_counts = np.full((num_frames, COUNT_BYTES), 4, np.uint8)
    marked_counts[:, 1:] = counts.astype("<i4").view(np.uint8).reshape(num_frames, 4)
    content[~is_pair] = marked_counts.reshape(-1)
    return np.concatenate([head, content])


def _to_text(posteriors: Posteriors) -> str:
    ids, values = posteriors.ids.tolist(), posteriors.values.astype(str).tolist()
    frames = []
    for start, end in zip(posteriors.offsets[:-1].tolist(), posteriors.offsets[1:].tolist(), strict=True):
        pairs = "".join(f"{ids[entry]} {values[entry]} " for entry in range(start, end))
        frames.append(f"[ {pairs}] ")
    return "".join(frames) + "\n"
