"""Global mean and variance normalisation of spliced frames, estimated once on the training set."""

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from hybrid_kd.frames.features import SplicedFeatures

VARIANCE_FLOOR = 1e-10


@dataclass(frozen=True)
class Normalisation:
    """x -> (x + shift) * scale, per input coefficient (Kaldi's AddShift and Rescale)."""

    shift: Float32[Tensor, " input"]
    scale: Float32[Tensor, " input"]


def estimate_normalisation(frames: SplicedFeatures, *, chunk: int = 65536) -> Normalisation:
    """Mean 0 and variance 1 over all spliced frames: shift = -mean, scale = 1 / std; sums in float64.

    Source: Kaldi nnetbin/cmvn-to-nnet.cc.
    """
    device = frames.features.device
    total = torch.zeros(frames.input_dim, dtype=torch.float64, device=device)
    total_squares = torch.zeros_like(total)
    for frame_index in torch.arange(frames.num_frames, device=device).split(chunk):  # type: ignore[no-untyped-call]
        spliced = frames.spliced(frame_index).double()
        total += spliced.sum(0)
        total_squares += spliced.square().sum(0)
    mean = total / frames.num_frames
    variance = (total_squares / frames.num_frames - mean.square()).clamp_min(VARIANCE_FLOOR)
    return Normalisation(shift=(-mean).float(), scale=variance.rsqrt().float())
