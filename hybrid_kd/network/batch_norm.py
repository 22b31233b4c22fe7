"""Batch normalisation of a minibatch whose rows may lie in several processes.

Axis letters: batch = this process's frames of a minibatch; hidden = units of a layer.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """y = (x - m) / sqrt(v + eps) g + beta, with m and v of the whole minibatch in training.

    ``sum_over_ranks`` adds up a tensor over the processes that share the minibatch, and lets gradients
    through; None is one process. Outside training m and v are the running values.
    """

    sum_over_ranks: Callable[[Tensor], Tensor] | None = None

    def forward(self, input: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """The normalised activations; in training the running mean and unbiased variance follow."""
        if self.sum_over_ranks is None or not self.training:
            return super().forward(input)
        sums = self.sum_over_ranks(torch.cat([input.sum(dim=0), input.new_full((1,), len(input))]))
        num_frames = sums[-1].detach()
        mean = sums[:-1] / num_frames
        centred = input - mean
        variance = self.sum_over_ranks(centred.square().sum(dim=0)) / num_frames
        self._follow(mean.detach(), variance.detach() * (num_frames / (num_frames - 1)))
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias

    @torch.no_grad()
    def _follow(self, mean: Float[Tensor, " hidden"], variance: Float[Tensor, " hidden"]) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
