"""Several networks in training on the same minibatches: one gradient step of all.

Axis letters: students = the networks; batch = frames of a minibatch; input = spliced coefficients.
"""

from collections.abc import Sequence

from jaxtyping import Float32
from torch import Tensor

from hybrid_kd.distill.mixing import MixedLabels
from hybrid_kd.distill.uncertainty import objective
from hybrid_kd.network.dnn import DropoutDraws
from hybrid_kd.network.stack import StackedDnn
from hybrid_kd.training.distributed import ALONE
from hybrid_kd.training.learner import Learner
from hybrid_kd.training.metrics import RunningMetrics


class StackLearner:
    """Learners that take their steps together, each at the learning rate that it has now.

    Their networks become parts of one stack (network/stack.py): each learner remains whole, can be asked for
    its state and go on alone. They have one shape and normalisation, and plain gradient descent.
    """

    world = ALONE

    def __init__(self, learners: Sequence[Learner]) -> None:
        self.options = learners[0].options
        assert all(learner.options == self.options for learner in learners)
        assert self.options.is_plain
        self.network = StackedDnn([learner.network for learner in learners])
        self.students: tuple[int, ...] = (len(learners),)

    def step(
        self,
        spliced: Float32[Tensor, "batch input"],
        labels: MixedLabels,
        metrics: RunningMetrics,
        *,
        dropout_draws: Sequence[DropoutDraws] = (),
    ) -> None:
        """One step of stochastic gradient descent of each; the metrics are those before the step."""
        logits, sigma = self.network.outputs(spliced, dropout_draws)
        losses, hard_losses = objective(logits, sigma, labels)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        metrics.add(logits.detach(), labels.pdf_ali, losses.detach(), hard_losses)


def joined(learners: Sequence[Learner]) -> Learner | StackLearner:
    """What takes their steps: the learner itself if it is the only one."""
    return learners[0] if len(learners) == 1 else StackLearner(learners)
