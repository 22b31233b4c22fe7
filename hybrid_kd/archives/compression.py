"""Kaldi's lossy matrices: CM (one byte a value, percentiles by column) and CM2 (two bytes a value).

All arithmetic is done in the precision in which Kaldi does it, so that the same bytes result.
Source: Kaldi matrix/compressed-matrix.cc, CopyFromMat with kAutomaticMethod.
"""

import struct

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16

MAX_ROWS_OF_CM2 = 8
LARGEST = 65535
STEP = 1.52590218966964e-05  # 1 / 65535
QUARTILE_LIMITS = np.array([65532, 65533, 65534, 65535])  # percentiles must rise


def compress_matrix(matrix: Float32[np.ndarray, "rows columns"]) -> bytes:
    """CM, or CM2 for at most 8 rows, without the mark before it.

    Raises: ValueError where the matrix is not finite.
    """
    if not matrix.size:
        return b"CM " + bytes(16)
    low, high = matrix.flat[matrix.argmin()], matrix.flat[matrix.argmax()]  # of -0 and 0 the first, as Kaldi
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("NaN or infinity cannot be compressed")
    if low == high:
        high = np.float32(float(low) + (1.0 + abs(float(low))))  # in double, as Kaldi does
    span = np.float32(high - low)
    header = struct.pack("<ffii", low, span, *matrix.shape)
    if len(matrix) <= MAX_ROWS_OF_CM2:
        return b"CM2 " + header + _to_uint16(matrix, low, span).tobytes()
    percentiles = _percentiles(matrix, low, span)
    borders = (float(low) + float(span) * STEP * percentiles).astype(np.float32)
    return b"CM " + header + percentiles.astype("<u2").tobytes() + _to_bytes(matrix, borders).T.tobytes()


def _to_uint16(
    values: Float32[np.ndarray, "rows columns"], low: np.float32, span: np.float32
) -> UInt16[np.ndarray, "rows columns"]:
    """Steps of span / 65535 above low, rounded."""
    share = np.clip((values - low) / span, np.float32(0), np.float32(1))
    steps: UInt16[np.ndarray, "rows columns"] = (
        (share * np.float32(LARGEST)).astype(np.float64) + 0.499
    ).astype("<u2")
    return steps


def _percentiles(
    matrix: Float32[np.ndarray, "rows columns"], low: np.float32, span: np.float32
) -> UInt16[np.ndarray, "columns 4"]:
    """Least value, quartiles and largest value of each column, each above the one before."""
    num_rows = len(matrix)
    ranks = [0, num_rows // 4, 3 * (num_rows // 4), num_rows - 1]
    levels = _to_uint16(np.partition(matrix, ranks, axis=0)[ranks], low, span).astype(np.int64)
    for rank in range(4):
        floor = levels[rank - 1] + 1 if rank else 0
        levels[rank] = np.minimum(np.maximum(levels[rank], floor), QUARTILE_LIMITS[rank])
    return levels.T.astype(np.uint16)


def _to_bytes(
    matrix: Float32[np.ndarray, "rows columns"], borders: Float32[np.ndarray, "columns 4"]
) -> UInt8[np.ndarray, "rows columns"]:
    """0 to 64 between least value and first quartile, to 192 up to the third, to 255 above."""
    p0, p25, p75, p100 = borders.T
    below = np.clip(_steps(matrix, p0, p25, 64), 0, 64)
    middle = np.clip(64 + _steps(matrix, p25, p75, 128), 64, 192)
    above = np.clip(192 + _steps(matrix, p75, p100, 63), 192, 255)
    values: UInt8[np.ndarray, "rows columns"] = np.where(
        matrix < p25, below, np.where(matrix < p75, middle, above)
    ).astype(np.uint8)
    return values


def _steps(
    matrix: Float32[np.ndarray, "rows columns"],
    first: Float32[np.ndarray, " columns"],
    last: Float32[np.ndarray, " columns"],
    num_steps: int,
) -> Float64[np.ndarray, "rows columns"]:
    # Borders coincide where a column varies by roundings only; 0 / 0 is step 0 in Kaldi's x86 builds.
    width = last - first
    share = np.divide(matrix - first, width, out=np.zeros_like(matrix), where=width > 0)
    steps: Float64[np.ndarray, "rows columns"] = np.trunc(
        (share * np.float32(num_steps)).astype(np.float64) + 0.5
    )
    return steps
