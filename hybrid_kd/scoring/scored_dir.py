"""What ``hybrid-kd score`` left in a decode directory."""

from collections.abc import Sequence
from pathlib import Path

from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.utterance_scores import SetScores, read_utterance_scores
from hybrid_kd.scoring.word_errors import ErrorTable, error_table

PER_UTT, INPUTS, SCORE = "scoring/per_utt.jsonl", "scoring/inputs.json", "score.json"
AGAIN = "delete its directory scoring and score again"


def read_set_scores(decode_dir: Path) -> SetScores:
    """All that was counted, at all points that it was counted at.

    Raises: HybridKdError if it is not scored, or if its files do not belong together.
    """
    utterances = read_utterance_scores(decode_dir / PER_UTT)
    points = read_points(decode_dir)
    for utterance in utterances:
        if len(utterance.hypothesis_at) != len(points):
            problem = f"{len(utterance.hypothesis_at)} scoring points, {INPUTS} names {len(points)}"
            raise HybridKdError.at(decode_dir / PER_UTT, problem, fix=AGAIN, key=utterance.utt_id)
    return SetScores(points, utterances)


def read_error_table(decode_dir: Path, points: Sequence[ScoringPoint]) -> ErrorTable:
    """All that was counted, ``points`` among it.

    Raises: HybridKdError as read_set_scores, or if one of ``points`` is not counted.
    """
    table = error_table(read_set_scores(decode_dir))
    for point in points:
        if point not in table.points:
            fix = "score it again, with the range that the other sets were scored with"
            raise HybridKdError.at(decode_dir, f"not scored at {point.name}", fix=fix)
    return table


def read_points(decode_dir: Path) -> tuple[ScoringPoint, ...]:
    """The points that a directory was scored at.

    Raises: HybridKdError if scoring/inputs.json is missing or damaged.
    """
    try:
        names = read_json(decode_dir / INPUTS)["points"]
        return tuple(ScoringPoint.from_name(str(name)) for name in names)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HybridKdError.at(decode_dir / INPUTS, f"no scoring points: {error}", fix=AGAIN) from error


def read_chosen_point(decode_dir: Path) -> ScoringPoint:
    """The point that score.json stands at.

    Raises: HybridKdError if it tells none, or one that the directory is no longer scored at.
    """
    score = read_json(decode_dir / SCORE)
    weight, penalty = score.get("lm_weight"), score.get("word_ins_penalty")
    if not isinstance(weight, int) or not isinstance(penalty, float):
        raise HybridKdError.at(decode_dir / SCORE, "no LM weight and insertion penalty", fix="score again")
    point = ScoringPoint(weight, penalty)
    if point not in read_points(decode_dir):
        raise HybridKdError.at(decode_dir, f"no longer scored at {point.name}", fix="score again")
    return point
