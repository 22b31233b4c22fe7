"""Sums over the frames of an epoch, kept on the device so that no minibatch waits for them.

Axis letters: students = those that train together, no axis for one alone; batch = frames of a minibatch.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from hybrid_kd.training.distributed import World


@dataclass(frozen=True)
class FrameMetrics:
    """Means over frames, in nats: objective with the mixed labels, cross_entropy with the reference."""

    num_frames: int
    objective: float
    cross_entropy: float
    frame_accuracy: float


class RunningMetrics:
    """Float64 sums of losses and correct frames, of one network or of each in a stack."""

    def __init__(self, device: torch.device, students: tuple[int, ...] = ()) -> None:
        self.sums = torch.zeros(*students, 3, dtype=torch.float64, device=device)
        self.num_frames = torch.zeros(1, dtype=torch.float64, device=device)

    def add(
        self,
        logits: Float[Tensor, "*students batch pdfs"],
        pdf_ali: Int64[Tensor, "*students batch"],
        objective: Float[Tensor, "*students"],
        hard_loss: Float[Tensor, "*students"],
    ) -> None:
        """Add one minibatch: summed losses, and the frames whose largest logit is the reference pdf."""
        hard_logits = logits.gather(-1, pdf_ali.unsqueeze(-1)).squeeze(-1)
        best_logits = logits.amax(dim=-1)  # argmax takes ten times as long on a CPU
        num_correct = (hard_logits >= best_logits).sum(dim=-1)
        self.sums += torch.stack([objective.double(), hard_loss.double(), num_correct.double()], dim=-1)
        self.num_frames += pdf_ali.shape[-1]

    def means(self, world: World) -> list[FrameMetrics]:
        """Add up over all processes and divide by the number of frames; one for each student."""
        sums = torch.cat([self.sums.flatten(), self.num_frames])
        world.sum_in_place([sums])
        *totals, num_frames = sums.tolist()
        means = [total / max(1.0, num_frames) for total in totals]
        return [FrameMetrics(int(num_frames), *means[i : i + 3]) for i in range(0, len(means), 3)]
