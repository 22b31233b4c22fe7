"""Posteriors of transition_ids in each frame, from the paths of lattices.

Forward and backward log-likelihoods (natural log) are summed level by level over many lattices at once.
Axes: arcs, states as in decoding.lattice_order.
Source: Kaldi lat/lattice-functions.cc, LatticeForwardBackward; latbin/lattice-to-post.cc.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.archives.lattices import Lattice
from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.decoding.lattice_order import OrderedArcs, order_arcs

MAX_ARCS = 400_000  # of lattices that are handled together


def lattice_posteriors(
    lattices: Iterable[tuple[str, Lattice]], *, acoustic_scale: float
) -> Iterator[tuple[str, Posteriors | None]]:
    """Give (utt_id, Posteriors of transition_ids) for each (utt_id, lattice).

    A path weighs exp(-(graph cost + acoustic_scale * acoustic cost)); a frame's posteriors sum to 1, its
    transition_ids ascend. None for a lattice in which no final state can be reached.

    Raises: ValueError for a lattice that is empty, cyclic, or whose paths differ in their number of frames.
    """
    utt_ids: list[str] = []
    waiting: list[Lattice] = []
    for utt_id, lattice in lattices:
        utt_ids.append(utt_id)
        waiting.append(lattice)
        if sum(lattice.num_arcs for lattice in waiting) >= MAX_ARCS:
            yield from zip(utt_ids, _posteriors(waiting, acoustic_scale), strict=True)
            utt_ids, waiting = [], []
    if waiting:
        yield from zip(utt_ids, _posteriors(waiting, acoustic_scale), strict=True)


def _posteriors(lattices: Sequence[Lattice], acoustic_scale: float) -> list[Posteriors | None]:
    arcs = order_arcs(lattices)
    if not arcs.is_trellis:
        raise ValueError("a lattice whose paths differ in their number of frames")
    loglikes = -(arcs.graph_costs + acoustic_scale * arcs.acoustic_costs)
    forward = _forward(arcs, loglikes)
    backward = _backward(arcs, loglikes)
    totals = np.where(arcs.last_states < 0, -np.inf, forward[arcs.last_states])
    is_used = (arcs.transition_ids != 0) & np.isfinite(totals)[arcs.lattices]
    used = np.flatnonzero(is_used)
    logs = forward[arcs.sources[used]] + loglikes[used] + backward[arcs.ends[used]]
    values = np.exp(logs - totals[arcs.lattices[used]])
    return _collect(arcs, used, values)


def _forward(arcs: OrderedArcs, loglikes: Float64[np.ndarray, " arcs"]) -> Float64[np.ndarray, " states"]:
    """The log-likelihood of all paths from the start to each state."""
    scores = np.full(int(arcs.state_bounds[-1]), -np.inf)
    scores[: arcs.num_starts] = 0
    first_states = arcs.state_bounds - arcs.num_starts
    for level in range(len(arcs.arc_bounds) - 1):
        chosen = slice(*arcs.arc_bounds[level : level + 2])
        starts = arcs.first_arcs[slice(*first_states[level : level + 2])] - chosen.start
        values = scores[arcs.sources[chosen]] + loglikes[chosen]
        scores[slice(*arcs.state_bounds[level : level + 2])] = _log_add(values, starts)
    return scores


def _backward(arcs: OrderedArcs, loglikes: Float64[np.ndarray, " arcs"]) -> Float64[np.ndarray, " states"]:
    """The log-likelihood of all paths from each state to the end of its lattice."""
    scores = np.full(int(arcs.state_bounds[-1]), -np.inf)
    scores[arcs.last_states[arcs.last_states >= 0]] = 0
    order = np.argsort(arcs.sources, kind="stable")
    sources, ends, sorted_loglikes = arcs.sources[order], arcs.ends[order], loglikes[order]
    first_arcs = np.flatnonzero(np.diff(sources, prepend=-1))
    states = sources[first_arcs]  # those with arcs, in the order of levels
    level_bounds = np.searchsorted(states, np.append(0, arcs.state_bounds))
    arc_bounds = np.append(first_arcs, len(sources))[level_bounds]
    for level in reversed(range(len(level_bounds) - 1)):
        chosen = slice(*arc_bounds[level : level + 2])
        if chosen.start < chosen.stop:
            which = slice(*level_bounds[level : level + 2])
            values = scores[ends[chosen]] + sorted_loglikes[chosen]
            scores[states[which]] = _log_add(values, first_arcs[which] - chosen.start)
    return scores


def _log_add(
    values: Float64[np.ndarray, " arcs"], starts: Int64[np.ndarray, " groups"]
) -> Float64[np.ndarray, " groups"]:
    """log sum exp of each group; -inf where all are."""
    peaks = np.maximum.reduceat(values, starts)
    peaks[np.isneginf(peaks)] = 0
    sums = np.add.reduceat(np.exp(values - np.repeat(peaks, np.diff(starts, append=len(values)))), starts)
    with np.errstate(divide="ignore"):
        return np.log(sums) + peaks


def _collect(
    arcs: OrderedArcs, used: Int64[np.ndarray, " used"], values: Float64[np.ndarray, " used"]
) -> list[Posteriors | None]:
    """Add the values of equal transition_ids in a frame, by lattice."""
    keys = [arcs.transition_ids[used].astype(np.int64), arcs.frames[used], arcs.lattices[used]]
    order = np.lexsort(keys)
    ids, frames, lattices = (key[order] for key in keys)
    is_new = np.diff(ids, prepend=-1) != 0
    is_new |= (np.diff(frames, prepend=-1) != 0) | (np.diff(lattices, prepend=-1) != 0)
    starts = np.flatnonzero(is_new)
    sums = np.add.reduceat(values[order], starts) if len(starts) else np.zeros(0)
    ids, frames, lattices = ids[starts].astype(np.int32), frames[starts], lattices[starts]
    posteriors: list[Posteriors | None] = []
    for lattice, last_state in enumerate(arcs.last_states.tolist()):
        entries = slice(*np.searchsorted(lattices, [lattice, lattice + 1]))
        own_frames = frames[entries]
        num_frames = int(own_frames[-1]) + 1 if len(own_frames) else 0
        offsets = np.searchsorted(own_frames, np.arange(num_frames + 1))
        part = Posteriors(offsets, ids[entries], sums[entries].astype(np.float32))
        posteriors.append(part if last_state >= 0 else None)
    return posteriors
