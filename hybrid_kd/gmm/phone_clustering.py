"""Phones (or anything that has a Gaussian's statistics) clustered top-down into a binary tree.

Each cluster is cut in two by a k-means in which points move, one at a time, to where the likelihood gains.
Axes: points; columns as in tree_statistics (frames, sums, sums of squares).
Source: Kaldi tree/cluster-utils.cc, TreeCluster, ClusterKMeans and RefineClusters.
"""

from math import gcd

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hybrid_kd.gmm.tree_statistics import gaussian_objective

MAX_STARTS = 10
MAX_PASSES = 2000
RELATIVE_TOLERANCE = 1e-12  # a gain below this share of the likelihood is rounding


def cluster_top_down(sums: Float64[np.ndarray, "points columns"]) -> list[Int64[np.ndarray, " _"]]:
    """The members of every cluster of the binary tree but its root; it goes down to where no split gains."""
    clusters: list[Int64[np.ndarray, " _"]] = []
    waiting = [np.arange(len(sums))]
    while waiting:
        members = waiting.pop()
        in_second = split_in_two(sums[members])
        if in_second is not None:
            halves = [members[~in_second], members[in_second]]
            clusters += halves
            waiting += halves
    return clusters


def split_in_two(sums: Float64[np.ndarray, "points columns"]) -> Bool[np.ndarray, " points"] | None:
    """Which points go to the second of two clusters; None if no split gains in likelihood.

    The best of several starts is taken. Kaldi draws the starts at random; here they are the same every time.
    """
    if len(sums) < 2:
        return None
    together = float(gaussian_objective(sums.sum(axis=0)))
    best, best_objective = None, together + RELATIVE_TOLERANCE * abs(together)
    for start in _starts(len(sums)):
        in_second = _refine(sums, start)
        objective = float(gaussian_objective(_two_sums(sums, in_second)).sum())
        if objective > best_objective:
            best, best_objective = in_second, objective
    return best


def _starts(num_points: int) -> list[Bool[np.ndarray, " points"]]:
    """Alternate between the clusters in steps that are coprime to the number of points."""
    steps = [step for step in range(1, max(num_points, 2)) if gcd(step, num_points) == 1]
    starts: dict[bytes, Bool[np.ndarray, " points"]] = {}
    for step in steps:
        start = np.zeros(num_points, bool)
        start[(step * np.arange(1, num_points, 2)) % num_points] = True
        starts.setdefault(start.tobytes(), start)
        if len(starts) == MAX_STARTS:
            break
    return list(starts.values())


def _two_sums(
    sums: Float64[np.ndarray, "points columns"], in_second: Bool[np.ndarray, " points"]
) -> Float64[np.ndarray, "2 columns"]:
    return np.stack([sums[~in_second].sum(axis=0), sums[in_second].sum(axis=0)])


def _refine(
    sums: Float64[np.ndarray, "points columns"], start: Bool[np.ndarray, " points"]
) -> Bool[np.ndarray, " points"]:
    """Move points as long as any move gains."""
    in_second = start.copy()
    for _ in range(MAX_PASSES):
        clusters = _two_sums(sums, in_second)
        objective = float(gaussian_objective(clusters).sum())
        moved = False
        for point, own in enumerate(in_second.tolist()):
            moving = np.stack([sums[point], -sums[point]])
            candidate = clusters + (moving if own else -moving)
            gained = float(gaussian_objective(candidate).sum())
            if gained > objective + RELATIVE_TOLERANCE * abs(objective):
                clusters, objective, moved = candidate, gained, True
                in_second[point] = not own
        if not moved:
            break
    return in_second
