"""Inputs that are not there: all of them are named at once, before any work starts."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hybrid_kd.errors import HybridKdError
from local.chime4.layout import Recording

NUM_EXAMPLES = 3


class MissingFiles:
    """Collects what is missing; ``raise_if_any`` tells it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._listings: dict[Path, frozenset[str]] = {}

    def need(self, option: str, root: Path, file: str, what: str) -> bool:
        """Ask for a file or directory below ``root``, which ``option`` gave; False if it is not there."""
        if (root / file).exists():
            return True
        self.lines.append(f"{option} {root}: no {file} ({what})")
        return False

    def need_recordings(self, option: str, root: Path, recordings: Iterable[Recording], what: str) -> None:
        """Ask for audio; each directory is listed once, and what it lacks is counted."""
        by_directory: dict[str, list[str]] = {}
        for recording in recordings:
            directory, name = os.path.split(recording.file)
            by_directory.setdefault(directory, []).append(name)
        for directory, names in sorted(by_directory.items()):
            missing = sorted(set(names) - self._listing(root / directory))
            if missing:
                self.lines.append(
                    f"{option} {root}: {directory} lacks {len(missing)} of {len(names)} recordings of {what}:"
                    f" {_examples(missing)}"
                )

    def lacks(self, option: str, root: Path, names: Sequence[str], what: str) -> None:
        """Tell of names that were looked for in vain."""
        if names:
            self.lines.append(f"{option} {root}: lacks {len(names)} {what}: {_examples(names)}")

    def raise_if_any(self, *, fix: str) -> None:
        """Raises: HybridKdError with a line for each."""
        if self.lines:
            problem = "\n  ".join([f"{len(self.lines)} inputs are not as they should be", *self.lines])
            raise HybridKdError.at("CHiME-4", problem, fix=fix)

    def _listing(self, directory: Path) -> frozenset[str]:
        if directory not in self._listings:
            try:
                self._listings[directory] = frozenset(path.name for path in directory.iterdir())
            except OSError:
                self._listings[directory] = frozenset()
        return self._listings[directory]


def _examples(names: Sequence[str]) -> str:
    return " ".join(names[:NUM_EXAMPLES]) + (" .." if len(names) > NUM_EXAMPLES else "")
