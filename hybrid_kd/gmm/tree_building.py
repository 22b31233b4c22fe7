"""Phonetic decision trees: states of phones in context tied by likelihood.

Phones that share a root are one tree at first; it is grown by questions, then leaves of one root that are
alike are merged, and the leaves are numbered anew.
Source: Kaldi tree/build-tree.cc, BuildTree; tree/build-tree-utils.cc, GetStubMap; tree/context-dep.cc.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.archives.context_tree import (
    PDF_CLASS_KEY,
    ConstantEvent,
    ContextTree,
    EventMap,
    SplitEvent,
    TableEvent,
)
from hybrid_kd.archives.topology import Topology
from hybrid_kd.gmm.questions import Questions
from hybrid_kd.gmm.tree_clustering import merge_leaves
from hybrid_kd.gmm.tree_splitting import GrownTrees, grow_trees
from hybrid_kd.gmm.tree_statistics import TreeStatistics, map_events
from hybrid_kd.graph.lang_dir import PhoneRoot

logger = logging.getLogger(__name__)

ROUND_TO = 8
SMALLEST_GAIN = -1.0


@dataclass(frozen=True)
class TreeOptions:
    """Kaldi's options of build-tree and their defaults; gains and costs are log-likelihoods in nats."""

    thresh: float = 300.0  # a split must gain more
    cluster_thresh: float = SMALLEST_GAIN  # leaves of one root are merged if it costs at most this; 0: none
    round_num_leaves: bool = True  # merge on until their number is a multiple of 8


def monophone_tree(phone_sets: Iterable[Sequence[int]], topology: Topology) -> ContextTree:
    """A tree without context: one pdf for each pdf class of each set of phones (phones/sets.int).

    Raises: ValueError if a set has a phone that the topology lacks, or a phone is in two sets.
    """
    roots = [PhoneRoot(shared=False, split=False, phones=tuple(phones)) for phones in phone_sets]
    _check_roots(roots, topology)
    return ContextTree(1, 0, _stub(roots, 0, _num_pdf_classes(topology), count()))


def build_tree(
    statistics: TreeStatistics,
    questions: Questions,
    roots: Sequence[PhoneRoot],
    topology: Topology,
    *,
    max_leaves: int,
    options: TreeOptions = TreeOptions(),
) -> ContextTree:
    """Split the roots by the questions that gain most, up to ``max_leaves`` leaves; merge like leaves.

    A root is a line of a lang directory's roots.int. There are about a fifth fewer leaves after merging.

    Raises: ValueError for phones with several roots or none, a root whose phones the topology lacks, and one
    that is to be split but not shared.
    """
    _check_roots(roots, topology)
    central = statistics.central_position
    known = {phone for root in roots for phone in root.phones}
    if strangers := set(statistics.values(central).tolist()) - known:
        raise ValueError(f"phone {min(strangers)} occurs in the alignments, but has no root")
    stub = _stub(roots, central, _num_pdf_classes(topology), count())
    stub_tree = ContextTree(statistics.context_width, central, stub)
    stub_leaves = map_events(statistics, stub_tree)
    members = _members_to_split(statistics, roots, stub_leaves, stub_tree.num_pdfs)
    grown = grow_trees(statistics, members, questions, thresh=options.thresh, max_leaves=max_leaves)
    leaves = _merge(statistics, grown, stub_leaves, options)
    to_pdf = _replace_leaves(stub, dict(enumerate(grown.trees)))
    to_pdf = _replace_leaves(to_pdf, {leaf: ConstantEvent(new) for leaf, new in enumerate(leaves.tolist())})
    tree = ContextTree(statistics.context_width, central, to_pdf)
    gain = grown.total_gain / statistics.num_frames
    logger.info("splitting gains %.3f a frame over %.0f frames", gain, statistics.num_frames)
    logger.info("%d leaves after splitting, %d after merging", grown.num_leaves, tree.num_pdfs)
    return tree


def _check_roots(roots: Sequence[PhoneRoot], topology: Topology) -> None:
    phones = [phone for root in roots for phone in root.phones]
    if len(set(phones)) < len(phones):
        raise ValueError("a phone has several roots")
    if strangers := set(phones) - set(topology.phones):
        raise ValueError(f"phone {min(strangers)} has a root, but the topology lacks it")
    if any(root.split and not root.shared for root in roots):
        raise ValueError("a root that is not shared cannot be split")


def _num_pdf_classes(topology: Topology) -> Mapping[int, int]:
    return {
        phone: 1 + max(state.forward_pdf_class for state in states)
        for phone, states in topology.states_by_phone().items()
    }


def _stub(
    roots: Sequence[PhoneRoot], central: int, num_pdf_classes: Mapping[int, int], leaves: Iterator[int]
) -> EventMap:
    """The tree that only finds the root of the central phone (and the pdf class, where it is not shared)."""
    if len(roots) == 1:
        return _root_map(roots[0], num_pdf_classes, leaves)
    if all(len(root.phones) == 1 for root in roots):
        parts = {root.phones[0]: _root_map(root, num_pdf_classes, leaves) for root in roots}
        return TableEvent(central, tuple(parts.get(phone) for phone in range(max(parts) + 1)))
    half = len(roots) // 2
    first = _stub(roots[:half], central, num_pdf_classes, leaves)
    second = _stub(roots[half:], central, num_pdf_classes, leaves)
    phones = frozenset(phone for root in roots[:half] for phone in root.phones)
    return SplitEvent(central, phones, first, second)


def _root_map(root: PhoneRoot, num_pdf_classes: Mapping[int, int], leaves: Iterator[int]) -> EventMap:
    if root.shared:
        return ConstantEvent(next(leaves))
    most = max(num_pdf_classes[phone] for phone in root.phones)
    return TableEvent(PDF_CLASS_KEY, tuple(ConstantEvent(next(leaves)) for _ in range(most)))


def _members_to_split(
    statistics: TreeStatistics,
    roots: Sequence[PhoneRoot],
    stub_leaves: Int64[np.ndarray, " events"],
    num_stub_leaves: int,
) -> list[Int64[np.ndarray, " _"]]:
    """The events of each leaf to begin with; none where the root is not to be split."""
    unsplit = [phone for root in roots if not root.split for phone in root.phones]
    is_split = ~np.isin(statistics.values(statistics.central_position), unsplit)
    return [np.flatnonzero((stub_leaves == leaf) & is_split) for leaf in range(num_stub_leaves)]


def _merge(
    statistics: TreeStatistics,
    grown: GrownTrees,
    stub_leaves: Int64[np.ndarray, " events"],
    options: TreeOptions,
) -> Int64[np.ndarray, " leaves"]:
    """The new number of each leaf."""
    leaf_of_event = np.where(grown.leaf_of_event < 0, stub_leaves, grown.leaf_of_event)
    sums = np.zeros((grown.num_leaves, statistics.sums.shape[1]))
    np.add.at(sums, leaf_of_event, statistics.sums)
    groups = np.zeros(grown.num_leaves, np.int64)
    groups[leaf_of_event] = stub_leaves
    max_cost = grown.smallest_gain if options.cluster_thresh < 0 else options.cluster_thresh
    places = np.arange(grown.num_leaves)
    if max_cost > 0:
        places = _merge_seen(sums, groups, max_cost=max_cost)
    num_left = len(np.unique(places))
    if options.round_num_leaves and (surplus := num_left % ROUND_TO):
        merged = np.zeros_like(sums)
        np.add.at(merged, places, sums)
        num_seen = int((merged[:, 0] > 0).sum())
        if num_seen - surplus >= len(np.unique(stub_leaves)):
            places = _merge_seen(merged, groups, min_leaves=num_seen - surplus)[places]
    return np.unique(places, return_inverse=True)[1].astype(np.int64)


def _merge_seen(
    sums: Float64[np.ndarray, "leaves columns"],
    groups: Int64[np.ndarray, " leaves"],
    *,
    max_cost: float = np.inf,
    min_leaves: int = 0,
) -> Int64[np.ndarray, " leaves"]:
    """The leaf whose place each leaf takes; leaves without frames stay alone."""
    seen = np.flatnonzero(sums[:, 0])
    places = np.arange(len(sums))
    places[seen] = seen[merge_leaves(sums[seen], groups[seen], max_cost=max_cost, min_leaves=min_leaves)]
    return places


def _replace_leaves(tree: EventMap, replacements: Mapping[int, EventMap]) -> EventMap:
    match tree:
        case ConstantEvent(answer):
            return replacements[answer]
        case SplitEvent(key, yes_values, yes, no):
            yes, no = _replace_leaves(yes, replacements), _replace_leaves(no, replacements)
            return SplitEvent(key, yes_values, yes, no)
        case TableEvent(key, answers):
            parts = (part and _replace_leaves(part, replacements) for part in answers)
            return TableEvent(key, tuple(parts))
