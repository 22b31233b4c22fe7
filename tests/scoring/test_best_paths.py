"""Best paths against Kaldi's lattice-best-path, and against trying every path."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.lattices import Lattice, read_lattices
from hybrid_kd.scoring.best_paths import ScoringPoint, best_paths
from hybrid_kd.scoring.tuning import POINTS
from tests.decoding.experiment import golden_lines

pytestmark = pytest.mark.numerical

Arc = tuple[
    int, int, int, int, float, float
]  # source, next state, transition-id, word-id, graph, acoustic cost


def make_lattice(num_states: int, arcs: list[Arc], finals: dict[int, float], start: int = 0) -> Lattice:
    arcs = sorted(arcs, key=lambda arc: arc[0])
    columns = [np.array([arc[index] for arc in arcs]) for index in range(6)]
    final_costs = np.full(num_states, np.inf, np.float32)
    final_costs[list(finals)] = list(finals.values())
    counts = np.bincount(columns[0].astype(np.int64), minlength=num_states) if arcs else np.zeros(num_states)
    return Lattice(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        columns[2].astype(np.int32),
        columns[3].astype(np.int32),
        columns[1].astype(np.int32),
        columns[4].astype(np.float32),
        columns[5].astype(np.float32),
        final_costs,
        np.where(np.isinf(final_costs), np.inf, 0).astype(np.float32),
        start,
    )


def all_paths(lattice: Lattice, state: int) -> Iterator[tuple[tuple[int, ...], float, float]]:
    """Words, graph cost and acoustic cost of every path from a state to the end."""
    if np.isfinite(lattice.final_graph_costs[state]):
        yield (), float(lattice.final_graph_costs[state]), float(lattice.final_acoustic_costs[state])
    for arc in range(lattice.arc_offsets[state], lattice.arc_offsets[state + 1]):
        word = int(lattice.olabels[arc])
        for words, graph, acoustic in all_paths(lattice, int(lattice.next_states[arc])):
            yield (
                ((word, *words) if word else words),
                graph + float(lattice.graph_costs[arc]),
                acoustic + float(lattice.acoustic_costs[arc]),
            )


@pytest.mark.parametrize("name", ["lat_compact.ark", "lat_lattice4.ark"])
def test_words_and_costs_are_kaldis_on_golden_lattices(shared: Path, name: str) -> None:
    lattices = dict(read_lattices(shared / "kaldi-an4/golden" / name))
    paths = dict(zip(lattices, best_paths(list(lattices.values()), POINTS), strict=True))
    for file, point in {
        "best_path_lmwt8.words.int": ScoringPoint(8, 0.0),
        "best_path_lmwt12.words.int": ScoringPoint(12, 0.0),
        "best_path_lmwt10_wip0.5.words.int": ScoringPoint(10, 0.5),
    }.items():
        for utt_id, *word_ids in map(str.split, golden_lines(shared, file)):
            path = paths[utt_id][POINTS.index(point)]
            assert path is not None
            assert path.word_ids == tuple(map(int, word_ids))
    at_10 = POINTS.index(ScoringPoint(10, 0.0))  # what best_accost.txt and best_lmcost.txt were made at
    for file, cost in (("best_lmcost.txt", "graph_cost"), ("best_accost.txt", "acoustic_cost")):
        for utt_id, value in map(str.split, golden_lines(shared, file)):
            assert getattr(paths[utt_id][at_10], cost) == pytest.approx(float(value), rel=1e-5)


costs = st.floats(-5, 5, width=32)


@st.composite
def trellises(draw: st.DrawFn) -> Lattice:
    """A few frames of a few states each; within a frame epsilon arcs lead to later states."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    frame_of = [frame for frame, size in enumerate([1, *sizes]) for _ in range(size)]
    arcs: list[Arc] = []
    for source, frame in enumerate(frame_of):
        for end in range(source + 1, len(frame_of)):
            if frame_of[end] - frame > 1 or not draw(st.booleans()):
                continue
            emits = frame_of[end] > frame
            word = draw(st.integers(0, 2))
            arcs.append((source, end, int(emits), word, draw(costs), draw(costs) if emits else 0.0))
    finals = {state: draw(costs) for state, frame in enumerate(frame_of) if frame == len(sizes)}
    order = draw(st.permutations(range(len(frame_of))))
    renumbered = [(order[arc[0]], order[arc[1]], *arc[2:]) for arc in arcs]
    return make_lattice(
        len(frame_of), renumbered, {order[state]: cost for state, cost in finals.items()}, order[0]
    )


@given(lattices=st.lists(trellises(), min_size=1, max_size=3))
def test_no_path_is_better(lattices: list[Lattice]) -> None:
    points = [ScoringPoint(lm_weight, penalty) for lm_weight in (4, 17) for penalty in (0.0, 1.0)]
    for lattice, found in zip(lattices, best_paths(lattices, points), strict=True):
        paths = list(all_paths(lattice, lattice.start))
        for point, best in zip(points, found, strict=True):
            if best is None:
                assert not paths
                continue
            weighted = [g + a / point.lm_weight + point.word_ins_penalty * len(w) for w, g, a in paths]
            cost = best.graph_cost + best.acoustic_cost / point.lm_weight
            cost += point.word_ins_penalty * len(best.word_ids)
            assert cost == pytest.approx(min(weighted), abs=1e-4)
            assert any(
                words == best.word_ids and graph == pytest.approx(best.graph_cost, abs=1e-4)
                for words, graph, _ in paths
            )


def test_a_penalty_costs_words_and_a_weight_scales_acoustics() -> None:
    arcs: list[Arc] = [
        (0, 1, 1, 5, 0.0, 0.0),
        (1, 3, 2, 6, 0.0, 0.0),  # two words, cost 0
        (0, 2, 1, 7, 0.7, 0.0),
        (2, 3, 2, 0, 0.0, 0.0),  # one word, graph cost 0.7
        (0, 4, 1, 0, 0.0, 9.0),
        (4, 3, 2, 0, 0.0, 0.0),  # no word, acoustic cost 9
    ]
    points = [ScoringPoint(4, 0.0), ScoringPoint(4, 1.0), ScoringPoint(17, 1.0)]
    (paths,) = best_paths([make_lattice(5, arcs, {3: 0.0})], points)
    assert [path.word_ids for path in paths if path] == [(5, 6), (7,), ()]


def test_final_costs_count_on_both_sides() -> None:
    arcs: list[Arc] = [(0, 1, 1, 5, 0.0, 0.0), (0, 2, 1, 6, 0.0, 0.0)]
    (paths,) = best_paths([make_lattice(3, arcs, {1: 2.0, 2: 1.0})], [ScoringPoint(10, 0.0)])
    assert paths[0] is not None
    assert (paths[0].word_ids, paths[0].graph_cost) == ((6,), 1.0)


def test_paths_of_different_lengths_in_transition_ids_are_compared_all_the_same() -> None:
    arcs: list[Arc] = [(0, 1, 1, 5, 0.0, 1.0), (1, 2, 1, 0, 0.0, 1.0), (0, 2, 1, 6, 0.0, 3.0)]
    (paths,) = best_paths([make_lattice(3, arcs, {2: 0.0})], [ScoringPoint(10, 0.0)])
    assert paths[0] is not None
    assert (paths[0].word_ids, paths[0].acoustic_cost) == ((5,), 2.0)


def test_a_lattice_without_a_way_to_the_end_has_no_path() -> None:
    arcs: list[Arc] = [(0, 1, 1, 5, 0.0, 0.0), (2, 3, 1, 6, 0.0, 0.0)]
    good = make_lattice(2, arcs[:1], {1: 0.0})
    found = best_paths([make_lattice(4, arcs, {3: 0.0}), good], [ScoringPoint(10, 0.0)])
    assert found[0] == [None]
    assert found[1][0] is not None


def test_a_lattice_of_one_state_is_an_empty_path() -> None:
    (paths,) = best_paths([make_lattice(1, [], {0: 0.5})], [ScoringPoint(10, 0.0)])
    assert paths[0] is not None
    assert (paths[0].word_ids, paths[0].graph_cost) == ((), 0.5)


@pytest.mark.parametrize("transition_id", [0, 1])
def test_a_cyclic_lattice_is_refused(transition_id: int) -> None:
    arcs: list[Arc] = [
        (0, 1, 1, 5, 0.0, 0.0),
        (1, 2, transition_id, 0, 0.0, 0.0),
        (2, 1, transition_id, 0, 0.0, 0.0),
    ]
    with pytest.raises(ValueError, match="a cyclic lattice"):
        best_paths([make_lattice(3, arcs, {2: 0.0})], [ScoringPoint(10, 0.0)])
    with pytest.raises(ValueError, match="a cyclic lattice"):
        best_paths(
            [make_lattice(3, [*arcs[:1], (1, 0, transition_id, 0, 0.0, 0.0)], {1: 0.0})],
            [ScoringPoint(10, 0.0)],
        )


def test_an_empty_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="an empty lattice"):
        best_paths([make_lattice(0, [], {}, start=-1)], [ScoringPoint(10, 0.0)])
