"""A network in training: one gradient step on a minibatch.

Axis letters: batch = frames of a minibatch; input = spliced coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from hybrid_kd.distill.mixing import MixedLabels
from hybrid_kd.distill.uncertainty import objective
from hybrid_kd.network.dnn import Dnn, DropoutDraws
from hybrid_kd.network.initialisation import OUTPUT_BIAS_LEARN_RATE_COEF
from hybrid_kd.training.distributed import ALONE, World
from hybrid_kd.training.metrics import RunningMetrics


@dataclass(frozen=True)
class SgdOptions:
    """Gradients are summed over the minibatch (Kaldi's): 0.008 at 256 frames is 2.048 on a mean loss."""

    minibatch_size: int = 256
    momentum: float = 0.0
    l2_penalty: float = 0.0
    output_bias_learn_rate_coef: float = OUTPUT_BIAS_LEARN_RATE_COEF

    @property
    def is_plain(self) -> bool:
        """Whether a step needs nothing but its gradient, so that affine layers can learn by themselves."""
        return not self.momentum and not self.l2_penalty


class Learner:
    """A network, its optimiser, and the sums of what it has seen in the epoch."""

    students: tuple[int, ...] = ()  # no axis of them, since there is but one (StackLearner has several)

    def __init__(self, network: Dnn, options: SgdOptions, world: World = ALONE) -> None:
        self.network = network
        self.options = options
        self.world = world
        for layer in network.hidden_layers if world.size > 1 else []:
            if layer.norm is not None:
                layer.norm.sum_over_ranks = world.sum
        self.affines = network.affines
        output_bias = network.output.bias
        others = [parameter for parameter in network.parameters() if parameter is not output_bias]
        self.optimiser = torch.optim.SGD(
            [{"params": others}, {"params": [output_bias]}],
            lr=0.0,
            momentum=options.momentum,
            weight_decay=options.l2_penalty,
            foreach=True,
        )

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the rate; the output bias learns ``output_bias_learn_rate_coef`` times as fast."""
        everything, output_bias = self.optimiser.param_groups
        everything["lr"] = learning_rate
        output_bias["lr"] = learning_rate * self.options.output_bias_learn_rate_coef
        if self.options.is_plain and self.world.size == 1:
            for affine in self.affines:
                bias_group = output_bias if affine is self.network.output else everything
                affine.learning_rates = (learning_rate, bias_group["lr"])

    def step(
        self,
        spliced: Float32[Tensor, "batch input"],
        labels: MixedLabels,
        metrics: RunningMetrics,
        *,
        dropout_draws: Sequence[DropoutDraws] = (),
    ) -> None:
        """One step of stochastic gradient descent; the metrics are those before the step, with dropout.

        With several processes, each gives its own rows of the minibatch.
        """
        self.optimiser.zero_grad(set_to_none=True)
        logits, sigma = self.network.outputs(spliced, *dropout_draws)
        loss, hard_loss = objective(logits, sigma, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.world.size > 1:
            self.world.sum_in_place([p.grad for p in self.network.parameters() if p.grad is not None])
        self.optimiser.step()
        metrics.add(logits.detach(), labels.pdf_ali, loss.detach(), hard_loss)

    def state(self) -> dict[str, Tensor]:
        """A copy of all that training changes: ``network.NAME`` and, with momentum, ``momentum.NAME``."""
        state = {f"network.{name}": value.clone() for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            buffer = self.optimiser.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                state[f"momentum.{name}"] = buffer.clone()
        return state

    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to what ``state`` gave."""
        network = {name: value for name, value in state.items() if name.startswith("network.")}
        self.network.load_state_dict(
            {name.removeprefix("network."): value for name, value in network.items()}
        )
        self.optimiser.state.clear()
        for name, parameter in self.network.named_parameters():
            if (buffer := state.get(f"momentum.{name}")) is not None:
                self.optimiser.state[parameter]["momentum_buffer"] = buffer.clone().to(parameter.device)
