"""Files and directories that are either whole or not there: written aside, then renamed.

``NAME`` is written as ``.NAME.PID.partial``. A killed process leaves that behind, and the next process that
writes the same NAME deletes it. A partial file counts as left behind if no process of this host has its PID
and nobody holds its lock (flock). The lock protects files of other containers, whose PIDs mean nothing here,
and of other hosts on a shared file system. Where a file system cannot lock, nothing is deleted.
"""

import fcntl
import functools
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_PARTIAL = re.compile(r"\.(?P<name>.+)\.(?P<pid>[0-9]{1,9})\.partial", re.DOTALL)


@contextmanager
def replace_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path``; on success it takes that name, on any error it is removed.

    Raises: OSError when the disk is full or the directory cannot be written; ``path`` is then as before.
    """
    partial = _partial(path)
    try:
        with partial.open(mode) as file:
            _lock(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
    except OSError as error:
        _name(path, error)
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replace_directory(path: Path) -> Iterator[Path]:
    """Give a temporary directory that takes the place of ``path`` on success, and is removed on any error."""
    partial = _partial(path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor)
        yield partial
        if path.exists():
            shutil.rmtree(path)
        partial.replace(path)
    except OSError as error:
        _name(path, error)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(descriptor)


def _partial(path: Path) -> Path:
    """Where ``path`` is written by this process; what killed processes left of it is deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{os.getpid()}.partial")
    for other in _partials_in(path.parent.resolve()).pop(path.name, []):
        if other.name != own.name and _is_left_behind(other):
            _delete(other)
    return own


@functools.lru_cache(maxsize=1000)
def _partials_in(directory: Path) -> dict[str, list[Path]]:
    """All partial files of a directory by the NAME that they were to get, as they were at its first use.

    One listing is enough: a process that is killed later leaves its file to the next process. Listing at each
    write would take quadratic time where a command writes 100,000 files into one directory.
    """
    partials: dict[str, list[Path]] = defaultdict(list)
    with suppress(OSError):  # a directory may be writable and not readable
        for entry in os.scandir(directory):
            if match := _PARTIAL.fullmatch(entry.name):
                partials[match["name"]].append(directory / entry.name)
    return partials


def _is_left_behind(partial: Path) -> bool:
    match = _PARTIAL.fullmatch(partial.name)
    assert match is not None
    if _is_alive(int(match["pid"])):
        return False
    try:
        descriptor = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _delete(partial: Path) -> None:
    with suppress(OSError):
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink()


def _is_alive(pid: int) -> bool:
    """Whether this host has such a process; one that belongs to another user counts too."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _lock(descriptor: int) -> bool:
    """Try to lock an open file or directory until it is closed; false if another process has, or none can."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _name(path: Path, error: OSError) -> None:
    """A failed write (a full disk) does not say of which file: say it."""
    if error.filename is None:
        error.filename = str(path)
