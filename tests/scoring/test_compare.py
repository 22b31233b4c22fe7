"""The paired bootstrap."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.compare import ScoredPair, paired_bootstrap
from hybrid_kd.scoring.utterance_scores import SetScores, score_utterance

pytestmark = pytest.mark.numerical


def test_two_equal_systems_do_not_differ() -> None:
    comparison = paired_bootstrap(np.array([[3, 3], [1, 1]]), np.array([9, 9]), num_replicates=1500, seed=0)
    assert (comparison.difference, comparison.low, comparison.high, comparison.p_value) == (0, 0, 0, 1)


def test_a_system_that_is_better_everywhere_is_significantly_better() -> None:
    errors = np.array([[3, 2]] * 20)
    comparison = paired_bootstrap(errors, np.full(20, 10), num_replicates=1000, seed=0)
    assert (comparison.wer_a, comparison.wer_b) == (30.0, 20.0)
    assert comparison.low == comparison.high == pytest.approx(-10.0)
    assert comparison.relative == pytest.approx(-100 / 3)
    assert comparison.p_value == pytest.approx(2 / 1001)


def test_the_interval_is_that_of_the_normal_approximation() -> None:
    generator = np.random.default_rng(0)
    errors = generator.poisson(3, size=(400, 2))
    comparison = paired_bootstrap(errors, np.full(400, 10), num_replicates=4000, seed=1)
    standard_error = 10 * np.diff(errors).std() / np.sqrt(400)  # in % of 10 words
    assert comparison.high - comparison.low == pytest.approx(2 * 1.96 * standard_error, rel=0.08)
    assert comparison.low < comparison.difference < comparison.high


def test_the_same_seed_gives_the_same_numbers() -> None:
    errors = np.random.default_rng(0).poisson(3, size=(50, 2))
    words = np.full(50, 10)
    first, again, other = (
        paired_bootstrap(errors, words, num_replicates=2500, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_what_differs_between_speakers_alone_is_no_uncertainty() -> None:
    errors, words = np.array([[1, 3]] * 5 + [[4, 4]] * 5), np.full(10, 10)
    within = paired_bootstrap(errors, words, num_replicates=500, seed=0, speakers=["a"] * 5 + ["b"] * 5)
    assert (within.low, within.high, within.difference) == pytest.approx((10.0, 10.0, 10.0))
    across = paired_bootstrap(errors, words, num_replicates=500, seed=0)
    assert across.high - across.low > 5


def test_swapping_the_systems_turns_the_sign() -> None:
    errors = np.random.default_rng(0).poisson(3, size=(50, 2))
    words = np.random.default_rng(1).integers(5, 15, size=50)
    there = paired_bootstrap(errors, words, num_replicates=1000, seed=0)
    back = paired_bootstrap(errors[:, ::-1], words, num_replicates=1000, seed=0)
    assert (back.difference, back.low, back.high) == pytest.approx(
        (-there.difference, -there.high, -there.low)
    )
    assert back.p_value == there.p_value


def test_all_environments_of_a_clean_utterance_are_one_group() -> None:
    ids = ["s_u1_BUS_SIMU", "s_u1_STR_SIMU", "s_u2_BUS_SIMU", "plain"]
    points = ScoringPoint(9, 0.0), ScoringPoint(10, 0.0)
    scores_a = [score_utterance(utt_id, ["A", "B"], [["A"]]) for utt_id in ids]
    scores_b = [score_utterance(utt_id, ["A", "B"], [["A", "B"], ["C", "C"]]) for utt_id in ids]
    both = SetScores(points[:1], scores_a), SetScores(points, scores_b)
    pair = ScoredPair((Path("a"), Path("b")), both, points)
    errors, words = pair.group_by_clean_utterance()
    assert words.tolist() == [2, 4, 2]
    assert errors.tolist() == [[1, 2], [2, 4], [1, 2]]
