"""Counts what was done and what was left out, by reason, and refuses to go on when that is too much."""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hybrid_kd.errors import HybridKdError

logger = logging.getLogger(__name__)

MAX_LEFT_OUT_SHARE = 0.01


class Tally:
    """A running count of utterances, for commands that leave out a bad one and go on.

    ``tally.left_out("u1", "no alignment")`` warns by key; ``tally.close(...)`` logs
    ``done 2641, left out 2 (1 no alignment, 1 frame mismatch)``.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = place
        self.num_done = 0
        self.reasons: Counter[str] = Counter()
        self.reason_of: dict[str, str] = {}  # by key of what was left out

    @property
    def num_left_out(self) -> int:
        return sum(self.reasons.values())

    def done(self, count: int = 1) -> None:
        """Count good utterances."""
        self.num_done += count

    def left_out(self, key: str, reason: str, detail: str = "") -> None:
        """Warn of one bad utterance and count it under ``reason`` (a few words, the same for its kind)."""
        logger.warning("%s: left out '%s': %s%s", self.place, key, reason, f" ({detail})" if detail else "")
        self.reasons[reason] += 1
        self.reason_of[key] = reason

    def summary(self) -> str:
        """``done N, left out M (n reason, ...)``."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())
        return f"done {self.num_done}, left out {self.num_left_out}" + (f" ({reasons})" if reasons else "")

    def close(self, *, fix: str | Mapping[str, str]) -> None:
        """Log the summary. ``fix`` may be one for each reason: then the most frequent reason's comes first.

        Raises: HybridKdError if none is good, or if more than 1 % were left out.
        """
        total = self.num_done + self.num_left_out
        if self.num_done == 0 or self.num_left_out > MAX_LEFT_OUT_SHARE * total:
            problem = f"too many bad utterances: {self.summary()}"
            raise HybridKdError.at(self.place, problem, fix=fix if isinstance(fix, str) else self._fixes(fix))
        logger.info("%s: %s", self.place, self.summary())

    def _fixes(self, fix_of: Mapping[str, str]) -> str:
        fixes = dict.fromkeys(fix_of[reason] for reason, _ in self.reasons.most_common())
        return "; ".join(fixes) or "give data with one utterance or more"
