"""Draws that belong to a frame, and directions of sigma on a few axes."""

import pytest
import torch
from torch.nn import functional

from hybrid_kd.distill.noise import EpochNoise, NoiseProjection, fit_noise_axes, variance_kept

CPU = torch.device("cpu")


def test_a_frame_has_its_draws_in_any_minibatch() -> None:
    noise = EpochNoise(3, 2, CPU)
    together = noise.of_frames(torch.tensor([7, 100_000, 0]), samples=4, num_pdfs=50)
    alone = EpochNoise(3, 2, CPU).of_frames(torch.tensor([100_000]), samples=4, num_pdfs=50)
    assert torch.equal(together[1], alone[0])


def test_draws_differ_by_frame_epoch_and_seed() -> None:
    frames = torch.arange(300)
    draws = [
        EpochNoise(*key, CPU).of_frames(frames, samples=2, num_pdfs=40) for key in ((0, 1), (0, 2), (1, 1))
    ]
    for one in draws:
        correlations = torch.corrcoef(one.flatten(1)) - torch.eye(len(frames))
        assert correlations.abs().max() < 0.6
        assert (correlations**2).mean() < 1.2 / 80  # as independent frames have
    assert abs(torch.corrcoef(torch.stack([one.flatten() for one in draws])).triu(1)).max() < 0.02


def test_draws_are_normal() -> None:
    draws = EpochNoise(0, 1, CPU).of_frames(torch.arange(1000), samples=8, num_pdfs=100)
    assert abs(draws.mean()) < 0.01
    assert abs(draws.std() - 1) < 0.01


def test_axes_show_what_varies_and_say_what_they_lose() -> None:
    generator = torch.Generator().manual_seed(0)
    patterns = torch.rand(4, 30, generator=generator)
    sigma = 0.5 + torch.rand(500, 4, generator=generator) @ patterns
    lost = []
    for rank in (1, 3):
        projection = NoiseProjection(fit_noise_axes(sigma, rank))
        coordinates = projection.coordinates(2 * sigma)
        assert coordinates.shape == (500, rank)
        directions = projection.axes.directions(coordinates)
        torch.testing.assert_close(directions.norm(dim=1), torch.ones(500))
        error = (directions - functional.normalize(sigma)).square().sum(dim=1).mean()
        assert (error < 1e-3) == (rank == 3)
        lost.append(projection.share_lost)
    assert lost[0] > 0.5
    assert lost[1] < 0.05


def test_the_variance_that_is_kept_is_the_directions_but_for_what_is_lost() -> None:
    sigma = 0.5 + torch.rand(500, 30, generator=torch.Generator().manual_seed(0))
    projection = NoiseProjection(fit_noise_axes(sigma, 20))
    kept = variance_kept(projection.coordinates(sigma).numpy())
    whole = functional.normalize(sigma).var(dim=0, correction=0).sum().item()
    assert kept == pytest.approx(whole * (1 - projection.share_lost), rel=0.01)
    assert projection.share_lost > 0.1
