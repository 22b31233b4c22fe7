"""Errors of one utterance against compute-wer's rule, and their file."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.tuning import POINTS
from hybrid_kd.scoring.utterance_scores import (
    ScoringTexts,
    count_errors,
    read_utterance_scores,
    score_lattices,
    score_utterance,
    utterance_scores_to_lines,
)

sequences = st.lists(st.sampled_from("ABC"), max_size=9)


def errors_by_kaldis_rule(reference: list[str], hypothesis: list[str]) -> tuple[int, int, int]:
    """util/edit-distance-inl.h: a substitution only if it is strictly best, then a deletion."""
    row = [(0, deletions, 0) for deletions in range(len(reference) + 1)]
    for word in hypothesis:
        new = [(row[0][0] + 1, 0, 0)]
        for index, wanted in enumerate(reference, start=1):
            diagonal, left, above = row[index - 1], new[index - 1], row[index]
            wrong = int(word != wanted)
            if sum(diagonal) + wrong < min(sum(above), sum(left)) + 1:
                new.append((diagonal[0], diagonal[1], diagonal[2] + wrong))
            elif sum(left) < sum(above):
                new.append((left[0], left[1] + 1, left[2]))
            else:
                new.append((above[0] + 1, above[1], above[2]))
        row = new
    return row[-1]


@given(reference=sequences, hypothesis=sequences)
def test_insertions_deletions_and_substitutions_are_divided_as_kaldi_does(
    reference: list[str], hypothesis: list[str]
) -> None:
    assert count_errors(reference, hypothesis) == errors_by_kaldis_rule(reference, hypothesis)


def test_equal_hypotheses_are_counted_once() -> None:
    scores = score_utterance("u1", ["A", "B"], [["A"], ["A", "B"], ["A"]])
    assert scores.hypotheses == ("A", "A B")
    assert scores.errors == ((0, 1, 0), (0, 0, 0))
    assert scores.hypothesis_at == (0, 1, 0)
    assert scores.errors_at_points().tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_noise_is_not_scored() -> None:
    scores = score_utterance("u1", ["<NOISE>", "A"], [["A", "<SPOKEN_NOISE>", "<UNK>"]])
    assert (scores.num_ref_words, scores.hypotheses, scores.errors) == (1, ("A",), ((0, 0, 0),))


def test_an_unknown_word_of_the_reference_counts() -> None:
    assert score_utterance("u1", ["<UNK>", "A"], [["A"]]).errors == ((0, 1, 0),)


def test_without_a_lattice_all_words_are_deleted() -> None:
    scores = score_utterance("u1", ["A", "B"], [None, None])
    assert (scores.has_lattice, scores.errors_at_points().tolist()) == (False, [[0, 2, 0]] * 2)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    scores = [score_utterance("u1", ["A", "B"], [["A"], ["É"]]), score_utterance("u2", [], [None, None])]
    (tmp_path / "per_utt.jsonl").write_text("".join(utterance_scores_to_lines(scores)))
    assert read_utterance_scores(tmp_path / "per_utt.jsonl") == scores


@pytest.mark.parametrize("content", ["{}\n", "nonsense\n", '{"utt_id": "u1", "reference"'])
def test_a_damaged_file_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "per_utt.jsonl").write_text(content)
    with pytest.raises(HybridKdError, match="not a file of `hybrid-kd score`"):
        read_utterance_scores(tmp_path / "per_utt.jsonl")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"hypothesis_at": [0, 2]}, "hypothesis_at of 'u1' is beyond the 2 hypotheses"),
        ({"hypothesis_at": [-1]}, "hypothesis_at of 'u1' is beyond the 2 hypotheses"),
        ({"hypothesis_at": [1.5]}, "key 'hypothesis_at' is 1.5"),
        ({"errors": [[0, 1, 0]]}, "errors of 'u1' are not those of 2 hypotheses"),
        ({"errors": [[0, 1], [0, 1, 1]]}, r"key 'errors' is \[0, 1\]"),
        ({"reference": 1.5}, "key 'reference' is 1.5"),
    ],
)
def test_numbers_that_mean_no_hypothesis_are_an_error(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    (line,) = utterance_scores_to_lines([score_utterance("u1", ["A", "B"], [["A"], ["É"]])])
    (tmp_path / "per_utt.jsonl").write_text(json.dumps(json.loads(line) | change) + "\n")
    with pytest.raises(HybridKdError, match=problem):
        read_utterance_scores(tmp_path / "per_utt.jsonl")


def test_an_unscored_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="not scored yet\n  fix: run `hybrid-kd score` on it first"):
        read_utterance_scores(tmp_path / "per_utt.jsonl")


def test_lattices_of_other_data_or_words_are_errors(shared: Path) -> None:
    lattices = shared / "kaldi-an4/golden/lat_compact.ark"
    with pytest.raises(
        HybridKdError, match=r"utterance 'fkdo_an131_BUS_SIMU': the data directory's text has no"
    ):
        next(score_lattices(lattices, ScoringTexts({}, {}), POINTS))
    text = {
        f"{name}_{noise}_SIMU": ["A"]
        for name in ("fkdo_an131", "mkdb_an316")
        for noise in ("BUS", "CAF", "PED", "STR")
    }
    with pytest.raises(HybridKdError, match=r"no word \d+ in words.txt"):
        next(score_lattices(lattices, ScoringTexts(text, {0: "<eps>"}), POINTS))
