"""Top-down clustering finds what lies apart, the same way every time."""

from itertools import product

import numpy as np
import pytest

from hybrid_kd.gmm.phone_clustering import cluster_top_down, split_in_two
from hybrid_kd.gmm.tree_statistics import gaussian_objective

pytestmark = pytest.mark.numerical


def make_points(centres: list[float], seed: int = 0, num_frames: int = 40) -> np.ndarray:
    """Statistics of points that scatter about these centres in two dimensions."""
    generator = np.random.default_rng(seed)
    frames = [generator.normal(centre, 1, (num_frames, 2)) for centre in centres]
    return np.stack([np.concatenate([[num_frames], x.sum(axis=0), (x**2).sum(axis=0)]) for x in frames])


def best_by_trying_all(sums: np.ndarray) -> float:
    return max(
        float(sum(gaussian_objective(sums[np.array(side) == value].sum(axis=0)) for value in (0, 1)))
        for side in product([0, 1], repeat=len(sums))
        if 0 < sum(side) < len(sums)
    )


@pytest.mark.parametrize("num_points", [2, 3, 6, 7, 8])
def test_the_two_halves_are_as_likely_as_any(num_points: int) -> None:
    centres = [10.0 * (point % 2) + point for point in range(num_points)]
    sums = make_points(centres)
    in_second = split_in_two(sums)
    assert in_second is not None
    found = sum(gaussian_objective(sums[in_second == side].sum(axis=0)) for side in (False, True))
    assert found == pytest.approx(best_by_trying_all(sums))


def test_every_cluster_but_the_root_is_listed() -> None:
    clusters = cluster_top_down(make_points([0, 100, 1, 103, 52]))
    found = {frozenset(members.tolist()) for members in clusters}
    assert {frozenset([0, 2]), frozenset([1, 3])} <= found
    assert {frozenset([point]) for point in range(5)} <= found
    assert frozenset(range(5)) not in found
    assert len(clusters) == 8


def test_points_without_frames_are_no_reason_to_split() -> None:
    """Each of them is in one half of every split, where it changes no likelihood."""
    points = make_points([0, 50, 90])
    sums = np.vstack([np.zeros((1, 5)), points, np.zeros((2, 5))])
    clusters = cluster_top_down(sums)
    heard = [[point - 1 for point in members.tolist() if sums[point, 0] > 0] for members in clusters]
    assert sorted(heard) == sorted(members.tolist() for members in cluster_top_down(points))
    assert sorted(clusters[0].tolist() + clusters[1].tolist()) == list(range(6))
    assert cluster_top_down(np.vstack([points[:1], np.zeros((3, 5))])) == []


def test_equal_points_are_not_split() -> None:
    assert split_in_two(np.repeat(make_points([0]), 4, axis=0)) is None
    assert split_in_two(np.zeros((3, 5))) is None
    assert split_in_two(make_points([0])) is None
