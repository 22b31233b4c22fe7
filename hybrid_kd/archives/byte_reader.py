"""The bytes of one file, pipe or stream, read forwards; no length is believed before it is there.

Parsers raise the bare fact as a `FormatError`; the edge that knows file and key (tables.py) adds them.
"""

import re
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32

CHUNK_BYTES = 1 << 18
BLOCK_BYTES = 64 * CHUNK_BYTES  # at most as much is asked of a stream at once, whatever length is declared
MAX_TOKEN_BYTES = 4096  # of a table key or of a token such as <TransitionModel>

_NOT_SPACE = re.compile(rb"[^ \t\r\n\v\f]")
_SPACE = re.compile(rb"[ \t\r\n\v\f]")


class FormatError(ValueError):
    """What a parser found wrong, without the place."""


@runtime_checkable
class ByteSource(Protocol):
    """What a `ByteReader` reads from; only regular files must seek, and ``read`` may raise FormatError."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> int: ...
    def close(self) -> None: ...


class ByteReader:
    """A forward reader with look-ahead over a binary stream, which it closes.

    ``size`` is the length of a regular file; with it a declared length is refused before anything is read.
    Without it (gzip, pipes) bytes are taken in chunks, so memory never exceeds what the stream really holds.
    """

    def __init__(self, stream: ByteSource, *, size: int | None = None) -> None:
        self._stream = stream
        self._size = size
        self._buffer = b""
        self._cursor = 0
        self._buffer_start = 0  # position in the stream of _buffer[0]
        self._failure: FormatError | None = None  # how the stream ended after _buffer

    def __enter__(self) -> "ByteReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    @property
    def position(self) -> int:
        """Bytes before the next one (of the uncompressed content)."""
        return self._buffer_start + self._cursor

    @property
    def _num_ahead(self) -> int:
        return len(self._buffer) - self._cursor

    def seek(self, position: int) -> None:
        """Go to a byte of a regular file; near ones are served from what is already in memory.

        Raises: FormatError if it lies beyond the end.
        """
        if self._size is None:
            raise FormatError(f"byte {position} is asked for, but this can only be read forwards")
        if position > self._size:
            raise FormatError(f"byte {position} is asked for, but the file has {self._size}")
        if self._buffer_start <= position <= self._buffer_start + len(self._buffer):
            self._cursor = position - self._buffer_start
        else:
            self._stream.seek(position)
            self._buffer, self._cursor, self._buffer_start = b"", 0, position

    def at_end(self) -> bool:
        """Whether nothing is left; for gzip this has then also checked the last member's checksum.

        Raises: FormatError if the stream is damaged here.
        """
        if self._look_ahead(1):
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def peek(self, num_bytes: int) -> bytes:
        """The next bytes without taking them; fewer at the end or before a damaged place."""
        self._look_ahead(num_bytes)
        return self._buffer[self._cursor : self._cursor + num_bytes]

    def peek_at(self, distance: int) -> bytes:
        """The byte at a distance from the next one, or nothing if the file ends before it."""
        if self._size is not None and distance >= self._size - self.position:
            return b""
        return self.peek(distance + 1)[distance:]

    def take(self, num_bytes: int) -> bytes:
        """Exactly the next ``num_bytes``.

        Raises: FormatError if the file has fewer, or for a negative number (which a damaged length may be).
        """
        if num_bytes < 0:
            raise FormatError(f"a negative length: {num_bytes} bytes")
        end = self._cursor + num_bytes
        if end > len(self._buffer):
            self.require(num_bytes)
            if num_bytes > CHUNK_BYTES:
                return self._take_past_buffer(num_bytes)
            if not self._look_ahead(num_bytes):
                raise self._failure or FormatError(_truncated(num_bytes, self._num_ahead))
            end = self._cursor + num_bytes
        taken = self._buffer[self._cursor : end]
        self._cursor = end
        return taken

    def _take_past_buffer(self, num_bytes: int) -> bytes:
        """Join what is larger than a chunk once, from the rest of the buffer and blocks of the stream."""
        parts, missing = self._read_ahead(num_bytes)
        if missing > 0:
            raise self._failure or FormatError(_truncated(num_bytes, num_bytes - missing))
        self._buffer_start += self._cursor + num_bytes
        self._buffer, self._cursor = b"", 0
        return b"".join(parts)

    def _read_ahead(self, num_bytes: int) -> tuple[list[bytes], int]:
        """Read until ``num_bytes`` after the cursor are there, as parts, and how many are missing."""
        parts, missing = [self._buffer[self._cursor :]], num_bytes - self._num_ahead
        while missing > 0 and (part := self._read(min(missing, BLOCK_BYTES))):
            parts.append(part)
            missing -= len(part)
        return parts, missing

    def require(self, num_bytes: int) -> None:
        """Refuse a declared length that a regular file cannot hold.

        Raises: FormatError.
        """
        if self._size is not None and num_bytes > self._size - self.position:
            raise FormatError(_truncated(num_bytes, self._size - self.position))

    def take_through(self, delimiter: bytes) -> bytes:
        """Everything up to and including one byte.

        Raises: FormatError if that byte does not come.
        """
        searched = 0
        while (found := self._buffer.find(delimiter, self._cursor + searched)) < 0:
            searched = self._num_ahead
            self._look_ahead(2 * searched + 1)
            if self._num_ahead == searched:
                raise self._failure or FormatError(f"truncated: the file ends before {delimiter.decode()!r}")
        return self.take(found + 1 - self._cursor)

    def take_rest(self) -> bytes:
        """Everything that is left.

        Raises: FormatError if the stream is damaged.
        """
        parts = []
        while part := self.take_some():
            parts.append(part)
        return b"".join(parts)

    def take_some(self) -> bytes:
        """The next bytes, as many as a block has; none at the end.

        Raises: FormatError if the stream is damaged here.
        """
        if self.at_end():
            return b""
        if self._num_ahead < CHUNK_BYTES:
            self._look_ahead(BLOCK_BYTES)
        return self.take(self._num_ahead)

    def skip_space(self) -> None:
        """Go to the next byte that is not white space, or to the end."""
        while self._look_ahead(1):
            found = _NOT_SPACE.search(self._buffer, self._cursor)
            self._cursor = found.start() if found else len(self._buffer)
            if found:
                return

    def take_word(self) -> str:
        """What stands between white space (which is skipped before and not taken after), at most 4096 bytes.

        Raises: FormatError if it is empty, longer, not UTF-8 or holds control characters.
        """
        self.skip_space()
        ahead = self.peek(MAX_TOKEN_BYTES + 1)
        end = found.start() if (found := _SPACE.search(ahead)) else len(ahead)
        if end == len(ahead) and self._failure is not None:
            raise self._failure
        if end > MAX_TOKEN_BYTES:
            raise FormatError(f"a word of more than {MAX_TOKEN_BYTES} bytes")
        try:
            word = ahead[:end].decode()
        except UnicodeDecodeError:
            raise FormatError(f"a word that is not UTF-8: {ahead[: min(end, 40)]!r}") from None
        if not word:
            raise FormatError("truncated: the file ends here")
        if not word.isprintable():
            raise FormatError(f"a word that is not printable: {word[:40]!r}")
        self._cursor += end
        return word

    def take_token(self) -> str:
        """A Kaldi token such as ``<LogProbs>``, with the one space that ends it."""
        token = self.take_word()
        if not self.take(1).isspace():
            raise FormatError(f"no space after {token!r}")
        return token

    def expect_token(self, *expected: str) -> str:
        """Take a token that must be one of ``expected``."""
        token = self.take_token()
        if token not in expected:
            raise FormatError(f"expected {' or '.join(expected)}, found {token[:40]!r}")
        return token

    def take_int32(self) -> int:
        """Kaldi's binary int32: the byte 4, then four bytes."""
        data = self.take(5)
        if data[0] != 4:
            raise FormatError(f"expected an int32 (a byte 4 before it), found the byte {data[0]}")
        return int.from_bytes(data[1:], "little", signed=True)

    def take_count(self, what: str, *, min_bytes_each: int = 0) -> int:
        """A binary int32 that counts: not negative, and ``min_bytes_each`` of them must fit into the file."""
        count = self.take_int32()
        if count < 0:
            raise FormatError(f"a negative number of {what}: {count}")
        self.require(count * min_bytes_each)
        return count

    def take_float32(self) -> float:
        """Kaldi's binary float32: the byte 4, then four bytes."""
        data = self.take(5)
        if data[0] != 4:
            raise FormatError(f"expected a float32 (a byte 4 before it), found the byte {data[0]}")
        return float(np.frombuffer(data, "<f4", offset=1)[0])

    def take_raw_int32s(self, count: int) -> Int32[np.ndarray, " count"]:
        """``count`` int32 without marks between them."""
        return np.frombuffer(self.take(4 * count), "<i4").astype(np.int32, copy=False)

    def take_binary_mark(self) -> bool:
        r"""Take ``\0B`` if it stands here; whether it does."""
        mark = self.peek(2)
        if mark[:1] != b"\0":
            return False
        if mark != b"\0B":
            raise FormatError(rf"expected \0B, found {mark!r}")
        self.take(2)
        return True

    def _look_ahead(self, num_bytes: int) -> bool:
        """Have ``num_bytes`` after the cursor in memory, as far as there are so many; whether there are."""
        if num_bytes <= self._num_ahead:
            return True
        parts, _ = self._read_ahead(max(num_bytes, self._num_ahead + CHUNK_BYTES))
        self._buffer_start += self._cursor
        self._buffer, self._cursor = b"".join(parts), 0
        return num_bytes <= len(self._buffer)

    def _read(self, num_bytes: int) -> bytes:
        """Read from the stream; its failure is kept until what was read before it is used up."""
        if self._failure is not None:
            return b""
        try:
            return self._stream.read(num_bytes)
        except FormatError as error:
            self._failure = error
        return b""


def _truncated(wanted: int, there: int) -> str:
    return f"truncated or of wrong size: {wanted} bytes should follow, {there} are there"
