"""What fMLLR and MLLT share: weighted scatter matrices, and the row-by-row update of a transform.

The objective of a transform W = [A b] (or A alone) with rows w_d is
    count log |det A| + sum_d (w_d . k_d - 0.5 w_d G_d w_d).
Axes: dim rows; columns = dim, or dim + 1 with the offset last.
Source: M. Gales, Maximum likelihood linear transformations for HMM-based speech recognition (1998); Kaldi
transform/fmllr-diag-gmm.cc, FmllrInnerUpdate; transform/mllt.cc.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float64, Int64

BLOCK_FRAMES = 512  # whose products fit into the cache


@lru_cache(maxsize=8)
def _pairs(size: int) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    """Rows and columns of an upper triangle."""
    rows, columns = np.triu_indices(size)
    return rows, columns


def weighted_scatters(
    vectors: Float[np.ndarray, "frames columns"], weights: Float64[np.ndarray, "frames dim"]
) -> Float64[np.ndarray, "dim columns columns"]:
    """G_d = sum_t weights[t, d] x_t x_t^T, as matrix products with the products of x_t's items."""
    rows, columns = _pairs(vectors.shape[1])
    triangles = np.zeros((len(rows), weights.shape[1]))
    for start in range(0, len(vectors), BLOCK_FRAMES):
        x = np.ascontiguousarray(vectors[start : start + BLOCK_FRAMES].T, np.float64)
        triangles += (x[rows] * x[columns]) @ weights[start : start + BLOCK_FRAMES]
    scatters = np.empty((weights.shape[1], vectors.shape[1], vectors.shape[1]))
    scatters[:, rows, columns] = scatters[:, columns, rows] = triangles.T
    return scatters


def transform_objective(
    transform: Float64[np.ndarray, "dim columns"],
    count: float,
    linear: Float64[np.ndarray, "dim columns"],
    scatters: Float64[np.ndarray, "dim columns columns"],
) -> float:
    """The objective above, over all frames; natural logarithm."""
    log_determinant = np.linalg.slogdet(transform[:, : len(transform)])[1]
    quadratic = np.einsum("dc,dce,de->", transform, scatters, transform, optimize=True)
    return float(count * log_determinant + (transform * linear).sum() - 0.5 * quadratic)


def update_rows(
    transform: Float64[np.ndarray, "dim columns"],
    count: float,
    linear: Float64[np.ndarray, "dim columns"],
    scatters: Float64[np.ndarray, "dim columns columns"],
    *,
    num_iters: int,
) -> Float64[np.ndarray, "dim columns"]:
    """Maximise the objective over one row after another, ``num_iters`` times over all rows.

    w_d = (alpha c_d + k_d) G_d^-1, where c_d is row d of the cofactors of A (up to a factor), followed by 0,
    and alpha the better of two roots.

    Raises: numpy.linalg.LinAlgError if a G_d is singular.
    """
    dim = len(transform)
    inverses = np.linalg.inv(scatters)
    updated = transform.copy()
    for _ in range(num_iters):
        inverse = np.linalg.inv(updated[:, :dim])  # its column d is row d of the cofactors, over det A
        for row in range(dim):
            old = updated[row, :dim].copy()
            updated[row] = _best_row(inverse[:, row], count, linear[row], inverses[row])
            change = (updated[row, :dim] - old) @ inverse  # Sherman-Morrison for a changed row
            inverse -= np.outer(inverse[:, row], change / (1 + change[row]))
    return updated


def _best_row(
    cofactors: Float64[np.ndarray, " dim"],
    count: float,
    linear: Float64[np.ndarray, " columns"],
    inverse_scatter: Float64[np.ndarray, "columns columns"],
) -> Float64[np.ndarray, " columns"]:
    projected = inverse_scatter[:, : len(cofactors)] @ cofactors
    square = float(projected[: len(cofactors)] @ cofactors)
    cross = float(projected @ linear)
    root = np.sqrt(cross * cross + 4 * square * count)
    alphas = np.array([root - cross, -root - cross]) / (2 * square)
    objectives = count * np.log(np.abs(alphas * square + cross)) - 0.5 * alphas**2 * square
    alpha = alphas[int(objectives[1] >= objectives[0])]
    best: Float64[np.ndarray, " columns"] = alpha * projected + inverse_scatter @ linear
    return best
