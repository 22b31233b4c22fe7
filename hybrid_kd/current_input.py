"""Which input a process works on, in memory that its parent can still read when a signal has killed it."""

import mmap

MAX_BYTES = 1000

_memory: mmap.mmap | None = None  # of this process; None where nobody would read it


class InputNote:
    """Made before a fork: the child writes, the parent reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MAX_BYTES)

    def use(self) -> None:
        """From now on ``note_input`` of this process writes here."""
        global _memory  # noqa: PLW0603 (one process works on one input at a time, however deep it is called)
        _memory = self._memory

    def __str__(self) -> str:
        """A phrase for an error: where the process was when it ended."""
        text = self._memory[:].rstrip(b"\0").decode("utf-8", "ignore")
        return f" while it worked on {text}" if text else ""


def note_input(key: str, *, place: str = "") -> None:
    """Remember that this process works on ``key`` (an utterance, speaker or other table key) of ``place``."""
    if _memory is not None:
        text = f"{place}, utterance '{key}'" if place else f"utterance '{key}'"
        _memory[:] = text.encode()[-MAX_BYTES:].ljust(MAX_BYTES, b"\0")
