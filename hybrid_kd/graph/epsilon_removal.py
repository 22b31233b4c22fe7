"""Local epsilon removal: where an epsilon can be joined with its neighbour and the graph does not grow."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from hybrid_kd.graph.fst_arrays import FstArrays, sorted_by_source

GONE = -1  # the destination of a removed arc


@dataclass
class Arc:
    """One arc of a state."""

    ilabel: int
    olabel: int
    cost: float
    next_state: int


def remove_epsilons_locally(fst: FstArrays) -> FstArrays:
    """Join arcs s -> t -> u into s -> u where one of both has an epsilon on each side, and t has either this
    one arc in, or one arc out (finality counts as an arc out, being the start as an arc in).

    Where not all that leaves t moves to s, the cost of what stays is moved from t's arcs to s -> t so that
    the probabilities of either state sum to what they did. States keep their numbers; those that are no
    longer reached stay too (minimisation drops them).

    Source: Kaldi fstext/remove-eps-local-inl.h, RemoveEpsLocalSpecial.
    """
    return _LocalRemoval(fst).run()


def _candidates(fst: FstArrays) -> Bool[np.ndarray, " arcs"]:
    """Arcs that can have a part in a join now or later: without input label, or before one without."""
    leaves_epsilon = np.zeros(fst.num_states, bool)
    leaves_epsilon[fst.sources[fst.ilabels == 0]] = True
    return np.asarray((fst.ilabels == 0) | leaves_epsilon[fst.next_states])


class _LocalRemoval:
    """The graph while it changes: only states that a join can touch are held as lists of arcs."""

    def __init__(self, fst: FstArrays) -> None:
        self.fst = fst
        self.first_arc = np.concatenate([[0], np.cumsum(fst.num_arcs_of)])
        self.arcs: dict[int, list[Arc]] = {}
        self.final_costs: list[float] = fst.final_costs.astype(np.float64).tolist()
        num_in = np.bincount(fst.next_states, minlength=fst.num_states)
        num_in[fst.start] += 1
        self.num_in: list[int] = num_in.tolist()
        self.num_out: list[int] = (fst.num_arcs_of + np.isfinite(fst.final_costs)).tolist()

    def arcs_of(self, state: int) -> list[Arc]:
        """The arcs of a state, which may be changed."""
        if state not in self.arcs:
            part = slice(self.first_arc[state], self.first_arc[state + 1])
            columns = (self.fst.ilabels, self.fst.olabels, self.fst.costs, self.fst.next_states)
            self.arcs[state] = [Arc(*row) for row in zip(*(c[part].tolist() for c in columns), strict=True)]
        return self.arcs[state]

    def run(self) -> FstArrays:
        """Try each arc once, in the order of states; arcs that were added too."""
        for state in np.unique(self.fst.sources[_candidates(self.fst)]).tolist():
            arcs = self.arcs_of(state)
            position = 0
            while position < len(arcs):
                self._try(state, arcs[position])
                position += 1
        return self._result()

    def _try(self, state: int, arc: Arc) -> None:
        after = arc.next_state
        if after in (GONE, state):
            return
        if self.num_in[after] == 1 and self.num_out[after] > 1:
            self._join_with_all(state, arc)
        elif self.num_out[after] == 1:
            self._join_with_only(state, arc)

    def _join_with_all(self, state: int, arc: Arc) -> None:
        """The state after ``arc`` is entered by it alone, and left in several ways."""
        after = arc.next_state
        removed, kept = np.inf, np.inf
        joined = []
        for following in self.arcs_of(after):
            if following.next_state == GONE:
                continue
            if (both := _join(arc, following)) is None:
                kept = _plus(kept, following.cost)
                continue
            removed = _plus(removed, following.cost)
            self._remove(after, following)
            joined.append(both)
        if (final_cost := self.final_costs[after]) < np.inf:
            if arc.ilabel == arc.olabel == 0:
                removed = _plus(removed, final_cost)
                self._make_final(state, arc.cost + final_cost)
                self._make_final(after, np.inf)
            else:
                kept = _plus(kept, final_cost)
        if removed < np.inf:
            self._settle(state, arc, removed, kept)
        for both in joined:
            self._add(state, both)

    def _settle(self, state: int, arc: Arc, removed: float, kept: float) -> None:
        """``arc`` goes if nothing was kept after it; else it takes on the cost of what was."""
        if kept == np.inf:
            self._remove(state, arc)
            return
        moved = kept - _plus(removed, kept)
        arc.cost += moved
        for following in self.arcs_of(arc.next_state):
            following.cost -= moved
        self.final_costs[arc.next_state] -= moved

    def _join_with_only(self, state: int, arc: Arc) -> None:
        """The state after ``arc`` is left in one way, which goes too if ``arc`` alone leads there."""
        after = arc.next_state
        is_last = self.num_in[after] == 1
        if (final_cost := self.final_costs[after]) < np.inf:
            if arc.ilabel == arc.olabel == 0:
                self._make_final(state, arc.cost + final_cost)
                if is_last:
                    self._make_final(after, np.inf)
                self._remove(state, arc)
            return
        following = next(other for other in self.arcs_of(after) if other.next_state != GONE)
        if (both := _join(arc, following)) is not None:
            if is_last:
                self._remove(after, following)
            self._add(state, both)
            self._remove(state, arc)

    def _remove(self, state: int, arc: Arc) -> None:
        self.num_out[state] -= 1
        self.num_in[arc.next_state] -= 1
        arc.next_state = GONE

    def _add(self, state: int, arc: Arc) -> None:
        self.num_out[state] += 1
        self.num_in[arc.next_state] += 1
        self.arcs_of(state).append(arc)

    def _make_final(self, state: int, cost: float) -> None:
        """Give a final cost beside the one that is there (the smaller wins), or infinity to take it away."""
        was_final, is_final = self.final_costs[state] < np.inf, cost < np.inf
        self.final_costs[state] = min(self.final_costs[state], cost) if is_final else cost
        self.num_out[state] += int(is_final) - int(was_final)

    def _result(self) -> FstArrays:
        untouched = np.ones(self.fst.num_states, bool)
        untouched[list(self.arcs)] = False
        keep = untouched[self.fst.sources]
        rows = [
            (state, arc.ilabel, arc.olabel, arc.cost, arc.next_state)
            for state, arcs in self.arcs.items()
            for arc in arcs
            if arc.next_state != GONE
        ]
        sources, ilabels, olabels, costs, next_states = zip(*rows, strict=True) if rows else ((),) * 5
        result = FstArrays(
            self.fst.start,
            np.array(self.final_costs, np.float32),
            np.concatenate([self.fst.sources[keep], np.array(sources, np.int32)]),
            np.concatenate([self.fst.ilabels[keep], np.array(ilabels, np.int32)]),
            np.concatenate([self.fst.olabels[keep], np.array(olabels, np.int32)]),
            np.concatenate([self.fst.costs[keep], np.array(costs, np.float32)]),
            np.concatenate([self.fst.next_states[keep], np.array(next_states, np.int32)]),
        )
        return sorted_by_source(result)


def _plus(first: float, second: float) -> float:
    """The cost of either: -log(exp(-first) + exp(-second))."""
    least, most = min(first, second), max(first, second)
    return least if most == np.inf else least - math.log1p(math.exp(least - most))


def _join(first: Arc, second: Arc) -> Arc | None:
    """Both arcs as one; None if they have two input or two output labels."""
    if (first.ilabel and second.ilabel) or (first.olabel and second.olabel):
        return None
    ilabel, olabel = first.ilabel or second.ilabel, first.olabel or second.olabel
    return Arc(ilabel, olabel, first.cost + second.cost, second.next_state)
