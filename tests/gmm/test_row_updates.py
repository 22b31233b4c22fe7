"""The row-by-row update against a plain one, and against the conditions of a maximum."""

import numpy as np
import pytest

from hybrid_kd.gmm.row_updates import transform_objective, update_rows, weighted_scatters

pytestmark = pytest.mark.numerical


def random_statistics(seed: int, dim: int, columns: int) -> tuple[float, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(200, columns))
    if columns > dim:
        vectors[:, -1] = 1
    weights = generator.uniform(0.2, 3, (200, dim))
    linear = (weights * generator.normal(size=(200, dim))).T @ vectors
    return 200.0, linear, weighted_scatters(vectors, weights)


def gradient(transform: np.ndarray, count: float, linear: np.ndarray, scatters: np.ndarray) -> np.ndarray:
    dim = len(transform)
    result: np.ndarray = linear - np.stack([scatters[row] @ transform[row] for row in range(dim)])
    result[:, :dim] += count * np.linalg.inv(transform[:, :dim]).T
    return result


def test_scatters_are_weighted_sums_of_outer_products() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(30, 4)).astype(np.float32)
    weights = generator.uniform(size=(30, 3))
    expected = np.einsum("td,ti,tj->dij", weights, vectors.astype(np.float64), vectors.astype(np.float64))
    np.testing.assert_allclose(weighted_scatters(vectors, weights), expected, rtol=1e-12)


@pytest.mark.parametrize(("dim", "columns"), [(1, 1), (1, 2), (3, 3), (5, 6), (12, 13)])
def test_the_update_ends_where_the_gradient_is_zero(dim: int, columns: int) -> None:
    count, linear, scatters = random_statistics(dim, dim, columns)
    start = np.eye(dim, columns)
    updated = update_rows(start, count, linear, scatters, num_iters=300)
    slope = gradient(updated, count, linear, scatters)
    assert np.abs(slope).max() < 1e-6 * np.abs(linear).max() + 1e-6


def test_every_pass_over_the_rows_gains() -> None:
    parts = random_statistics(5, 6, 7)
    transforms = [update_rows(np.eye(6, 7), *parts, num_iters=passes) for passes in range(8)]
    objectives = [transform_objective(transform, *parts) for transform in transforms]
    assert (np.diff(objectives) > -1e-9).all()
    assert objectives[1] > objectives[0] + 1


def test_the_update_is_the_one_that_inverts_for_each_row() -> None:
    count, linear, scatters = random_statistics(9, 4, 5)
    expected = np.eye(4, 5)
    for _ in range(3):
        for row in range(4):
            cofactors = np.append(np.linalg.inv(expected[:, :4])[:, row], 0)
            inverse = np.linalg.inv(scatters[row])
            square, cross = cofactors @ inverse @ cofactors, cofactors @ inverse @ linear[row]
            candidates = []
            for sign in (1, -1):
                alpha = (-cross + sign * np.sqrt(cross**2 + 4 * square * count)) / (2 * square)
                gain = count * np.log(abs(alpha * square + cross)) - 0.5 * alpha**2 * square
                candidates.append((gain, alpha))
            expected[row] = (max(candidates)[1] * cofactors + linear[row]) @ inverse
    found = update_rows(np.eye(4, 5), count, linear, scatters, num_iters=3)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_singular_scatters_are_an_error() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        update_rows(np.eye(2), 10.0, np.zeros((2, 2)), np.zeros((2, 2, 2)), num_iters=1)
