"""Counts utterances that were done and left out, by reason; fails when too many were left out."""

import logging
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hybrid_kd.errors import HybridKdError

logger = logging.getLogger(__name__)

MAX_LEFT_OUT = 0.01  # default of the option --max-left-out, a share of the utterances
MAX_LEFT_OUT_RANGE = (0.0, 1.0)


class Tally:
    """A running count of utterances, for commands that leave out a bad one and go on.

    ``tally.left_out("u1", "no alignment")`` warns by key; ``tally.close(...)`` logs
    ``done 2641, left out 2 (1 no alignment, 1 frame mismatch)``.

    max_left_out: the share of utterances that may be left out, in commands with the option --max-left-out
    (the error then names it); None for the default.
    """

    def __init__(self, place: str | Path, *, max_left_out: float | None = None) -> None:
        self.place = place
        self.max_left_out = max_left_out
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

        Raises: HybridKdError if none is good, or if more were left out than may be.
        """
        total = self.num_done + self.num_left_out
        allowed = MAX_LEFT_OUT if self.max_left_out is None else self.max_left_out
        if self.num_done == 0 or self.num_left_out > allowed * total:
            problem = f"too many bad utterances: {self.summary()}"
            advice = fix if isinstance(fix, str) else self._fixes(fix)
            if self.num_done:
                problem += f"; at most {100 * allowed:g} % may be left out"
                advice += self._option_that_accepts(total)
            raise HybridKdError.at(self.place, problem, fix=advice)
        logger.info("%s: %s", self.place, self.summary())

    def _option_that_accepts(self, total: int) -> str:
        if self.max_left_out is None:
            return ""
        share = math.ceil(1000 * self.num_left_out / total) / 1000
        return f"; or do without them: --max-left-out {share:g}"

    def _fixes(self, fix_of: Mapping[str, str]) -> str:
        fixes = dict.fromkeys(fix_of[reason] for reason, _ in self.reasons.most_common())
        return "; ".join(fixes) or "give data with one utterance or more"
