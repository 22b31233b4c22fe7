"""Statistics of phones in context against sums made one frame at a time."""

from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import norm

from hybrid_kd.archives.context_tree import ConstantEvent, ContextTree, SplitEvent
from hybrid_kd.gmm.phone_segments import make_phone_table, split_to_phones
from hybrid_kd.gmm.tree_statistics import (
    NOT_ASKED,
    TreeStatistics,
    accumulate_tree_statistics,
    gaussian_objective,
    join_tree_statistics,
    map_events,
    sum_by_pdf,
)
from tests.gmm.tiny_model import SILENCE, align, tiny_model

pytestmark = pytest.mark.numerical

MODEL = tiny_model()
TRANSCRIPTS = [[1, 2, 3, 1], [2, 2, 3], [1, 3, 2, 3, 1], [3]]
Utterance = tuple[np.ndarray, np.ndarray]


def make_utterances(seed: int = 1) -> list[Utterance]:
    generator = np.random.default_rng(seed)
    alignments = [align(MODEL, phones, [1, 2, 3]) for phones in TRANSCRIPTS]
    return [(generator.normal(size=(len(ali), 3)).astype(np.float32), ali) for ali in alignments]


def accumulate(utterances: list[Utterance]) -> TreeStatistics:
    return accumulate_tree_statistics(utterances, MODEL, context_independent_phones=[SILENCE, 99])


def slow_sums(utterances: list[Utterance]) -> dict[tuple[int, ...], np.ndarray]:
    table = make_phone_table(MODEL)
    sums: dict[tuple[int, ...], np.ndarray] = defaultdict(lambda: np.zeros(7))
    for frames, ali in utterances:
        segments = split_to_phones(ali, table)
        phones = [0, *segments.phones.tolist(), 0]
        for number, (start, end) in enumerate(zip(segments.bounds[:-1], segments.bounds[1:], strict=True)):
            left, phone, right = phones[number : number + 3]
            window = (NOT_ASKED, phone, NOT_ASKED) if phone == SILENCE else (left, phone, right)
            for time in range(start, end):
                frame = frames[time].astype(np.float64)
                row = np.concatenate([[1.0], frame, frame**2])
                sums[(int(table.pdf_classes[ali[time]]), *window)] += row
    return sums


def test_each_event_has_the_sums_of_its_frames() -> None:
    utterances = make_utterances()
    statistics, expected = accumulate(utterances), slow_sums(utterances)
    assert [tuple(event) for event in statistics.events.tolist()] == sorted(expected)
    for event, sums in zip(statistics.events.tolist(), statistics.sums, strict=True):
        np.testing.assert_allclose(sums, expected[tuple(event)], rtol=1e-12, err_msg=str(event))
    assert statistics.num_frames == sum(len(frames) for frames, _ in utterances)


def test_parts_join_to_the_whole() -> None:
    utterances = make_utterances()
    whole = accumulate(utterances)
    joined = join_tree_statistics([accumulate(utterances[:2]), accumulate(utterances[2:])])
    np.testing.assert_array_equal(joined.events, whole.events)
    np.testing.assert_allclose(joined.sums, whole.sums, rtol=1e-12)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = accumulate(make_utterances())
    monkeypatch.setattr("hybrid_kd.gmm.tree_statistics.CHUNK_FRAMES", 1)
    np.testing.assert_allclose(accumulate(make_utterances()).sums, whole.sums, rtol=1e-12)


def test_monophone_statistics_have_no_context() -> None:
    statistics = accumulate_tree_statistics(
        make_utterances(), MODEL, context_independent_phones=[], context_width=1, central_position=0
    )
    assert len(statistics.events) == MODEL.num_pdfs
    assert statistics.values(0).tolist() == [1, 2, 3, 1, 2, 3, 2, 3]


def test_an_alignment_of_another_length_is_refused() -> None:
    frames, ali = make_utterances()[0]
    with pytest.raises(ValueError, match="the features have"):
        accumulate([(frames[:-1], ali)])


def test_the_objective_is_the_likelihood_of_the_best_gaussian() -> None:
    frames = np.random.default_rng(2).normal(3, 2, (50, 4))
    sums = np.concatenate([[50], frames.sum(axis=0), (frames**2).sum(axis=0)])
    loglike = norm.logpdf(frames, frames.mean(axis=0), frames.std(axis=0)).sum()
    assert gaussian_objective(sums) == pytest.approx(loglike + 0.5 * 50 * 4)


def test_the_objective_floors_variances_and_takes_empty_groups() -> None:
    same = np.array([4.0, 8.0, 16.0])  # four frames of 2
    objectives = gaussian_objective(np.stack([same, np.zeros(3)]))
    np.testing.assert_allclose(objectives, [-2 * (np.log(0.01) + np.log(2 * np.pi)), 0])


def test_sums_by_pdf_follow_the_tree() -> None:
    statistics = accumulate(make_utterances())
    after_two = SplitEvent(0, frozenset([2]), ConstantEvent(3), ConstantEvent(1))
    tree = ContextTree(3, 1, SplitEvent(1, frozenset([1]), ConstantEvent(0), after_two))
    pdf_ids = map_events(statistics, tree)
    assert set(pdf_ids.tolist()) == {0, 1, 3}
    sums = sum_by_pdf(statistics, tree)
    assert (sums[2] == 0).all()
    chosen = (statistics.values(1) != 1) & (statistics.values(0) == 2)
    np.testing.assert_allclose(sums[3], statistics.sums[chosen].sum(axis=0))
