"""Sums over the frames of an epoch, kept on the device so that no minibatch waits for them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class FrameMetrics:
    """Means over frames, in nats: objective with the mixed labels, cross_entropy with the reference."""

    num_frames: int
    objective: float
    cross_entropy: float
    frame_accuracy: float


class RunningMetrics:
    """Float64 sums of losses and correct frames."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)
        self.num_frames = 0

    def add(
        self,
        logits: Float[Tensor, "batch pdfs"],
        pdf_ali: Int64[Tensor, " batch"],
        objective: Float[Tensor, ""],
        hard_loss: Float[Tensor, ""],
    ) -> None:
        """Add one minibatch: summed losses, and the frames whose largest logit is the reference pdf."""
        hard_logits = logits.gather(1, pdf_ali[:, None]).squeeze(1)
        num_correct = (hard_logits >= logits.amax(dim=1)).sum()  # argmax takes ten times as long on a CPU
        self.sums += torch.stack([objective.double(), hard_loss.double(), num_correct.double()])
        self.num_frames += len(pdf_ali)

    def means(self) -> FrameMetrics:
        """Divide by the number of frames."""
        objective, cross_entropy, accuracy = (self.sums / max(1, self.num_frames)).tolist()
        return FrameMetrics(self.num_frames, objective, cross_entropy, accuracy)
