"""The noise of an uncertain network's logits: its random draws, and where a teacher's points.

The direction n / ||n|| of a frame's noise n over the pdfs (sigma, or sigma * eps) is what a student matches.
A teacher's label store holds sigma's as a mean, a few principal axes, and each frame's coordinates on them.

Axis letters: batch, frames = frames; samples = draws of a frame; rank = principal axes; pdfs = HMM states.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float16, Float32, Int64
from torch import Tensor
from torch.nn import functional

from hybrid_kd.seeds import torch_generator

NUM_DRAWS = 2**22
MAX_DRAWS = 2**20  # of a frame
WEYL = 0x9E3779B1  # the golden ratio of 2^32: it spreads consecutive frames evenly

UncertaintyNoise = Literal["sigma", "sigma-eps"]


@dataclass(frozen=True)
class UncertaintyTarget:
    """What a student's noise is to be like: sigma's directions of one or more teachers, and their weights.

    noise: whether directions of sigma are compared, or of sigma * eps with the student's first draw.
    """

    weight: float
    directions: tuple[Float[Tensor, "batch pdfs"], ...]
    teacher_weights: tuple[float, ...]
    noise: UncertaintyNoise = "sigma"


@dataclass(frozen=True)
class StudentNoise:
    """The draws of one student with an uncertainty head for a minibatch, and what its sigma is to be like."""

    eps: Float[Tensor, "batch samples pdfs"]
    target: UncertaintyTarget | None = None


class EpochNoise:
    """eps ~ N(0, 1) as a function of (seed, epoch, frame), whatever the minibatch is and whoever computes it.

    An epoch's draws are one long row, of which each frame has a stretch that begins at a place of its own: a
    generator for every frame would take longer than a small network's step.
    """

    def __init__(self, seed: int, epoch: int, device: torch.device) -> None:
        generator = torch_generator(seed, "uncertainty noise", epoch=epoch)
        self.draws = torch.randn(NUM_DRAWS, generator=generator).to(device)

    def of_frames(
        self, frame_index: Int64[Tensor, " batch"], *, samples: int, num_pdfs: int
    ) -> Float32[Tensor, "batch samples pdfs"]:
        """Draws of these frames; ``samples`` x ``num_pdfs`` is at most MAX_DRAWS."""
        number = samples * num_pdfs
        stretches = self.draws.as_strided((NUM_DRAWS - number, number), (1, 1))
        begin = frame_index * WEYL % len(stretches)
        return stretches.index_select(0, begin).view(len(frame_index), samples, num_pdfs)


@dataclass(frozen=True)
class NoiseAxes:
    """The mean direction of a teacher's sigma and the principal axes around it."""

    mean: Float32[Tensor, " pdfs"]
    axes: Float32[Tensor, "rank pdfs"]

    def coordinates(self, sigma: Float[Tensor, "frames pdfs"]) -> Float32[Tensor, "frames rank"]:
        """Where the direction of sigma lies."""
        return (functional.normalize(sigma.float()) - self.mean) @ self.axes.T

    def directions(self, coordinates: Float[Tensor, "batch rank"]) -> Float32[Tensor, "batch pdfs"]:
        """The direction that was nearest, of length 1."""
        return functional.normalize(torch.addmm(self.mean, coordinates.float(), self.axes))


def fit_noise_axes(sigma: Float[Tensor, "frames pdfs"], rank: int) -> NoiseAxes:
    """Principal components of the directions of these frames, at most ``rank`` of them."""
    directions = functional.normalize(sigma.double())
    mean = directions.mean(dim=0)
    centred = directions - mean
    _, axes = torch.linalg.eigh(centred.T @ centred)  # eigenvalues rise
    return NoiseAxes(mean.float(), axes.T.flip(0)[:rank].float().contiguous())


def variance_kept(coordinates: Float16[np.ndarray, "frames rank"]) -> float:
    """Mean squared distance of the directions from the mean one, as far as the axes show it."""
    total = np.einsum("fr,fr->", coordinates, coordinates, dtype=np.float64)
    return float(total) / max(1, len(coordinates))


class NoiseProjection:
    """Principal axes and, over all frames that were projected on them, what they do not show."""

    def __init__(self, axes: NoiseAxes) -> None:
        self.axes = axes
        self._lost = self._total = 0.0

    def coordinates(self, sigma: Float[Tensor, "frames pdfs"]) -> Float16[Tensor, "frames rank"]:
        """Those of these frames, which count from then on."""
        coordinates = self.axes.coordinates(sigma).half()
        directions = functional.normalize(sigma)
        self._lost += (self.axes.directions(coordinates) - directions).square().sum().item()
        self._total += (self.axes.mean - directions).square().sum().item()
        return coordinates

    @property
    def share_lost(self) -> float:
        """Of the variance of the direction."""
        return self._lost / self._total if self._total else 0.0
