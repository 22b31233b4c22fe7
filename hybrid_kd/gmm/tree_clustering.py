"""Leaves of a decision tree merged bottom-up, always the two whose merging costs the least likelihood.

Axes: leaves; columns as in tree_statistics (frames, sums, sums of squares).
Source: Kaldi tree/cluster-utils.cc, ClusterBottomUp and ClusterBottomUpCompartmentalized.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hybrid_kd.gmm.tree_statistics import gaussian_objective


@dataclass
class _Clusters:
    """Clusters as they are merged; each keeps the index of the later of the two."""

    sums: Float64[np.ndarray, "leaves columns"]
    objectives: Float64[np.ndarray, " leaves"]
    groups: Int64[np.ndarray, " leaves"]
    is_alive: Bool[np.ndarray, " leaves"]
    versions: list[int]  # how often each has taken in another
    queue: list[tuple[float, int, int, int, int]] = field(default_factory=list)

    def push_pairs(self, cluster: int, others: Int64[np.ndarray, " others"], max_cost: float) -> None:
        """Put the costs of merging ``cluster`` with each of the others into the queue."""
        merged = gaussian_objective(self.sums[others] + self.sums[cluster])
        costs = np.maximum(self.objectives[others] + self.objectives[cluster] - merged, 0.0)
        for other, cost in zip(others.tolist(), costs.tolist(), strict=True):
            if cost <= max_cost:
                later, earlier = max(cluster, other), min(cluster, other)
                entry = (cost, later, earlier, self.versions[later], self.versions[earlier])
                heapq.heappush(self.queue, entry)

    def merge(self, later: int, earlier: int, max_cost: float) -> None:
        """Add one cluster to the other."""
        self.sums[later] += self.sums[earlier]
        self.objectives[later] = gaussian_objective(self.sums[later])
        self.is_alive[earlier] = False
        self.versions[later] += 1
        in_group = self.is_alive & (self.groups == self.groups[later])
        in_group[later] = False
        self.push_pairs(later, np.flatnonzero(in_group), max_cost)


def merge_leaves(
    sums: Float64[np.ndarray, "leaves columns"],
    groups: Int64[np.ndarray, " leaves"],
    *,
    max_cost: float = np.inf,
    min_leaves: int = 0,
) -> Int64[np.ndarray, " leaves"]:
    """Merge leaves of one group while it costs at most ``max_cost`` and more than ``min_leaves`` are left.

    Gives for each leaf the leaf whose place it takes: the clusters of a group, in the order of their last
    members, take the places of the group's first leaves, as Kaldi numbers them.
    """
    objectives = np.asarray(gaussian_objective(sums), np.float64)
    clusters = _Clusters(sums.copy(), objectives, groups, np.ones(len(sums), bool), [0] * len(sums))
    for leaf in range(len(sums)):
        clusters.push_pairs(leaf, np.flatnonzero(groups[:leaf] == groups[leaf]), max_cost)
    parents = np.arange(len(sums))
    num_left = len(sums)
    while clusters.queue and num_left > min_leaves:
        _, later, earlier, *versions = heapq.heappop(clusters.queue)
        if not (clusters.is_alive[later] and clusters.is_alive[earlier]):
            continue
        if versions == [clusters.versions[later], clusters.versions[earlier]]:
            clusters.merge(later, earlier, max_cost)
            parents[earlier] = later
            num_left -= 1
    while (parents != parents[parents]).any():
        parents = parents[parents]
    return _number(parents, groups)


def _number(
    last_members: Int64[np.ndarray, " leaves"], groups: Int64[np.ndarray, " leaves"]
) -> Int64[np.ndarray, " leaves"]:
    """Put the n-th cluster of a group into the place of the group's n-th leaf."""
    places = np.zeros(len(groups), np.int64)
    for group in np.unique(groups):
        leaves = np.flatnonzero(groups == group)
        _, rank = np.unique(last_members[leaves], return_inverse=True)
        places[leaves] = leaves[rank]
    return places
