"""One step of CD-1 against a plain float64 derivation, the guard of Gaussian units, the rate's schedule."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from hybrid_kd.network.rbm import Rbm, learning_rate_after

L2 = 0.01


def example(*, gaussian: bool, scale: float = 0.3) -> tuple[Rbm, Tensor, Tensor]:
    """An RBM of 6 visible and 4 hidden units that has moved already, a minibatch of 10, and its draws."""
    generator = torch.Generator().manual_seed(3)
    rbm = Rbm(nn.Linear(6, 4), gaussian=gaussian)
    for tensor in (*rbm.parameters, *rbm.velocities):
        tensor.copy_(scale * torch.randn(tensor.shape, generator=generator))
    visible = torch.rand(10, 6, generator=generator)
    return rbm, visible, torch.rand(10, 4, generator=generator)


def sigmoid(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


@pytest.mark.parametrize("gaussian", [True, False])
def test_a_step_is_that_of_the_equations(gaussian: bool) -> None:
    rbm, visible, draws = example(gaussian=gaussian)
    weight, hidden_bias, visible_bias = (tensor.double().numpy().copy() for tensor in rbm.parameters)
    velocities = [tensor.double().numpy().copy() for tensor in rbm.velocities]
    v, h = visible.double().numpy(), np.zeros((10, 4))
    v2, h2 = np.zeros((10, 6)), np.zeros((10, 4))
    for n in range(10):
        h[n] = sigmoid(weight @ v[n] + hidden_bias)
        sampled = (draws[n].double().numpy() < h[n]).astype(float)
        mean = weight.T @ sampled + visible_bias
        v2[n] = mean if gaussian else sigmoid(mean)
        h2[n] = sigmoid(weight @ v2[n] + hidden_bias)
    assert not gaussian or v2.std() < 2 * v.std()
    gradients = [
        sum(np.outer(h[n], v[n]) - np.outer(h2[n], v2[n]) for n in range(10)) / 10 - L2 * weight,
        (h - h2).mean(axis=0),
        (v - v2).mean(axis=0),
    ]
    error = rbm.step(visible, draws, learning_rate=0.05, l2_penalty=L2)
    assert error.item() == pytest.approx(((v - v2) ** 2).sum(), rel=1e-5)
    before = (weight, hidden_bias, visible_bias)
    for parameter, value, velocity, gradient in zip(
        rbm.parameters, before, velocities, gradients, strict=True
    ):
        expected = torch.from_numpy(value + 0.9 * velocity + 0.05 * gradient).float()
        torch.testing.assert_close(parameter, expected, atol=1e-6, rtol=1e-5)


def test_training_lowers_the_energy_of_the_data_below_that_of_its_reconstruction() -> None:
    rbm, visible, draws = example(gaussian=False)
    for velocity in rbm.velocities:
        velocity.zero_()
    reconstructed = rbm.reconstruct((draws < rbm.hidden_posteriors(visible)).float())

    def free_energy(v: Tensor) -> Tensor:
        activation = v @ rbm.weight.T + rbm.hidden_bias
        return (-(v @ rbm.visible_bias) - torch.nn.functional.softplus(activation).sum(dim=1)).sum()

    before = free_energy(visible) - free_energy(reconstructed)
    rbm.step(visible, draws, learning_rate=0.05, l2_penalty=0.0)
    assert free_energy(visible) - free_energy(reconstructed) < before


def test_weights_that_are_about_to_explode_shrink_instead_of_learning() -> None:
    rbm, visible, draws = example(gaussian=True, scale=3.0)
    before = [parameter.clone() for parameter in rbm.parameters]
    reconstructed = rbm.reconstruct((draws < rbm.hidden_posteriors(visible)).float())
    ratio = visible.double().std(correction=0) / reconstructed.double().std(correction=0)
    assert ratio < 0.5
    rbm.step(visible, draws, learning_rate=0.05, l2_penalty=L2)
    for parameter, value, velocity in zip(rbm.parameters, before, rbm.velocities, strict=True):
        torch.testing.assert_close(parameter, value * ratio.float())
        assert (velocity == 0).all()
    assert rbm.rate_factor.item() == pytest.approx(0.9)
    assert rbm.num_rescues.item() == 1


@pytest.mark.parametrize("gaussian", [True, False])
def test_reconstruction_error_falls_on_two_prototypes(gaussian: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    prototypes = torch.tensor([[0.9] * 5 + [0.1] * 5, [0.1] * 5 + [0.9] * 5])
    data = prototypes[torch.randint(0, 2, (2000,), generator=generator)]
    data = (
        data + 0.1 * torch.randn(data.shape, generator=generator)
        if gaussian
        else (torch.rand(data.shape, generator=generator) < data).float()
    )
    rbm = Rbm(nn.Linear(10, 8), gaussian=gaussian)
    rbm.initialise(None if gaussian else data.mean(0), generator, stddev=0.1)
    errors = []
    for _ in range(10):
        error = 0.0
        for visible in data.split(100):  # type: ignore[no-untyped-call]
            draws = torch.rand(100, 8, generator=generator)
            error += rbm.step(visible, draws, learning_rate=0.02, l2_penalty=0.0002).item()
        errors.append(error / data.numel())
    assert errors[-1] < 0.8 * errors[0]


def test_initial_weights_and_biases_are_those_of_kaldi() -> None:
    affine = nn.Linear(200, 300)
    rbm = Rbm(affine, gaussian=False)
    means = torch.full((200,), 0.25)
    means[0], means[1] = 0.0, 1.0
    rbm.initialise(means, torch.Generator().manual_seed(0), stddev=0.1)
    assert affine.weight.std().item() == pytest.approx(0.1, rel=0.02)
    assert (affine.bias == 0).all()
    assert rbm.visible_bias[2].item() == pytest.approx(np.log(0.25 / 0.75), rel=1e-5)
    assert rbm.visible_bias[:2].tolist() == pytest.approx([-9.21024, 9.21024], rel=1e-3)


def test_the_rate_falls_in_40_steps_of_half_a_million_frames() -> None:
    rates = [learning_rate_after(num_frames, 0.4) for num_frames in (0, 499_999, 500_000, 20_000_000, 10**9)]
    assert rates == pytest.approx([0.2, 0.2, 0.196, 0.04, 0.04])
