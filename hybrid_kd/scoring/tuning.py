"""Which LM weights and word insertion penalties are searched for the least WER, and where the least lies."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint

logger = logging.getLogger(__name__)

_PENALTY = re.compile(r"-?\d+(\.\d)?")


@dataclass(frozen=True)
class PointRange:
    """All pairs of an LM weight of min to max (whole numbers) and one of the word insertion penalties."""

    min_lm_weight: int = 4
    max_lm_weight: int = 17
    word_ins_penalties: tuple[float, ...] = (0.0, 0.5, 1.0)

    def points(self) -> tuple[ScoringPoint, ...]:
        """In Kaldi's order."""
        weights = range(self.min_lm_weight, self.max_lm_weight + 1)
        return in_kaldis_order(
            ScoringPoint(weight, penalty) for penalty in self.word_ins_penalties for weight in weights
        )

    def warn_at_edge(self, point: ScoringPoint, place: object) -> None:
        """Log it if a weight or penalty beyond the range might be better; a penalty below 0 is not meant."""
        edge = "%s: the best %s, %s, is at the edge of what was tried; %s"
        weight, penalty = point.lm_weight, point.word_ins_penalty
        if weight == self.max_lm_weight:
            logger.warning(edge, place, "LM weight", weight, "raise --max-lm-weight")
        elif weight == self.min_lm_weight > 1:
            logger.warning(edge, place, "LM weight", weight, "lower --min-lm-weight")
        if penalty == max(self.word_ins_penalties) > 0:
            logger.warning(edge, place, "word insertion penalty", penalty, "add a larger one to --penalties")


def in_kaldis_order(points: Iterable[ScoringPoint]) -> tuple[ScoringPoint, ...]:
    """Penalties outside, LM weights inside; of equally good points the first is chosen.

    Source: Kaldi steps/scoring/score_kaldi_wer.sh.
    """
    return tuple(sorted(set(points), key=lambda point: (point.word_ins_penalty, point.lm_weight)))


def parse_range(min_lm_weight: int, max_lm_weight: int, penalties: str) -> PointRange:
    """Check the options; ``penalties`` are divided by commas.

    Raises: HybridKdError that names the option.
    """
    if not 1 <= min_lm_weight <= max_lm_weight:
        raise HybridKdError.at(
            "--min-lm-weight, --max-lm-weight",
            f"no whole numbers from {min_lm_weight} to {max_lm_weight} that are 1 or more",
            fix="give, for example, 4 and 17",
        )
    texts = penalties.split(",")
    for text in texts:
        if not _PENALTY.fullmatch(text):
            raise HybridKdError.at(
                "--penalties",
                f"'{text}' is no number of at most one decimal",
                fix="give, for example, 0,0.5,1",
            )
    return PointRange(min_lm_weight, max_lm_weight, tuple(sorted({float(text) for text in texts})))


def parse_points(names: Sequence[str]) -> tuple[ScoringPoint, ...]:
    """Points that are counted beside those that are searched.

    Raises: HybridKdError if a name is not LMWT_WIP.
    """
    points = []
    for name in names:
        weight, separator, penalty = name.partition("_")
        if not weight.isdigit() or int(weight) < 1 or not separator or not _PENALTY.fullmatch(penalty):
            fix = "give LMWT_WIP, for example 1_0.0; the LM weight is a whole number from 1"
            raise HybridKdError.at("--also-at", f"'{name}' is no scoring point", fix=fix)
        points.append(ScoringPoint(int(weight), float(penalty)))
    return tuple(points)


def range_to_json(searched: PointRange) -> dict[str, Any]:
    """Plain values for score.json."""
    return asdict(searched)


def range_from_json(content: dict[str, Any] | None) -> PointRange:
    """Read what range_to_json gave; None, as files of earlier versions have, is the default range.

    Raises: KeyError or TypeError if it is something else.
    """
    if content is None:
        return PointRange()
    penalties = tuple(content["word_ins_penalties"])
    return PointRange(content["min_lm_weight"], content["max_lm_weight"], penalties)


POINTS = PointRange().points()
