"""One command at a time in an output directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hybrid_kd.errors import HybridKdError


@contextmanager
def only_command_in(directory: Path) -> Iterator[None]:
    """Hold the lock of an output directory.

    A missing directory is made, and removed again if nothing was written into it. The lock is on the
    directory, so that no lock file is left behind. The processes that a command forks hold it too, until the
    last one has ended. A file system that cannot lock (some NFS mounts) is used without.

    Raises: HybridKdError if another command works there.
    """
    is_new = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            fix = "wait for it, stop it, or give another --out"
            raise HybridKdError.at(directory, "another command is writing it", fix=fix) from error
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
        if is_new:
            with suppress(OSError):  # it is no longer empty
                directory.rmdir()
