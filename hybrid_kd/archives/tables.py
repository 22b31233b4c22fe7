"""One iterator over every kind of Kaldi table, and one writer: ``key value`` entries of archives and scripts.

A value's parser gets a `ByteReader` that stands at the value and raises `FormatError`; this adds the place.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.specifiers import Location, parse_location, parse_rspecifier, parse_wspecifier
from hybrid_kd.archives.streams import DAMAGED, OpenFiles, open_output, open_reader
from hybrid_kd.current_input import note_input
from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import decode_text, odd_space, refuse_odd_space, split_id, split_words

logger = logging.getLogger(__name__)

Value = TypeVar("Value")
ReadValue = Callable[[ByteReader], Value]
TakeRange = Callable[[Value, Location], Value]


def read_table(
    rspecifier: str,
    read_value: ReadValue[Value],
    *,
    take_range: TakeRange[Value] | None = None,
    allow_pipes: bool = False,
) -> Iterator[tuple[str, Value]]:
    """Read every entry of a table in its order.

    Raises: HybridKdError that names file and key for what cannot be parsed to its end.
    """
    specifier = parse_rspecifier(rspecifier)
    if specifier.kind == "ark":
        return read_archive(specifier.path, read_value, allow_pipes=allow_pipes)
    return read_objects(
        read_script(specifier.path, allow_pipes=allow_pipes),
        read_value,
        take_range=take_range,
        permissive=specifier.permissive,
        allow_pipes=allow_pipes,
    )


def read_archive(
    path: str, read_value: ReadValue[Value], *, allow_pipes: bool = False
) -> Iterator[tuple[str, Value]]:
    """Read the ``key value`` entries of one archive (a file, ``-`` or a command).

    Raises: HybridKdError.
    """
    last = "the beginning"
    with open_reader(path, allow_pipes=allow_pipes) as reader:
        while True:
            key = None
            try:
                reader.skip_space()
                if reader.at_end():
                    return
                key = _take_key(reader)
                note_input(key, place=path)
                value = read_value(reader)
            except FormatError as error:
                where = f"near byte {reader.position}" + (
                    "" if key else f", where a key should follow {last}"
                )
                raise HybridKdError.at(path, f"{error} ({where})", fix=DAMAGED, key=key) from error
            yield key, value
            last = f"utterance '{key}'"


def _take_key(reader: ByteReader) -> str:
    """A key and one space; the newline of an empty text value is left to the value."""
    key = reader.take_word()
    following = reader.peek(1)
    if following not in (b" ", b"\t", b"\n"):
        raise FormatError(f"truncated or damaged after the key {key[:40]!r}")
    if following != b"\n":
        reader.take(1)
    return key


def read_script(path: str, *, allow_pipes: bool = False) -> Iterator[tuple[str, str]]:
    """Read the ``key location`` lines of an scp file.

    Raises: HybridKdError.
    """
    with open_reader(path, allow_pipes=allow_pipes) as reader:
        try:
            text = decode_text(path, reader.take_rest(), fix=DAMAGED)
        except FormatError as error:
            raise HybridKdError.at(path, f"not a script file: {error}", fix=DAMAGED) from error
    for number, line in enumerate(text.split("\n"), start=1):
        key, location = split_id(line)
        refuse_odd_space(path, key, number=number, fix="use keys without white space")
        if location:
            yield key, location
        elif key:
            problem = f"line {number} has only '{key[:80]}'"
            raise HybridKdError.at(path, problem, fix="write `key path:offset`")


def read_objects(
    entries: Iterable[tuple[str, str]],
    read_value: ReadValue[Value],
    *,
    take_range: TakeRange[Value] | None = None,
    permissive: bool = False,
    allow_pipes: bool = False,
) -> Iterator[tuple[str, Value]]:
    """Read the object at each ``key location``; files stay open from one entry to the next.

    ``permissive`` leaves out, with a warning, entries whose file is not there; damage is still an error.

    Raises: HybridKdError.
    """
    with OpenFiles(allow_pipes=allow_pipes) as files:
        for key, text in entries:
            location = parse_location(text, key=key)
            if permissive and not text.endswith("|") and not Path(location.path).exists():
                logger.warning("left out '%s': no such file %s", key, location.path)
                continue
            note_input(key, place=location.path)
            yield key, _read_object(files, location, read_value, take_range, key=key)


def read_object(
    text: str, read_value: ReadValue[Value], *, take_range: TakeRange[Value] | None = None
) -> Value:
    """Read the one object at ``path``, ``path:offset`` or ``path:offset[range]``.

    Raises: HybridKdError.
    """
    with OpenFiles(allow_pipes=False) as files:
        return _read_object(files, parse_location(text), read_value, take_range, key=None)


def _read_object(
    files: OpenFiles,
    location: Location,
    read_value: ReadValue[Value],
    take_range: TakeRange[Value] | None,
    *,
    key: str | None,
) -> Value:
    position = location.offset or 0
    try:
        reader = files.at(location.path, location.offset, key=key)
        value = read_value(reader)
        position = reader.position
        if location.offset is None:
            _expect_end(reader)
        if location.rows is None and location.columns is None:
            return value
        if take_range is None:
            raise FormatError("a range is only for matrices")
        return take_range(value, location)
    except FormatError as error:
        problem = f"{error} (in the object at byte {position})"
        raise HybridKdError.at(location.path, problem, fix=DAMAGED, key=key) from error


def _expect_end(reader: ByteReader) -> None:
    """A file that is one object holds nothing else."""
    reader.skip_space()
    if not reader.at_end():
        raise FormatError("something follows where the file should end")


@contextmanager
def open_table_writer(
    wspecifier: str, to_bytes: Callable[[Value, bool], bytes]
) -> Iterator[Callable[[str, Value], None]]:
    """Give ``write(key, value)``; ``to_bytes(value, binary)`` is the value as it stands after ``key SP``.

    Files appear only when the block ends without an error.
    """
    specifier = parse_wspecifier(wspecifier)
    with ExitStack() as stack:
        script = None if specifier.script is None else stack.enter_context(open_output(specifier.script))
        archive = stack.enter_context(open_output(specifier.archive))
        position = 0

        def write(key: str, value: Value) -> None:
            nonlocal position
            prefix = _key_to_bytes(specifier.archive, key)
            content = to_bytes(value, specifier.binary)
            archive.write(prefix + content)
            if script is not None:
                script.write(prefix + f"{specifier.archive}:{position + len(prefix)}\n".encode())
            position += len(prefix) + len(content)

        yield write


@contextmanager
def open_archive_writer(
    path: str, to_bytes: Callable[[Value], bytes]
) -> Iterator[Callable[[str, Value], None]]:
    """Give ``write(key, value)`` for a table that has only one form, such as lattices."""
    with open_output(path) as archive:

        def write(key: str, value: Value) -> None:
            archive.write(_key_to_bytes(path, key) + to_bytes(value))

        yield write


def _key_to_bytes(place: str, key: str) -> bytes:
    if split_words(key) != [key] or odd_space(key):
        raise HybridKdError.at(place, f"{key!r} cannot be a key", fix="use keys without white space")
    return key.encode() + b" "
