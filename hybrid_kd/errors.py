"""The one exception that a user meets: it says where, what, and how to mend it."""

from pathlib import Path


class HybridKdError(Exception):
    """The user's mistake, told as place, problem and fix; the command line prints it and exits with 1.

    It holds one string, so that it survives pickling between processes.
    """

    @classmethod
    def at(cls, place: str | Path, problem: str, *, fix: str, key: str | None = None) -> "HybridKdError":
        """Build ``place, utterance 'key': problem`` and, on a line of its own, ``fix: ...``.

        ``place`` is a file, directory or option; ``key`` an utterance, speaker or other table key in it.
        """
        where = f"{place}" if key is None else f"{place}, utterance '{key}'"
        return cls(f"{where}: {problem}\n  fix: {fix}")
