"""Posteriors of lattices against sums over all their paths."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.lattices import Lattice, read_lattices
from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.gmm.lattice_posteriors import lattice_posteriors
from tests.gmm.test_frame_posteriors import lists

pytestmark = pytest.mark.numerical

Arc = tuple[int, int, int, float, float]  # source, end, transition_id, graph cost, acoustic cost
SCALE = 0.3


def make_lattice(
    num_states: int, arcs: list[Arc], finals: dict[int, tuple[float, float]], start: int = 0
) -> Lattice:
    arcs = sorted(arcs, key=lambda arc: arc[0])
    columns = [np.array(column) for column in zip(*arcs, strict=True)] or [np.zeros(0)] * 5
    costs = np.full((num_states, 2), np.inf, np.float32)
    for state, cost in finals.items():
        costs[state] = cost
    return Lattice(
        arc_offsets=np.searchsorted(columns[0], np.arange(num_states + 1)),
        ilabels=columns[2].astype(np.int32),
        olabels=np.zeros(len(arcs), np.int32),
        next_states=columns[1].astype(np.int32),
        graph_costs=columns[3].astype(np.float32),
        acoustic_costs=columns[4].astype(np.float32),
        final_graph_costs=costs[:, 0].copy(),
        final_acoustic_costs=costs[:, 1].copy(),
        start=start,
    )


def paths(lattice: Lattice, state: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """(transition_ids, log-likelihood) of every path from a state to an end."""
    if np.isfinite(lattice.final_graph_costs[state]):
        final = float(lattice.final_graph_costs[state]) + SCALE * float(lattice.final_acoustic_costs[state])
        yield (), -final
    for arc in range(*lattice.arc_offsets[state : state + 2]):
        cost = float(lattice.graph_costs[arc]) + SCALE * float(lattice.acoustic_costs[arc])
        for ids, loglike in paths(lattice, int(lattice.next_states[arc])):
            label = int(lattice.ilabels[arc])
            yield ((label, *ids) if label else ids), loglike - cost


def posteriors_of_all_paths(lattice: Lattice) -> list[dict[int, float]]:
    weights = [(ids, np.exp(loglike)) for ids, loglike in paths(lattice, lattice.start)]
    total = sum(weight for _, weight in weights)
    frames: list[dict[int, float]] = [defaultdict(float) for _ in weights[0][0]]
    for ids, weight in weights:
        for frame, transition_id in zip(frames, ids, strict=True):
            frame[transition_id] += weight / total
    return frames


@st.composite
def trellises(draw: st.DrawFn) -> Lattice:
    """Two states a frame, arcs between frames, epsilon arcs within; states are numbered at random."""
    num_frames = draw(st.integers(1, 5))
    costs = st.tuples(st.floats(-5, 5, width=32), st.floats(-20, 20, width=32))
    shuffled = draw(st.permutations(range(2 * num_frames + 2)))
    arcs: list[Arc] = []
    for frame in range(num_frames):
        for source in (0, 1):
            for end in (0, 1):
                for label in draw(st.lists(st.integers(1, 3), min_size=end == source, max_size=2)):
                    ends = shuffled[2 * frame + source], shuffled[2 * frame + 2 + end]
                    arcs.append((*ends, label, *draw(costs)))
    for frame in range(num_frames + 1):
        if frame == 0 or draw(st.booleans()):
            arcs.append((shuffled[2 * frame], shuffled[2 * frame + 1], 0, *draw(costs)))
    finals = {shuffled[-1 - side]: draw(costs) for side in (0, 1)}
    return make_lattice(2 * num_frames + 2, arcs, finals, start=shuffled[0])


def check(posteriors: Posteriors | None, lattice: Lattice) -> None:
    assert posteriors is not None
    expected = posteriors_of_all_paths(lattice)
    assert posteriors.num_frames == len(expected)
    for found, frame in zip(lists(posteriors), expected, strict=True):
        assert [transition_id for transition_id, _ in found] == sorted(frame)
        for transition_id, value in found:
            assert value == pytest.approx(frame[transition_id], abs=1e-5)


@given(st.lists(trellises(), min_size=1, max_size=3))
def test_posteriors_are_the_shares_of_all_paths(lattices: list[Lattice]) -> None:
    named = [(f"u{number}", lattice) for number, lattice in enumerate(lattices)]
    found = list(lattice_posteriors(named, acoustic_scale=SCALE))
    assert [utt_id for utt_id, _ in found] == [utt_id for utt_id, _ in named]
    for (_, posteriors), (_, lattice) in zip(found, named, strict=True):
        check(posteriors, lattice)


def test_dead_ends_count_for_nothing() -> None:
    arcs = [(0, 1, 5, 1.0, 0.0), (0, 2, 6, 0.0, 0.0), (1, 3, 7, 0.0, 0.0), (2, 4, 8, 0.0, 0.0)]
    lattice = make_lattice(5, arcs, {3: (0.0, 0.0)})
    ((_, posteriors),) = lattice_posteriors([("u", lattice)], acoustic_scale=SCALE)
    assert posteriors is not None
    assert [[pair for pair in frame if pair[1]] for frame in lists(posteriors)] == [[(5, 1.0)], [(7, 1.0)]]


def test_a_lattice_without_a_final_state_has_none() -> None:
    good = make_lattice(2, [(0, 1, 3, 0.0, 0.0)], {1: (0.0, 0.0)})
    endless = make_lattice(2, [(0, 1, 3, 0.0, 0.0)], {})
    found = dict(lattice_posteriors([("a", good), ("b", endless), ("c", good)], acoustic_scale=1.0))
    assert found["b"] is None
    for utt_id in ("a", "c"):
        assert found[utt_id] is not None
        assert lists(found[utt_id]) == [[(3, 1.0)]]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arcs", "problem"),
    [
        ([(0, 1, 1, 0.0, 0.0), (0, 2, 0, 0.0, 0.0), (2, 1, 0, 0.0, 0.0)], "differ in their number"),
        ([(0, 1, 0, 0.0, 0.0), (1, 0, 0, 0.0, 0.0), (1, 2, 1, 0.0, 0.0)], "cyclic"),
    ],
)
def test_what_is_not_a_lattice_in_time_is_refused(arcs: list[Arc], problem: str) -> None:
    lattice = make_lattice(3, arcs, {1: (0.0, 0.0), 2: (0.0, 0.0)})
    with pytest.raises(ValueError, match=problem):
        list(lattice_posteriors([("u", lattice)], acoustic_scale=1.0))


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    lattices = list(read_lattices(shared / "kaldi-an4/golden/lat_compact.ark"))
    whole = dict(lattice_posteriors(lattices, acoustic_scale=0.1))
    monkeypatch.setattr("hybrid_kd.gmm.lattice_posteriors.MAX_ARCS", 1)
    for utt_id, posteriors in lattice_posteriors(lattices, acoustic_scale=0.1):
        expected = whole[utt_id]
        assert posteriors is not None
        assert expected is not None
        np.testing.assert_array_equal(posteriors.ids, expected.ids)
        np.testing.assert_allclose(posteriors.values, expected.values, rtol=1e-6)


def test_golden_lattices_sum_to_one_in_each_frame(shared: Path) -> None:
    golden = shared / "kaldi-an4/golden"
    compact = dict(lattice_posteriors(read_lattices(golden / "lat_compact.ark"), acoustic_scale=0.1))
    for utt_id, posteriors in lattice_posteriors(
        read_lattices(golden / "lat_lattice4.ark"), acoustic_scale=0.1
    ):
        assert posteriors is not None
        sums = np.add.reduceat(posteriors.values.astype(np.float64), posteriors.offsets[:-1])
        np.testing.assert_allclose(sums, 1, atol=1e-6)
        other = compact[utt_id]
        assert other is not None
        np.testing.assert_array_equal(posteriors.ids, other.ids)
        np.testing.assert_allclose(posteriors.values, other.values, atol=1e-5)
