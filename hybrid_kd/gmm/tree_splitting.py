"""Decision trees grown from their roots: always the leaf and the question that gain the most likelihood.

Axes: events, columns as in tree_statistics; questions of one key; values of that key, from 0.
Source: Kaldi tree/build-tree-utils.cc, SplitDecisionTree and FindBestSplitForKey.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hybrid_kd.archives.context_tree import ConstantEvent, EventMap, SplitEvent
from hybrid_kd.gmm.questions import Questions
from hybrid_kd.gmm.tree_statistics import NOT_ASKED, TreeStatistics, gaussian_objective

RELATIVE_TOLERANCE = 1e-12  # gains that differ by less, as a share of the likelihood, are equal

AskedValues = Mapping[int, Bool[np.ndarray, "questions values"]]


@dataclass(frozen=True)
class BestSplit:
    """The question that gains most, and the gain in log-likelihood (0: none gains)."""

    gain: float
    key: int
    question: int


@dataclass
class _Node:
    events: Int64[np.ndarray, " members"]
    split: BestSplit
    leaf: int
    children: "tuple[_Node, _Node] | None" = None  # yes, no


@dataclass(frozen=True)
class GrownTrees:
    """One tree for each root; leaves are numbered together."""

    trees: tuple[EventMap, ...]
    leaf_of_event: Int64[np.ndarray, " events"]  # -1: in no root
    num_leaves: int
    smallest_gain: float  # of a split; 0 if there was none
    total_gain: float


def grow_trees(
    statistics: TreeStatistics,
    roots: Sequence[Int64[np.ndarray, " _"]],
    questions: Questions,
    *,
    thresh: float,
    max_leaves: int,
) -> GrownTrees:
    """Split as long as a split gains more than ``thresh`` and there are fewer than ``max_leaves`` leaves.

    ``roots`` are the events of each root, which is leaf 0, 1, ..; an empty one is never split. A split's
    "yes" side keeps the leaf's number. ``max_leaves`` 0 means no limit.
    """
    asked = _asked_values(statistics, questions)
    nodes = [_Node(events, best_split(statistics[events], asked), leaf) for leaf, events in enumerate(roots)]
    queue = [(-node.split.gain, -root, "", node) for root, node in enumerate(nodes)]
    heapq.heapify(queue)
    num_leaves, gains = len(nodes), [0.0]
    while -queue[0][0] > thresh and (max_leaves <= 0 or num_leaves < max_leaves):
        gain, root, path, node = heapq.heappop(queue)
        node.children = _split(statistics, node, asked, num_leaves)
        for step, child in zip("01", node.children, strict=True):
            heapq.heappush(queue, (-child.split.gain, root, path + step, child))
        num_leaves += 1
        gains.append(-gain)
    leaf_of_event = np.full(len(statistics.events), -1)
    trees = tuple(_event_map(node, questions, leaf_of_event) for node in nodes)
    return GrownTrees(trees, leaf_of_event, num_leaves, min(gains[1:], default=0.0), sum(gains))


def best_split(statistics: TreeStatistics, asked: AskedValues) -> BestSplit:
    """The question that gains most; of equal ones the first, and of keys the lowest.

    A key that is not recorded for all of the events is not asked for.
    """
    best = BestSplit(0.0, 0, 0)
    if len(statistics.events) < 2:
        return best
    total = statistics.sums.sum(axis=0)
    objective = float(gaussian_objective(total))
    tolerance = RELATIVE_TOLERANCE * abs(objective)
    for key, asked_values in sorted(asked.items()):
        values = statistics.values(key)
        if values.min() == NOT_ASKED:
            continue
        gains = _gains(values, statistics.sums, total, asked_values) - objective
        if len(gains) and gains.max() > best.gain + tolerance:
            question = int(np.flatnonzero(gains >= gains.max() - tolerance)[0])
            best = BestSplit(float(gains[question]), key, question)
    return best


def _gains(
    values: Int64[np.ndarray, " events"],
    sums: Float64[np.ndarray, "events columns"],
    total: Float64[np.ndarray, " columns"],
    asked_values: Bool[np.ndarray, "questions values"],
) -> Float64[np.ndarray, " questions"]:
    """The log-likelihood of both sides of each question; -inf where one side is empty."""
    order = np.argsort(values, kind="stable")
    present, starts = np.unique(values[order], return_index=True)
    by_value = np.add.reduceat(sums[order], starts, axis=0)
    sides = asked_values[:, present]
    yes = sides.astype(np.float64) @ by_value
    objectives = gaussian_objective(yes) + gaussian_objective(total - yes)
    divides = sides.any(axis=1) & ~sides.all(axis=1)
    return np.where(divides, objectives, -np.inf)


def _asked_values(statistics: TreeStatistics, questions: Questions) -> AskedValues:
    tables = {}
    for key, sets in questions.by_key.items():
        num_values = 1 + max(int(statistics.values(key).max(initial=0)), *map(max, sets), 0)
        tables[key] = np.zeros((len(sets), num_values), bool)
        for question, values in enumerate(sets):
            tables[key][question, list(values)] = True
    return tables


def _split(statistics: TreeStatistics, node: _Node, asked: AskedValues, new_leaf: int) -> tuple[_Node, _Node]:
    values = statistics.values(node.split.key)[node.events]
    is_yes = asked[node.split.key][node.split.question][values]
    yes, no = node.events[is_yes], node.events[~is_yes]
    return (
        _Node(yes, best_split(statistics[yes], asked), node.leaf),
        _Node(no, best_split(statistics[no], asked), new_leaf),
    )


def _event_map(node: _Node, questions: Questions, leaf_of_event: Int64[np.ndarray, " events"]) -> EventMap:
    """The node as a part of a tree; notes the leaf of each of its events."""
    if node.children is None:
        leaf_of_event[node.events] = node.leaf
        return ConstantEvent(node.leaf)
    yes, no = (_event_map(child, questions, leaf_of_event) for child in node.children)
    return SplitEvent(
        node.split.key, frozenset(questions.by_key[node.split.key][node.split.question]), yes, no
    )
