"""Sums of errors against Kaldi's wer files, and the choice of a point."""

import re
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.tuning import POINTS
from hybrid_kd.scoring.word_errors import ErrorTable, WordErrors, best_point, pool

pytestmark = pytest.mark.numerical


def table_of_totals(errors: list[int], num_words: int) -> ErrorTable:
    """One utterance with so many substitutions at each point."""
    counts = np.zeros((1, len(errors), 3), np.int64)
    counts[0, :, 2] = errors
    return ErrorTable(("u1",), counts, np.array([num_words]), np.array([False]), POINTS[: len(errors)])


def test_lines_are_kaldis() -> None:
    errors = WordErrors(5423, 66, 72, 316, num_sentences=333, sentence_errors=200)
    assert errors.kaldi_line() == "%WER 8.37 [ 454 / 5423, 66 ins, 72 del, 316 sub ]"
    assert errors.kaldi_lines().splitlines()[1:] == [
        "%SER 60.06 [ 200 / 333 ]",
        "Scored 333 sentences, 0 not present in hyp.",
    ]
    assert WordErrors(4, 0, 4, 0, 1, 1, num_absent=1).kaldi_line().endswith("0 sub ] [PARTIAL]")


def test_points_are_named_as_kaldis_files(shared: Path) -> None:
    names = {f"wer_{point.name}" for point in POINTS}
    assert len(names) == 42
    found = {path.name for path in (shared / "kaldi-an4/exp/tri3b/decode_dt05_simu").glob("wer_*")}
    assert found <= names


@pytest.mark.parametrize(
    ("decode_dir", "best"),
    [
        ("dt05_simu", ScoringPoint(11, 1.0)),
        ("et05_simu", ScoringPoint(9, 0.5)),
    ],  # et: 9_0.5 and 9_1.0 are equal
)
def test_the_best_point_is_kaldis(shared: Path, decode_dir: str, best: ScoringPoint) -> None:
    directory = shared / f"kaldi-an4/exp/nnet1_student_ce/decode_{decode_dir}"
    errors, num_words = [], 0
    for point in POINTS:
        path = directory / f"wer_{point.name}"
        match = re.search(r"\[ (\d+) / (\d+),", path.read_text()) if path.exists() else None
        errors.append(int(match[1]) if match else 10_000)
        num_words = int(match[2]) if match else num_words
    assert best_point(table_of_totals(errors, num_words), POINTS) == best


def test_of_equal_points_the_least_penalty_then_the_least_weight_is_chosen() -> None:
    errors = [9] * len(POINTS)
    for point in (ScoringPoint(12, 0.5), ScoringPoint(13, 0.5), ScoringPoint(4, 1.0)):
        errors[POINTS.index(point)] = 8
    assert best_point(table_of_totals(errors, 100), POINTS) == ScoringPoint(12, 0.5)


def test_rates_that_print_alike_are_equal() -> None:
    errors = [30001] * len(POINTS)
    errors[5] = 30000  # of 1,000,000 words: 3.00 % both
    assert best_point(table_of_totals(errors, 1_000_000), POINTS) == POINTS[0]


def test_only_the_given_points_are_searched() -> None:
    errors = list(range(len(POINTS), 0, -1))
    assert best_point(table_of_totals(errors, 100), POINTS[3:7]) == POINTS[6]


def test_sets_are_pooled_at_the_points_that_all_have() -> None:
    fewer, more = table_of_totals([1, 2], 10), table_of_totals([3, 4, 5], 20)
    table = pool([more, fewer])
    assert (table.utt_ids, table.points) == (("u1", "u1"), POINTS[:2])
    assert [table.total(point).errors for point in table.points] == [4, 6]
    assert table.total(POINTS[0]).num_words == 30


def test_sums_are_over_the_chosen_utterances() -> None:
    counts = np.array([[[1, 0, 0]], [[0, 2, 3]], [[0, 0, 0]]])
    absent = np.array([False, True, False])
    table = ErrorTable(("u1", "u2", "u3"), counts, np.array([10, 20, 30]), absent, POINTS[:1])
    total = table.total(POINTS[0])
    assert total == WordErrors(60, 1, 2, 3, 3, 2, 1)
    assert table.total(POINTS[0], np.array([True, False, True])) == WordErrors(40, 1, 0, 0, 2, 1, 0)
    assert total.wer == pytest.approx(10.0)
