"""One sweep at a time in a directory: a lock that its commands hold too, should the sweep be killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid_kd.errors import HybridKdError

LOCK = ".sweep.lock"


@contextmanager
def locked(directory: Path) -> Iterator[int]:
    """Hold the directory's lock; its file descriptor is for `pass_fds` of all that works in the directory.

    Raises: HybridKdError if another sweep, or a command that one began, holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            process = os.read(descriptor, 100).decode().strip()
            problem = f"process {process} sweeps here, or a command that it began has not ended yet"
            raise HybridKdError.at(directory, problem, fix="wait for it, or stop it") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
