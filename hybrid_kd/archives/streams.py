"""Opening what tables are read from and written to: files, gzip files, standard input and output, commands.

Paths are relative to the working directory and never guessed. A path that ends in .gz is (de)compressed, one
that ends in .xz decompressed; one that ends in ``|`` is a command, which is run only with ``allow_pipes``.
"""

import gzip
import lzma
import os
import subprocess
import sys
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Literal, Protocol, TypeVar

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError

Value = TypeVar("Value")

MAX_OPEN_FILES = 16
MAX_RATIO = 200  # of decompressed to compressed size; alignments and lattices have at most 20
ANY_RATIO_BYTES = 128 << 20  # what may be decompressed before the ratio counts
DAMAGED = "it is cut short, damaged or of another kind: make it again, or give the file that was meant"


class ByteSink(Protocol):
    """What tables are written to."""

    def write(self, content: bytes, /) -> int: ...


def open_reader(path: str, *, allow_pipes: bool = False, key: str | None = None) -> ByteReader:
    """Open a file, ``-`` (standard input), a ``.gz`` file or ``command |``; ``key`` is for the error's place.

    Raises: HybridKdError if it cannot be opened, or is a command and ``allow_pipes`` is off.
    """
    if path.endswith("|"):
        if not allow_pipes:
            fix = "give a file (.gz is read as it is), or allow commands with --allow-pipes"
            raise HybridKdError.at(path, "this would run a command", fix=fix, key=key)
        return ByteReader(_CommandOutput(path))
    if path == "-":
        return ByteReader(_StandardInput())
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (the reader closes it)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        fix = "check the path; a relative one begins at the working directory"
        raise HybridKdError.at(path, f"cannot be read: {reason}", fix=fix, key=key) from error
    size = os.fstat(file.fileno()).st_size if Path(path).is_file() else None
    if not path.endswith((".gz", ".xz")):
        return ByteReader(file, size=size)
    if size == 0:
        file.close()
        header = f"{'gzip' if path.endswith('.gz') else 'xz'} header"
        raise HybridKdError.at(path, f"empty, without even a {header}", fix=DAMAGED, key=key)
    return ByteReader(_Decompressed(file, "gzip" if path.endswith(".gz") else "xz"))


def parse_whole_file(
    path: Path, parse: Callable[[ByteReader], Value], *, what: str, fix: str = DAMAGED
) -> Value:
    """Parse a file that holds one ``what`` (with an article) and nothing behind it.

    Raises: HybridKdError.
    """
    with open_reader(str(path)) as reader:
        try:
            value = parse(reader)
            reader.skip_space()
            if not reader.at_end():
                raise FormatError("something follows where it ends")
        except FormatError as error:
            problem = f"not {what}: {error} (near byte {reader.position})"
            raise HybridKdError.at(path, problem, fix=fix) from error
    return value


def copy_decompressed(path: Path, target: Path, *, fix: str) -> None:
    """Copy what a file (.gz and .xz decompressed) holds to ``target``, block by block.

    Raises: HybridKdError if it cannot be read or decompressed.
    """
    with open_reader(str(path)) as reader, target.open("wb") as output:
        try:
            while block := reader.take_some():
                output.write(block)
        except FormatError as error:
            raise HybridKdError.at(path, f"cannot be decompressed: {error}", fix=fix) from error


class _ForwardOnly:
    """A stream that cannot seek."""

    def seek(self, offset: int, /) -> int:
        raise FormatError(f"byte {offset} is asked for, but this can only be read forwards")


class _Decompressed(_ForwardOnly):
    """What a gzip file of any number of members, or an xz file, holds."""

    def __init__(self, file: IO[bytes], form: Literal["gzip", "xz"]) -> None:
        self._file = file
        self._form = form
        self._num_bytes = 0
        self._content = gzip.GzipFile(fileobj=file) if form == "gzip" else lzma.LZMAFile(file)  # noqa: SIM115

    def read(self, size: int, /) -> bytes:
        """The next bytes, those before a damaged place without an error.

        Raises: FormatError at a damaged place, and for a file that unpacks to far more than its own size.
        """
        try:
            content = self._content.read1(size)
        except EOFError:
            raise FormatError(f"the {self._form} data is truncated") from None
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            raise FormatError(f"the {self._form} data is damaged: {error}") from error
        self._num_bytes += len(content)
        if self._num_bytes > max(ANY_RATIO_BYTES, MAX_RATIO * self._file.tell()):
            raise FormatError(f"the {self._form} data unpacks to more than {MAX_RATIO} times its size")
        return content

    def close(self) -> None:
        """Close the file."""
        self._content.close()
        self._file.close()


class _StandardInput(_ForwardOnly):
    """Standard input, which stays open."""

    def read(self, size: int, /) -> bytes:
        """The next bytes."""
        return sys.stdin.buffer.read(size)

    def close(self) -> None:
        """Nothing: it is not ours."""


class _CommandOutput(_ForwardOnly):
    """What a shell command prints; its end is an error unless the command succeeded."""

    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(path.rstrip("|"), shell=True, stdout=subprocess.PIPE)

    def read(self, size: int, /) -> bytes:
        """The next bytes.

        Raises: FormatError at the end of a command that failed.
        """
        assert self._process.stdout is not None
        content = self._process.stdout.read(size)
        if not content and self._process.wait() != 0:
            raise FormatError(f"the command failed with status {self._process.returncode}")
        return content

    def close(self) -> None:
        """Stop listening, and wait for the command."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait()


class OpenFiles:
    """The last few files that were read from, so that an scp file opens each of its archives once."""

    def __init__(self, *, allow_pipes: bool) -> None:
        self._allow_pipes = allow_pipes
        self._readers: OrderedDict[str, ByteReader] = OrderedDict()

    def __enter__(self) -> "OpenFiles":
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers.values():
            reader.close()

    def at(self, path: str, offset: int | None, *, key: str | None) -> ByteReader:
        """A reader that stands at ``offset``, or at the beginning of the file, freshly opened.

        Raises: HybridKdError if the file cannot be opened; FormatError if it ends before ``offset``.
        """
        if offset is None and path in self._readers:
            self._readers.pop(path).close()
        if path not in self._readers:
            if len(self._readers) == MAX_OPEN_FILES:
                self._readers.popitem(last=False)[1].close()
            self._readers[path] = open_reader(path, allow_pipes=self._allow_pipes, key=key)
        self._readers.move_to_end(path)
        if offset is not None:
            self._readers[path].seek(offset)
        return self._readers[path]


@contextmanager
def open_output(path: str) -> Iterator[ByteSink]:
    """Open ``-`` (standard output), a device, or a file, which is there as a whole or not at all."""
    target = Path(os.path.realpath(path))
    file: BinaryIO
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif target.exists() and not target.is_file() and not target.is_dir():
        with target.open("wb") as file:
            yield file
    else:
        with replace_file(target) as replacement:
            if path.endswith(".gz"):
                with gzip.GzipFile("", "wb", 6, replacement, mtime=0) as compressed:
                    yield compressed
            else:
                yield replacement
