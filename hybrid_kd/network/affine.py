"""Affine layers that can learn while the gradient is computed: one product updates the weights in place.

Axis letters: batch = frames of one minibatch; inputs, outputs = units below and above.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Affine(nn.Linear):
    """y = x W' + b. With ``learning_rates`` set, ``backward`` takes the step and leaves no gradient.

    That is plain stochastic gradient descent, W -= rate * g' x, without the gradient's way through memory: on
    a CPU a tenth of the time of a small network's step. It needs one ``backward`` for each ``forward``.
    """

    learning_rates: tuple[float, float] | None = None  # of weight and bias, a frame

    def forward(self, input: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        """The layer's output, before its activation."""
        if self.learning_rates is None or not torch.is_grad_enabled():
            return super().forward(input)
        return _LearningAffine.apply(input, self.weight, self.bias, self.learning_rates)  # type: ignore[no-untyped-call, no-any-return]


class _LearningAffine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "batch inputs"],
        weight: Float[Tensor, "outputs inputs"],
        bias: Float[Tensor, " outputs"],
        learning_rates: tuple[float, float],
    ) -> Float[Tensor, "batch outputs"]:
        ctx.save_for_backward(x)
        ctx.weight, ctx.bias, ctx.learning_rates = weight, bias, learning_rates
        return torch.addmm(bias, x, weight.T)

    @staticmethod
    def backward(
        ctx: Any, gradient: Float[Tensor, "batch outputs"]
    ) -> tuple[Float[Tensor, "batch inputs"] | None, None, None, None]:
        (x,) = ctx.saved_tensors
        weight_rate, bias_rate = ctx.learning_rates
        below = gradient.mm(ctx.weight) if ctx.needs_input_grad[0] else None
        ctx.weight.addmm_(gradient.T, x, alpha=-weight_rate)
        ctx.bias.add_(gradient.sum(dim=0), alpha=-bias_rate)
        return below, None, None, None
