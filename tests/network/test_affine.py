"""Affine layers that learn in ``backward``: the same step as plain SGD takes, and only when told."""

import copy

import pytest
import torch

from hybrid_kd.network.affine import Affine
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.training.learner import Learner, SgdOptions


class TwoLayers(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lower, self.upper = Affine(7, 5), Affine(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.upper(torch.sigmoid(self.lower(x)))  # type: ignore[no-any-return]


def _two_layers() -> tuple[TwoLayers, torch.Tensor]:
    torch.manual_seed(0)
    return TwoLayers().double(), torch.randn(11, 7, dtype=torch.float64)


def _gradient(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


def test_a_learning_layer_takes_the_step_of_plain_sgd() -> None:
    learning, x = _two_layers()
    reference = copy.deepcopy(learning)
    loss = reference(x).square().sum()
    loss.backward()
    for layer in (learning.lower, learning.upper):
        layer.learning_rates = (0.1, 0.01)
    torch.testing.assert_close(learning(x).square().sum(), loss)
    learning(x).square().sum().backward()
    for name, parameter in reference.named_parameters():
        rate = 0.1 if name.endswith("weight") else 0.01
        torch.testing.assert_close(learning.get_parameter(name), parameter - rate * _gradient(parameter))


def test_a_learning_layer_passes_the_gradient_of_the_weights_before_the_step() -> None:
    learning, x = _two_layers()
    reference = copy.deepcopy(learning)
    learning.upper.learning_rates = (0.5, 0.5)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    for layers, input_ in zip((learning, reference), inputs, strict=True):
        layers(input_).square().sum().backward()
    torch.testing.assert_close(_gradient(inputs[0]), _gradient(inputs[1]))


def test_a_learning_layer_leaves_no_gradient_and_does_not_learn_without_one() -> None:
    learning, x = _two_layers()
    before = copy.deepcopy(learning.state_dict())
    for layer in (learning.lower, learning.upper):
        layer.learning_rates = (0.1, 0.1)
    with torch.no_grad():
        learning(x)
    assert all(torch.equal(value, before[name]) for name, value in learning.state_dict().items())
    learning(x).sum().backward()
    assert all(parameter.grad is None for parameter in learning.parameters())


@pytest.mark.parametrize("options", [SgdOptions(momentum=0.9), SgdOptions(l2_penalty=1e-4)])
def test_with_momentum_or_a_penalty_the_optimiser_takes_the_step(options: SgdOptions) -> None:
    learner = Learner(Dnn(NetworkShape(4, 1, 3, 2)), options)
    learner.set_learning_rate(0.1)
    assert all(affine.learning_rates is None for affine in learner.affines)


def test_the_output_bias_of_a_plain_learner_has_its_own_rate() -> None:
    learner = Learner(Dnn(NetworkShape(4, 2, 3, 2)), SgdOptions(output_bias_learn_rate_coef=0.1))
    learner.set_learning_rate(0.5)
    assert [affine.learning_rates for affine in learner.affines] == [(0.5, 0.5), (0.5, 0.5), (0.5, 0.05)]
