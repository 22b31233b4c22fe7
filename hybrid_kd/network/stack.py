"""Networks of one shape that compute side by side: their weights stacked, a layer of all one batched product.

Axis letters: students = the networks; batch = frames of one minibatch, the same for all; inputs, outputs =
units below and above.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybrid_kd.network.affine import Affine
from hybrid_kd.network.dnn import Dnn, DropoutDraws, activate_
from hybrid_kd.network.uncertainty import sigma_of


class StackedAffine(nn.Module):
    """y[s] = x[s] W[s]' + b[s], or x W[s]' + b[s] where x has no axis of students: one product for all.

    The parameters of ``affines`` become parts of the stack's: what changes the one changes the other.

    ``backward`` takes the step and leaves no gradient, as ``Affine`` does with ``learning_rates`` set; the
    rates are those that each of ``affines`` has now. Students of equal rates are one batched product.
    """

    def __init__(self, affines: Sequence[Affine]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([affine.weight.detach() for affine in affines]))
        self.bias = nn.Parameter(torch.stack([affine.bias.detach() for affine in affines]))
        self.learning_rates = [affine.learning_rates or (0.0, 0.0) for affine in affines]
        for affine, weight, bias in zip(affines, self.weight.data, self.bias.data, strict=True):
            affine.weight.data, affine.bias.data = weight, bias

    def forward(self, x: Float[Tensor, "*students batch inputs"]) -> Float[Tensor, "students batch outputs"]:
        """The layer's output, before its activation."""
        return _StackedAffine.apply(x, self.weight, self.bias, self.learning_rates)  # type: ignore[no-untyped-call, no-any-return]


class StackedDnn(nn.Module):
    """Networks of one shape and normalisation, without batch normalisation; ``outputs`` gives logits of all.

    Each network remains what it was, and its parameters are parts of the stack's.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, networks: Sequence[Dnn]) -> None:
        super().__init__()
        first = networks[0]
        assert all(network.shape == first.shape for network in networks)
        assert not first.shape.batch_norm
        self.shape = first.shape
        self.register_buffer("shift", first.shift)
        self.register_buffer("scale", first.scale)
        layers = zip(*(network.hidden_layers for network in networks), strict=True)
        self.hidden = nn.ModuleList(StackedAffine([layer.affine for layer in same]) for same in layers)
        self.output = StackedAffine([network.output for network in networks])
        heads = [network.uncertainty for network in networks if network.uncertainty is not None]
        assert len(heads) in (0, len(networks))
        self.uncertainty = StackedAffine([head.affine for head in heads]) if heads else None
        self.uncertainty_activation = heads[0].activation if heads else None
        assert all(head.activation == self.uncertainty_activation for head in heads)

    def outputs(
        self, spliced: Float[Tensor, "batch input"], dropout_draws: Sequence[DropoutDraws] = ()
    ) -> tuple[Float[Tensor, "students batch pdfs"], Float[Tensor, "students batch pdfs"] | None]:
        """Logits of spliced, not yet normalised frames, and sigma if the networks have uncertainty heads.

        In training each student has its own dropout.
        """
        x = (spliced + self.shift).mul_(self.scale)
        for affine in self.hidden:
            x = activate_(affine(x), self.shape.activation)
            if self.training and self.shape.dropout and dropout_draws:
                masks = [
                    draws.mask(own, self.shape.dropout) for draws, own in zip(dropout_draws, x, strict=True)
                ]
                x = x * torch.stack(masks)
        if self.uncertainty is None or self.uncertainty_activation is None:
            return self.output(x), None
        return self.output(x), sigma_of(self.uncertainty(x), self.uncertainty_activation)


class _StackedAffine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "*students batch inputs"],
        weight: Float[Tensor, "students outputs inputs"],
        bias: Float[Tensor, "students outputs"],
        learning_rates: Sequence[tuple[float, float]],
    ) -> Float[Tensor, "students batch outputs"]:
        ctx.save_for_backward(x)
        ctx.weight, ctx.bias, ctx.learning_rates = weight, bias, learning_rates
        if x.dim() == weight.dim():
            return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
        students, outputs, _ = weight.shape
        strides = (outputs, students * outputs, 1)  # in memory a frame's outputs of all students are one row
        y = torch.empty_strided((students, len(x), outputs), strides, dtype=x.dtype, device=x.device)
        torch.addmm(bias.flatten(), x, weight.flatten(0, 1).T, out=y.transpose(0, 1).flatten(1))
        return y

    @staticmethod
    def backward(
        ctx: Any, gradient: Float[Tensor, "students batch outputs"]
    ) -> tuple[Float[Tensor, "students batch inputs"] | None, None, None, None]:
        (x,) = ctx.saved_tensors
        below = torch.bmm(gradient, ctx.weight) if ctx.needs_input_grad[0] else None
        x, transposed, sums = x.expand(len(gradient), -1, -1), gradient.transpose(1, 2), gradient.sum(dim=1)
        if len(set(ctx.learning_rates)) == 1:
            weight_rate, bias_rate = ctx.learning_rates[0]
            ctx.weight.baddbmm_(transposed, x, alpha=-weight_rate)
            ctx.bias.add_(sums, alpha=-bias_rate)
            return below, None, None, None
        for student, (weight_rate, bias_rate) in enumerate(ctx.learning_rates):
            ctx.weight[student].addmm_(transposed[student], x[student], alpha=-weight_rate)
            ctx.bias[student].add_(sums[student], alpha=-bias_rate)
        return below, None, None, None
