"""Trees grow by the question that gains most, as a search over all questions finds it."""

import numpy as np
import pytest

from hybrid_kd.archives.context_tree import ContextTree, SplitEvent
from hybrid_kd.gmm.questions import Questions
from hybrid_kd.gmm.tree_splitting import GrownTrees, grow_trees
from hybrid_kd.gmm.tree_statistics import NOT_ASKED, TreeStatistics, gaussian_objective

pytestmark = pytest.mark.numerical

PHONES = (1, 2, 3, 4)
QUESTIONS = Questions(
    {
        -1: ((0,), (0, 1)),
        **dict.fromkeys([0, 1, 2], ((1,), (1, 2), (2,), (2, 3), (3,), (4,))),
    }
)


def random_statistics(seed: int, num_events: int = 60) -> TreeStatistics:
    generator = np.random.default_rng(seed)
    phones = generator.integers(0, 5, (num_events, 3))
    phones[:, 1] = generator.integers(1, 5, num_events)
    events = np.column_stack([generator.integers(0, 3, num_events), phones])
    events = np.unique(events, axis=0)
    shifts = events @ np.array([[3.0, 0], [0, 1], [2, 1], [0.5, 0]])
    sums = []
    for shift in shifts:
        frames = generator.normal(shift, 1, (generator.integers(3, 20), 2))
        sums.append(np.concatenate([[len(frames)], frames.sum(axis=0), (frames**2).sum(axis=0)]))
    return TreeStatistics(3, 1, events, np.stack(sums))


def grow(
    statistics: TreeStatistics, *, thresh: float = 0.0, max_leaves: int = 0, roots: int = 1
) -> GrownTrees:
    phone = statistics.values(1)
    members = [np.flatnonzero(phone % roots == root) for root in range(roots)]
    return grow_trees(statistics, members, QUESTIONS, thresh=thresh, max_leaves=max_leaves)


def best_gain(statistics: TreeStatistics, members: np.ndarray) -> float:
    """Of all questions, tried one at a time."""
    together = float(gaussian_objective(statistics.sums[members].sum(axis=0)))
    gains = [0.0]
    for key, sets in QUESTIONS.by_key.items():
        for values in sets:
            is_yes = np.isin(statistics.values(key)[members], values)
            parts = [statistics.sums[members[side]].sum(axis=0) for side in (is_yes, ~is_yes)]
            gains.append(float(gaussian_objective(np.stack(parts)).sum()) - together)
    return max(gains)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("roots", [1, 3])
def test_each_split_is_the_best_there_is(seed: int, roots: int) -> None:
    statistics = random_statistics(seed)
    grown = grow(statistics, max_leaves=roots, roots=roots)
    for num_leaves in range(roots, roots + 8):
        leaves = grown.leaf_of_event
        gains = [best_gain(statistics, np.flatnonzero(leaves == leaf)) for leaf in range(num_leaves)]
        before = grown.total_gain
        grown = grow(statistics, max_leaves=num_leaves + 1, roots=roots)
        assert grown.num_leaves == num_leaves + 1
        assert grown.total_gain - before == pytest.approx(max(gains))
        assert grown.smallest_gain <= max(gains) * (1 + 1e-9)


def test_the_trees_lead_each_event_to_its_leaf() -> None:
    statistics = random_statistics(7)
    grown = grow(statistics, max_leaves=12)
    tree = ContextTree(3, 1, grown.trees[0])
    found = [tree.pdf_id(window, pdf_class) for pdf_class, *window in statistics.events.tolist()]
    assert found == grown.leaf_of_event.tolist()
    assert sorted(set(found)) == list(range(12))


def test_the_gain_is_what_the_likelihood_gains() -> None:
    statistics = random_statistics(3)
    grown = grow(statistics, max_leaves=6)
    parts = np.zeros((6, 5))
    np.add.at(parts, grown.leaf_of_event, statistics.sums)
    gained = gaussian_objective(parts).sum() - gaussian_objective(statistics.sums.sum(axis=0))
    assert grown.total_gain == pytest.approx(float(gained))


def test_splits_that_gain_too_little_are_not_made() -> None:
    statistics = random_statistics(5)
    thresh = 0.5 * best_gain(statistics, np.arange(len(statistics.events)))
    grown = grow(statistics, thresh=thresh)
    assert 1 < grown.num_leaves < 10
    assert grown.smallest_gain > thresh
    assert grow(statistics, thresh=1e9).num_leaves == 1


def test_of_equal_questions_the_first_is_asked() -> None:
    events = np.array([[0, 1, 1, 1], [0, 1, 2, 2]])
    sums = np.array([[10.0, 0, 10], [10, 100, 1010]])
    grown = grow_trees(
        TreeStatistics(3, 1, events, sums), [np.arange(2)], QUESTIONS, thresh=0.0, max_leaves=2
    )
    tree = grown.trees[0]
    assert isinstance(tree, SplitEvent)
    assert (tree.key, tree.yes_values) == (1, frozenset([1]))


def test_a_context_that_is_not_recorded_is_not_asked_for() -> None:
    statistics = random_statistics(2)
    events = statistics.events.copy()
    events[0, 1] = events[0, 3] = NOT_ASKED
    grown = grow(TreeStatistics(3, 1, events, statistics.sums), max_leaves=2)
    tree = grown.trees[0]
    assert isinstance(tree, SplitEvent)
    assert tree.key in (-1, 1)


def test_an_empty_root_stays_a_leaf() -> None:
    statistics = random_statistics(1)
    members = [np.zeros(0, np.int64), np.arange(len(statistics.events))]
    grown = grow_trees(statistics, members, QUESTIONS, thresh=0.0, max_leaves=4)
    assert grown.num_leaves == 4
    assert 0 not in grown.leaf_of_event
