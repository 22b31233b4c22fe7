"""Restricted Boltzmann machines: where the weights of a sigmoid layer can start from.

Axis letters: batch = frames of a minibatch; visible = units of the layer below, or normalised input
coefficients; hidden = units of the layer that is trained.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

FIRST_MOMENTUM = 0.5
MOMENTUM = 0.9
MOMENTUM_STEPS = 40
MOMENTUM_STEP_FRAMES = 500_000
MIN_ACTIVATION = 1e-4
MAX_STDDEV_RATIO = 2.0
CAUTION = 0.9


@dataclass(frozen=True)
class RbmOptions:
    """Gradients are means over a minibatch; num_iters epochs a layer, twice as many for the first.

    Source: Kaldi steps/nnet/pretrain_dbn.sh and nnet/nnet-trnopts.h, RbmTrainOptions.
    """

    num_iters: int = 3
    learn_rate: float = 0.4
    gaussian_learn_rate: float = 0.01
    l2_penalty: float = 0.0002
    param_stddev: float = 0.1
    minibatch_size: int = 100


def learning_rate_after(num_frames: int, learn_rate: float) -> float:
    """learn_rate * (1 - m), m from 0.5 to 0.9 in 40 steps of 500,000 frames of the same layer's training.

    It was meant to go with a momentum m, but Kaldi's trainer has always run at momentum 0.9 (its
    --with-bug=true, "which led to better results"); so do we: the first steps are five times as large.

    Source: Kaldi nnetbin/rbm-train-cd1-frmshuff.cc.
    """
    step = min(num_frames // MOMENTUM_STEP_FRAMES, MOMENTUM_STEPS)
    return learn_rate * (1.0 - FIRST_MOMENTUM - step * (MOMENTUM - FIRST_MOMENTUM) / MOMENTUM_STEPS)


class Rbm:
    """An affine layer in training as an RBM with Bernoulli hidden units; its tensors change in place.

    The visible units are Bernoulli, or Gaussian of variance 1. p(h=1|v) = sigmoid(v W' + b);
    E[v|h] = sigmoid(h W + c), without the sigmoid if Gaussian.
    """

    def __init__(self, affine: nn.Linear, *, gaussian: bool) -> None:
        self.gaussian = gaussian
        self.weight = affine.weight.detach()
        self.hidden_bias = affine.bias.detach()
        self.visible_bias = self.weight.new_zeros(affine.in_features)
        self.velocities = tuple(torch.zeros_like(parameter) for parameter in self.parameters)
        self.rate_factor = self.weight.new_ones(())
        self.num_rescues = self.weight.new_zeros(())

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weight, hidden bias, visible bias."""
        return self.weight, self.hidden_bias, self.visible_bias

    def initialise(
        self,
        mean_activations: Float[Tensor, " visible"] | None,
        generator: torch.Generator,
        *,
        stddev: float,
    ) -> None:
        """Weights N(0, stddev^2), hidden bias 0, visible bias logit(mean activation), or 0 if Gaussian.

        Source: Kaldi nnet/nnet-rbm.h, Rbm::InitData.
        """
        self.weight.copy_(torch.empty(self.weight.shape).normal_(0.0, stddev, generator=generator))
        self.hidden_bias.zero_()
        if mean_activations is not None:
            self.visible_bias.copy_(mean_activations.logit(eps=MIN_ACTIVATION))

    def hidden_posteriors(self, visible: Float[Tensor, "batch visible"]) -> Float[Tensor, "batch hidden"]:
        """p(h=1|v)."""
        return torch.addmm(self.hidden_bias, visible, self.weight.T).sigmoid_()

    def reconstruct(self, hidden: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch visible"]:
        """E[v|h]."""
        means = torch.addmm(self.visible_bias, hidden, self.weight)
        return means if self.gaussian else means.sigmoid_()

    def step(
        self,
        visible: Float[Tensor, "batch visible"],
        draws: Float[Tensor, "batch hidden"],
        *,
        learning_rate: float,
        l2_penalty: float,
    ) -> Float[Tensor, ""]:
        """One step of CD-1, with ``draws`` uniform in [0, 1); gives the summed squared reconstruction error.

        h ~ p(h|v), v' = E[v|h], h' = p(h|v'): W += dW, dW = 0.9 dW + rate ((<h v> - <h' v'>) / batch - l2 W),
        with probabilities for h but in v'; biases likewise without penalty.

        Source: Kaldi nnet/nnet-rbm.h, Rbm::RbmUpdate.
        """
        hidden = self.hidden_posteriors(visible)
        reconstructed = self.reconstruct((draws < hidden).to(visible.dtype))
        reconstructed_hidden = self.hidden_posteriors(reconstructed)
        scale, keep = self._guard(visible, reconstructed) if self.gaussian else (None, None)
        rate = self.rate_factor * (learning_rate / len(visible))
        products = (hidden.T @ visible).addmm_(reconstructed_hidden.T, reconstructed, alpha=-1)
        gradients = (
            products.add_(self.weight, alpha=-l2_penalty * len(visible)),
            hidden.sum(0) - reconstructed_hidden.sum(0),
            visible.sum(0) - reconstructed.sum(0),
        )
        for parameter, velocity, gradient in zip(self.parameters, self.velocities, gradients, strict=True):
            velocity.mul_(MOMENTUM).addcmul_(gradient, rate)
            if scale is not None and keep is not None:
                velocity.mul_(keep)
                parameter.mul_(scale)
            parameter.add_(velocity)
        return (reconstructed - visible).square().sum()

    def _guard(
        self, visible: Float[Tensor, "batch visible"], reconstructed: Float[Tensor, "batch visible"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """What parameters and velocities are multiplied by: 1 and 1, unless the weights are about to explode.

        They are if the reconstruction's standard deviation is over twice the data's. Then the parameters
        shrink by that ratio, the step is not made, and the rate falls by 0.9 until it is next set.

        Source: Kaldi nnet/nnet-rbm.h, anti-weight-explosion protection.
        """
        stddevs = visible.std(correction=0), reconstructed.std(correction=0)
        explodes = stddevs[1] > MAX_STDDEV_RATIO * stddevs[0]
        self.num_rescues += explodes
        self.rate_factor *= torch.where(explodes, CAUTION, 1.0)
        return torch.where(explodes, stddevs[0] / stddevs[1], 1.0), (~explodes).to(visible.dtype)

    def state(self) -> dict[str, Tensor]:
        """What a restart needs beside the affine layer itself."""
        names = ("velocity_of_weight", "velocity_of_hidden_bias", "velocity_of_visible_bias")
        return {
            "visible_bias": self.visible_bias,
            "rate_factor": self.rate_factor,
            **dict(zip(names, self.velocities, strict=True)),
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from what ``state`` gave."""
        for name, value in self.state().items():
            value.copy_(state[name])
