"""Lattices as arcs in an order in which their paths can be followed level by level, many lattices at once.

A lattice is a trellis in time: every path to a state has the same number of transition-ids, its frame.
Within a frame, epsilon arcs give a depth. States of one (frame, depth) are a level, of all lattices
together, so that one step of NumPy handles a level and no Python loop runs over arcs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from hybrid_kd.archives.lattices import Lattice


@dataclass(frozen=True)
class OrderedArcs:
    """Arcs of several lattices, sorted by level and state of their ends; states are numbered in that order.

    Final costs have become arcs to one last state for each lattice. The first ``num_starts`` states are the
    start states. Level g consists of the states ``state_bounds[g]`` to ``state_bounds[g + 1]`` and of all
    arcs that end there, ``arc_bounds[g]`` to ``arc_bounds[g + 1]``; the arcs to state s begin at
    ``first_arcs[s - num_starts]``.
    """

    num_starts: int
    sources: Int64[np.ndarray, " arcs"]
    ends: Int64[np.ndarray, " arcs"]
    lattices: Int64[np.ndarray, " arcs"]  # which lattice it is of
    frames: Int64[np.ndarray, " arcs"]  # of an arc with a transition_id; all 0 if not ``is_trellis``
    transition_ids: Int32[np.ndarray, " arcs"]  # 0 is epsilon
    words: Int32[np.ndarray, " arcs"]  # word-ids, 0 is epsilon
    graph_costs: Float64[np.ndarray, " arcs"]
    acoustic_costs: Float64[np.ndarray, " arcs"]  # unscaled
    first_arcs: Int64[np.ndarray, " reached_states"]
    arc_bounds: Int64[np.ndarray, " levels_and_1"]
    state_bounds: Int64[np.ndarray, " levels_and_1"]
    last_states: Int64[np.ndarray, " lattices"]  # -1 where no final state can be reached
    is_trellis: bool  # every path to a state has the same number of transition-ids


@dataclass(frozen=True)
class _Arcs:
    sources: Int64[np.ndarray, " arcs"]
    ends: Int64[np.ndarray, " arcs"]
    lattices: Int64[np.ndarray, " arcs"]
    transition_ids: Int32[np.ndarray, " arcs"]
    words: Int32[np.ndarray, " arcs"]
    graph_costs: Float64[np.ndarray, " arcs"]
    acoustic_costs: Float64[np.ndarray, " arcs"]

    @property
    def is_emitting(self) -> Bool[np.ndarray, " arcs"]:
        is_emitting: Bool[np.ndarray, " arcs"] = self.transition_ids != 0
        return is_emitting

    def __getitem__(self, which: np.ndarray) -> "_Arcs":
        return _Arcs(*(values[which] for values in vars(self).values()))


def order_arcs(lattices: Sequence[Lattice]) -> OrderedArcs:
    """Join lattices and put their arcs in order.

    Raises: ValueError if one is cyclic, or empty.
    """
    arcs, starts, lasts = _join(lattices)
    num_states = int(lasts[-1]) + 1
    reached, frames = _frames(arcs, starts, num_states)
    arcs = arcs[reached[arcs.sources]]
    consistent = np.array_equal(frames[arcs.ends] - frames[arcs.sources], arcs.is_emitting)
    if not consistent:  # not made by a decoder: every arc is a level of its own
        frames[:] = 0
    within = np.flatnonzero(~arcs.is_emitting) if consistent else np.arange(len(arcs.sources))
    depths = _depths(arcs.sources[within], arcs.ends[within], num_states)
    keys = frames * (depths.max() + 1) + depths
    lasts = np.where(reached[lasts], lasts, -1)
    return _sorted(arcs, frames, keys, starts, lasts, is_trellis=bool(consistent))


def _join(
    lattices: Sequence[Lattice],
) -> tuple[_Arcs, Int64[np.ndarray, " lattices"], Int64[np.ndarray, " lattices"]]:
    """All arcs with states numbered on, and each lattice's start and last (added) state."""
    parts, starts, lasts, offset = [], [], [], 0
    for number, lattice in enumerate(lattices):
        if lattice.start < 0 or not lattice.num_states:
            raise ValueError("an empty lattice")
        finals = np.flatnonzero(np.isfinite(lattice.final_graph_costs))
        last = offset + lattice.num_states
        sources = np.repeat(np.arange(lattice.num_states), np.diff(lattice.arc_offsets))
        no_label = np.zeros(len(finals), np.int32)
        parts.append(
            _Arcs(
                np.concatenate([sources, finals]) + offset,
                np.concatenate([lattice.next_states.astype(np.int64) + offset, np.full(len(finals), last)]),
                np.full(lattice.num_arcs + len(finals), number),
                np.concatenate([lattice.ilabels, no_label]),
                np.concatenate([lattice.olabels, no_label]),
                np.concatenate([lattice.graph_costs, lattice.final_graph_costs[finals]]).astype(np.float64),
                np.concatenate([lattice.acoustic_costs, lattice.final_acoustic_costs[finals]]).astype(
                    np.float64
                ),
            )
        )
        starts.append(offset + lattice.start)
        lasts.append(last)
        offset = last + 1
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return _Arcs(*map(np.concatenate, columns)), np.array(starts), np.array(lasts)


def _frames(
    arcs: _Arcs, starts: Int64[np.ndarray, " lattices"], num_states: int
) -> tuple[Bool[np.ndarray, " states"], Int64[np.ndarray, " states"]]:
    """Which states can be reached, and the number of transition-ids on one path to each.

    The paths are those of a breadth-first tree, whose lengths are summed by pointer doubling.
    """
    root = num_states
    sources = np.concatenate([arcs.sources, np.full(len(starts), root)])
    ends = np.concatenate([arcs.ends, starts])
    weights = np.ones(len(sources), np.int8)
    adjacency = csr_array((weights, (sources, ends)), shape=(root + 1, root + 1))
    _, parents = breadth_first_order(adjacency, root, directed=True, return_predecessors=True)
    parents = parents.astype(np.int64)
    reached = parents[:root] >= 0
    parents[parents < 0] = root
    frames = np.zeros(root + 1, np.int64)
    on_tree = parents[arcs.ends] == arcs.sources
    frames[arcs.ends[on_tree]] = arcs.is_emitting[on_tree]
    while (parents != root).any():
        frames += frames[parents]
        parents = parents[parents]
    return reached, frames[:root]


def _depths(
    sources: Int64[np.ndarray, " arcs"], ends: Int64[np.ndarray, " arcs"], num_states: int
) -> Int64[np.ndarray, " states"]:
    """The most arcs on a path of these arcs to each state."""
    depths = np.zeros(num_states, np.int64)
    while True:
        deeper = depths[sources] + 1 > depths[ends]
        if not deeper.any():
            return depths
        np.maximum.at(depths, ends[deeper], depths[sources[deeper]] + 1)
        if depths.max() > num_states:
            raise ValueError("a cyclic lattice")


def _sorted(
    arcs: _Arcs,
    frames: Int64[np.ndarray, " states"],
    keys: Int64[np.ndarray, " states"],
    starts: Int64[np.ndarray, " lattices"],
    lasts: Int64[np.ndarray, " lattices"],
    *,
    is_trellis: bool,
) -> OrderedArcs:
    """Number the states by level and sort the arcs by their ends' numbers."""
    has_arcs = np.zeros(len(keys), bool)
    has_arcs[arcs.ends] = True
    by_level = np.argsort(keys, kind="stable")
    states = np.concatenate([starts, by_level[has_arcs[by_level]]])
    number = np.full(len(keys), -1)
    number[states] = np.arange(len(states))
    if has_arcs[starts].any():
        raise ValueError("a cyclic lattice")
    arcs = arcs[np.argsort(number[arcs.ends], kind="stable")]
    ends = number[arcs.ends]
    first_arcs = np.flatnonzero(np.diff(ends, prepend=-1))
    level_keys = keys[states[len(starts) :]]
    level_starts = np.flatnonzero(np.diff(level_keys, prepend=-1))
    return OrderedArcs(
        num_starts=len(starts),
        sources=number[arcs.sources],
        ends=ends,
        lattices=arcs.lattices,
        frames=frames[arcs.sources],
        transition_ids=arcs.transition_ids,
        words=arcs.words,
        graph_costs=arcs.graph_costs,
        acoustic_costs=arcs.acoustic_costs,
        first_arcs=first_arcs,
        arc_bounds=np.append(first_arcs[level_starts], len(ends)),
        state_bounds=np.append(level_starts, len(first_arcs)) + len(starts),
        last_states=np.where(lasts < 0, -1, number[lasts]),
        is_trellis=is_trellis,
    )


def frames_of_arcs(lattice: Lattice) -> Int64[np.ndarray, " arcs"]:
    """The frame that each arc of a lattice begins in: for an arc with a transition_id, the one it consumes.

    Raises: ValueError if the lattice is empty, or its paths differ in their number of frames.
    """
    arcs, starts, lasts = _join([lattice])
    reached, frames = _frames(arcs, starts, int(lasts[-1]) + 1)
    is_used = reached[arcs.sources]
    if not np.array_equal((frames[arcs.ends] - frames[arcs.sources])[is_used], arcs.is_emitting[is_used]):
        raise ValueError("a lattice whose paths differ in their number of frames")
    arc_frames: Int64[np.ndarray, " arcs"] = frames[arcs.sources[: lattice.num_arcs]]
    return arc_frames
