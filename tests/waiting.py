"""Waiting for what another process or thread does, however busy the machine is."""

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 60.0


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Ask again and again; fail after a minute, naming what did not happen."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not after {PATIENCE_S:g} s: {what}"
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or only waits to be reaped (Z)."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
