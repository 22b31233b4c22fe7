"""Reading what scoring left."""

import json
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.scored_dir import read_chosen_point, read_error_table, read_set_scores
from hybrid_kd.scoring.utterance_scores import score_utterance, utterance_scores_to_lines

AT_9, AT_10 = ScoringPoint(9, 0.0), ScoringPoint(10, 0.0)


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    scores = [score_utterance("u1", ["A", "B"], [["A"], ["A", "B"]])]
    (tmp_path / "scoring").mkdir()
    (tmp_path / "scoring/per_utt.jsonl").write_text("".join(utterance_scores_to_lines(scores)))
    (tmp_path / "scoring/inputs.json").write_text(json.dumps({"points": [AT_9.name, AT_10.name]}))
    (tmp_path / "score.json").write_text(json.dumps({"lm_weight": 9, "word_ins_penalty": 0.0}))
    return tmp_path


def test_errors_stand_at_the_points_that_were_scored(scored: Path) -> None:
    table = read_error_table(scored, [AT_10])
    assert [table.total(point).errors for point in (AT_9, AT_10)] == [1, 0]
    assert read_chosen_point(scored) == AT_9


def test_a_point_that_was_not_scored_is_an_error(scored: Path) -> None:
    with pytest.raises(HybridKdError, match=r"not scored at 11_0\.5\n  fix: score it again, with the range"):
        read_error_table(scored, [AT_9, ScoringPoint(11, 0.5)])


def test_files_that_do_not_belong_together_are_an_error(scored: Path) -> None:
    (scored / "scoring/inputs.json").write_text(json.dumps({"points": [AT_9.name]}))
    with pytest.raises(HybridKdError, match=r"per_utt\.jsonl, utterance 'u1': 2 scoring points, .* names 1"):
        read_set_scores(scored)


@pytest.mark.parametrize("content", ["{}", '{"points": 3}', '{"points": ["9"]}', '{"points": [9]}'])
def test_damaged_points_are_an_error(scored: Path, content: str) -> None:
    (scored / "scoring/inputs.json").write_text(content)
    with pytest.raises(
        HybridKdError, match=r"inputs\.json: no scoring points: .*\n  fix: delete its directory"
    ):
        read_set_scores(scored)


def test_a_chosen_point_that_is_gone_is_an_error(scored: Path) -> None:
    (scored / "score.json").write_text(json.dumps({"lm_weight": 3, "word_ins_penalty": 0.0}))
    with pytest.raises(HybridKdError, match=r"no longer scored at 3_0\.0\n  fix: score again"):
        read_chosen_point(scored)
