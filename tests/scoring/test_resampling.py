"""What a bootstrap sample of speech is."""

import numpy as np
import pytest

from hybrid_kd.scoring.resampling import draw_within_speakers, group_by_clean_utterance, two_sided_p
from hybrid_kd.scoring.utterances import speaker

pytestmark = pytest.mark.numerical


def test_the_environments_of_a_sentence_are_one_group_of_its_speaker() -> None:
    groups = group_by_clean_utterance(["b_2_BUS_SIMU", "a_1_STR_SIMU", "a_1_BUS_SIMU", "a_2_BUS_SIMU"])
    assert (groups.names, groups.speakers) == (["a_1", "a_2", "b_2"], ["a", "a", "b"])
    assert groups.sum(np.array([1, 2, 3, 4])).tolist() == [5, 4, 1]


@pytest.mark.parametrize(
    ("utt_id", "expected"),
    [("F05_442C020A_BUS_REAL", "F05"), ("1272-128104-0000", "1272"), ("plain", "plain")],
)
def test_the_speaker_stands_first_in_an_id(utt_id: str, expected: str) -> None:
    assert speaker(utt_id) == expected


def test_every_sample_has_as_many_sentences_of_each_speaker_as_there_are() -> None:
    speakers = ["a"] * 3 + ["b"] * 5 + ["c"]
    times = draw_within_speakers(speakers, num_replicates=200, generator=np.random.default_rng(0))
    assert (times[:, :3].sum(axis=1) == 3).all()
    assert (times[:, 3:8].sum(axis=1) == 5).all()
    assert (times[:, 8] == 1).all()
    assert times[:, :3].std(axis=0).min() > 0


def test_where_no_speaker_has_two_sentences_all_are_drawn_from_together() -> None:
    times = draw_within_speakers(["a", "b", "c"], num_replicates=200, generator=np.random.default_rng(0))
    assert (times.sum(axis=1) == 3).all()
    assert times.max() > 1


def test_p_is_that_of_the_exact_distribution() -> None:
    """Differences 1 and -3 of two sentences: drawn twice they give 2, -2, -6 with 1/4, 1/2, 1/4."""
    times = draw_within_speakers(["a", "a"], num_replicates=40_000, generator=np.random.default_rng(0))
    sums = times @ np.array([1.0, -3.0])
    values, counts = np.unique(sums, return_counts=True)
    assert values.tolist() == [-6, -2, 2]
    assert counts / len(sums) == pytest.approx([0.25, 0.5, 0.25], abs=0.01)
    assert two_sided_p(sums) == pytest.approx(2 * 0.25, abs=0.01)
