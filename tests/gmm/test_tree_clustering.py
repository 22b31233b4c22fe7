"""Leaves are merged as a search over all pairs would merge them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.gmm.tree_clustering import merge_leaves
from hybrid_kd.gmm.tree_statistics import gaussian_objective
from tests.gmm.test_phone_clustering import make_points

pytestmark = pytest.mark.numerical


def merge_by_trying_all(
    sums: np.ndarray, groups: np.ndarray, max_cost: float, min_leaves: int
) -> set[frozenset[int]]:
    clusters = {frozenset([leaf]) for leaf in range(len(sums))}

    def objective(cluster: frozenset[int]) -> float:
        return float(gaussian_objective(sums[sorted(cluster)].sum(axis=0)))

    while len(clusters) > min_leaves:
        pairs = [
            (objective(a) + objective(b) - objective(a | b), a, b)
            for a in clusters
            for b in clusters
            if min(a) < min(b) and groups[min(a)] == groups[min(b)]
        ]
        if not pairs or min(pair[0] for pair in pairs) > max_cost:
            break
        _, a, b = min(pairs, key=lambda pair: pair[0])
        clusters = (clusters - {a, b}) | {a | b}
    return clusters


def clusters_of(places: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(places == place).tolist()) for place in set(places.tolist())}


@given(
    st.lists(st.floats(0, 8), min_size=2, max_size=9),
    st.integers(1, 3),
    st.sampled_from([5.0, 30.0, 200.0, np.inf]),
    st.integers(0, 4),
    st.integers(0, 99),
)
def test_merging_is_that_of_the_cheapest_pairs(
    centres: list[float], num_groups: int, max_cost: float, min_leaves: int, seed: int
) -> None:
    sums = make_points(centres, seed)
    groups = np.arange(len(centres)) % num_groups
    places = merge_leaves(sums, groups, max_cost=max_cost, min_leaves=min_leaves)
    assert clusters_of(places) == merge_by_trying_all(sums, groups, max_cost, min_leaves)


def test_clusters_take_the_first_places_of_their_group() -> None:
    sums = make_points([0, 50, 100, 100.5, 50.5, 0.5])
    groups = np.array([0, 0, 0, 0, 0, 1])
    assert merge_leaves(sums, groups, max_cost=20.0).tolist() == [0, 2, 1, 1, 2, 5]


def test_nothing_is_merged_where_it_costs_too_much() -> None:
    sums = make_points([0, 10, 20])
    assert merge_leaves(sums, np.zeros(3, np.int64), max_cost=1.0).tolist() == [0, 1, 2]


@pytest.mark.parametrize("min_leaves", [3, 2, 1])
def test_merging_stops_at_the_least_number_of_leaves(min_leaves: int) -> None:
    places = merge_leaves(make_points([0, 1, 5, 6]), np.zeros(4, np.int64), min_leaves=min_leaves)
    assert len(set(places.tolist())) == min_leaves
