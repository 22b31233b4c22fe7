"""Files and directories that are either whole or not there: written aside, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replace_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path``; on success it takes that name, on any error it is removed.

    Raises: OSError when the disk is full or the directory cannot be written; ``path`` is then as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open(mode) as file:
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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            shutil.rmtree(path)
        partial.replace(path)
    except OSError as error:
        _name(path, error)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _name(path: Path, error: OSError) -> None:
    """A failed write (a full disk) does not say of which file: say it."""
    if error.filename is None:
        error.filename = str(path)
