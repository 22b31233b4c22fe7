"""Best paths through lattices for all LM weights and word insertion penalties at once.

Axis letters: points = pairs of LM weight and penalty (42 by default); arcs, states as in lattice_order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32, Int64

from hybrid_kd.archives.lattices import Lattice
from hybrid_kd.decoding.lattice_order import OrderedArcs, order_arcs


@dataclass(frozen=True)
class ScoringPoint:
    """One weighting of a lattice's costs: graph + acoustic / lm_weight + word_ins_penalty * words."""

    lm_weight: int
    word_ins_penalty: float

    @property
    def name(self) -> str:
        """As in Kaldi's file names: 11_0.5."""
        return f"{self.lm_weight}_{self.word_ins_penalty:.1f}"

    @classmethod
    def from_name(cls, name: str) -> "ScoringPoint":
        """Raises: ValueError for a string of another form."""
        lm_weight, word_ins_penalty = name.split("_")
        return cls(int(lm_weight), float(word_ins_penalty))


@dataclass(frozen=True)
class BestPath:
    """Word-ids of a path, and its costs without scale and penalty."""

    word_ids: tuple[int, ...]
    graph_cost: float
    acoustic_cost: float


def best_paths(lattices: Sequence[Lattice], points: Sequence[ScoringPoint]) -> list[list[BestPath | None]]:
    """For each lattice and point the path with the least graph + acoustic / lm_weight + penalty * words.

    This is lattice-scale --inv-acoustic-scale=LMWT, lattice-add-penalty and lattice-best-path in one, in
    float64; of paths with equal costs any may be taken. None where no final state can be reached.

    Raises: ValueError if a lattice is cyclic or empty.
    Source: Kaldi latbin/lattice-scale.cc, lattice-add-penalty.cc, lattice-best-path.cc.
    """
    arcs = order_arcs(lattices)
    features = np.stack([arcs.graph_costs, arcs.acoustic_costs, (arcs.words != 0).astype(np.float64)], axis=1)
    weights = np.array([[1.0, 1 / point.lm_weight, point.word_ins_penalty] for point in points]).T
    best_arcs = _find_best_arcs(arcs, features, weights)
    return [[_collect(arcs, path) for path in paths] for paths in _trace_back(arcs, best_arcs, len(points))]


def _find_best_arcs(
    arcs: OrderedArcs, features: Float64[np.ndarray, "arcs 3"], weights: Float64[np.ndarray, "3 points"]
) -> Int32[np.ndarray, "states points"]:
    """The arc by which the best path comes to each state; -1 at the start states."""
    num_points, num_states = weights.shape[1], int(arcs.state_bounds[-1])
    costs = np.zeros((num_states, num_points))
    best_arcs = np.full((num_states, num_points), -1, np.int32)
    arc_ids = np.arange(len(arcs.ends), dtype=np.int32)[:, None]
    no_arc = np.int32(len(arcs.ends))
    bounds = zip(arcs.arc_bounds, arcs.arc_bounds[1:], arcs.state_bounds, arcs.state_bounds[1:], strict=False)
    for arc, arc_end, state, state_end in bounds:
        through = costs[arcs.sources[arc:arc_end]]
        through += features[arc:arc_end] @ weights
        firsts = arcs.first_arcs[state - arcs.num_starts : state_end - arcs.num_starts] - arc
        costs[state:state_end] = np.minimum.reduceat(through, firsts)
        is_best = through == costs[arcs.ends[arc:arc_end]]
        best_arcs[state:state_end] = np.minimum.reduceat(
            np.where(is_best, arc_ids[arc:arc_end], no_arc), firsts
        )
    return best_arcs


def _trace_back(
    arcs: OrderedArcs, best_arcs: Int32[np.ndarray, "states points"], num_points: int
) -> list[list[Int64[np.ndarray, " path"] | None]]:
    """The arcs of each lattice's best paths, from the start to the end."""
    reached = np.flatnonzero(arcs.last_states >= 0).tolist()
    columns = np.tile(np.arange(num_points), len(reached))
    states = np.repeat(arcs.last_states[reached], num_points)
    steps = []
    while True:
        step = best_arcs[states, columns]
        if (step < 0).all():
            break
        steps.append(step)
        states = np.where(step < 0, states, arcs.sources[step])
    table = np.array(steps, np.int64).reshape(len(steps), len(columns))[::-1].T
    paths = {lattice: table[row * num_points :][:num_points] for row, lattice in enumerate(reached)}
    return [
        [path[path >= 0] for path in paths[lattice]] if lattice in paths else [None] * num_points
        for lattice in range(len(arcs.last_states))
    ]


def _collect(arcs: OrderedArcs, path: Int64[np.ndarray, " path"] | None) -> BestPath | None:
    if path is None:
        return None
    words = arcs.words[path]
    return BestPath(
        tuple(words[words != 0].tolist()),
        float(arcs.graph_costs[path].sum()),
        float(arcs.acoustic_costs[path].sum()),
    )
