"""Whether a network's largest posterior is how often it is right.

Axis letters: batch, frames = frames; pdfs = HMM states; bins = of equal width over [0, 1].
"""

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from hybrid_kd.report.learning_curve import rounded
from hybrid_kd.report.uncertainty_records import Calibration

NUM_BINS = 15


def frame_scores(
    log_posteriors: Float[Tensor, "batch pdfs"], pdf_ali: Int64[Tensor, " batch"]
) -> Float64[Tensor, "3 batch"]:
    """Cross-entropy with the reference, the largest posterior, and whether it is the reference's."""
    confidence, best = log_posteriors.exp().max(dim=1)
    loss = -log_posteriors.gather(1, pdf_ali[:, None]).squeeze(1)
    return torch.stack([loss, confidence, best == pdf_ali]).double()


def calibration_of(scores: Float64[np.ndarray, "3 frames"]) -> Calibration:
    """Means of ``frame_scores``, and the reliability of the largest posterior."""
    loss, confidence, correct = scores
    bins = reliability(confidence, correct)
    return Calibration(
        cross_entropy=rounded(loss.mean()),
        frame_accuracy=rounded(correct.mean()),
        calibration_error=rounded(calibration_error(bins)),
        bin_frames=bins[0].astype(int).tolist(),
        bin_confidence=[rounded(value) for value in bins[1]],
        bin_accuracy=[rounded(value) for value in bins[2]],
    )


def reliability(
    confidence: Float64[np.ndarray, " frames"], correct: Float64[np.ndarray, " frames"]
) -> Float64[np.ndarray, "3 bins"]:
    """Frames, mean confidence and accuracy in bins of equal width of the largest posterior; 0 where empty."""
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    count, confidences, correct_ones = (
        np.bincount(bins, weights=weights, minlength=NUM_BINS) for weights in (None, confidence, correct)
    )
    return np.stack([count, confidences / np.maximum(count, 1), correct_ones / np.maximum(count, 1)])


def calibration_error(bins: Float64[np.ndarray, "3 bins"]) -> float:
    """sum_bins (frames / all frames) |accuracy - confidence|: 0 for a network that knows what it knows.

    Source: Guo et al. 2017, "On calibration of modern neural networks", ECE.
    """
    count, confidence, accuracy = bins
    return float((count * np.abs(accuracy - confidence)).sum() / count.sum())
