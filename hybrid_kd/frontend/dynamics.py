"""What a frame knows of its neighbours: deltas and splicing; an utterance's edge frames are repeated."""

import numpy as np
from jaxtyping import Float32, Float64


def add_deltas(
    features: Float32[np.ndarray, "frames dim"], *, order: int = 2, window: int = 2
) -> Float32[np.ndarray, "frames dims"]:
    """Append the first to the ``order``-th derivative: dim * (order + 1) coefficients.

    delta(t) = sum_j j x(t + j) / sum_j j^2, j from -window to window; the next order is that of this, as one
    filter on x, so that only x is repeated at the edges.
    Source: Kaldi feat/feature-functions.cc, DeltaFeatures.
    """
    steps = np.arange(-window, window + 1, dtype=np.float64)
    scales = np.ones(1)
    parts = [features]
    for _ in range(order):
        scales = np.convolve(scales, steps / np.square(steps).sum())
        parts.append(_filter(features, scales))
    return np.concatenate(parts, axis=1)


def _filter(
    features: Float32[np.ndarray, "frames dim"], scales: Float64[np.ndarray, " taps"]
) -> Float32[np.ndarray, "frames dim"]:
    """sum_j scales(j) x(t + j), j from -taps // 2."""
    reach = len(scales) // 2
    padded = np.pad(features, ((reach, reach), (0, 0)), mode="edge")
    total: Float32[np.ndarray, "frames dim"] = np.zeros_like(features)
    for tap, scale in enumerate(scales.astype(np.float32)):
        if scale:
            total += scale * padded[tap : tap + len(features)]
    return total


def splice_frames(
    features: Float32[np.ndarray, "frames dim"], *, left_context: int, right_context: int
) -> Float32[np.ndarray, "frames window_x_dim"]:
    """Put each frame between its neighbours, the earliest first.

    Source: Kaldi feat/feature-functions.cc, SpliceFrames.
    """
    shifts = np.arange(-left_context, right_context + 1)
    rows = np.clip(np.arange(len(features))[:, None] + shifts, 0, len(features) - 1)
    spliced: Float32[np.ndarray, "frames window_x_dim"] = features[rows].reshape(len(features), -1)
    return spliced
