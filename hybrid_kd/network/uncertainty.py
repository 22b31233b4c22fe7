"""How unsure a network is of each logit: a second output layer, used in training and dropped afterwards.

Axis letters: batch = frames; hidden = units of the last hidden layer; pdfs = HMM states.
"""

from pathlib import Path
from typing import Literal, cast, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hybrid_kd.network.affine import Affine
from hybrid_kd.network.tensor_file import not_a_network, read_tensors, write_tensors

UNCERTAINTY = "uncertainty.safetensors"
MIN_VARIANCE = 1e-6  # added to softplus
RELU_FLOOR = 0.01  # added to a ReLU, whose gradient through the square root would have no bound at 0

VarianceActivation = Literal["softplus", "relu"]


class UncertaintyHead(nn.Module):
    """sigma = sqrt(v): v = softplus(W h + b) + 1e-6, or max(0, W h + b) + 0.01; h the last hidden layer.

    Source: Kim et al. (a variance projected from the representation before the logits, "e.g. by ReLU");
    softplus and the floors are ours.
    """

    def __init__(self, hidden_dim: int, num_pdfs: int, activation: VarianceActivation) -> None:
        super().__init__()
        self.affine = Affine(hidden_dim, num_pdfs)
        self.activation = activation

    def forward(
        self, hidden: Float[Tensor, "*students batch hidden"]
    ) -> Float[Tensor, "*students batch pdfs"]:
        """Sigma: the standard deviation of the noise on each logit."""
        return sigma_of(self.affine(hidden), self.activation)


def sigma_of(
    projected: Float[Tensor, "*students batch pdfs"], activation: VarianceActivation
) -> Float[Tensor, "*students batch pdfs"]:
    """The standard deviation that a projection W h + b means."""
    if activation == "relu":
        return (projected.relu() + RELU_FLOOR).sqrt()
    return (functional.softplus(projected) + MIN_VARIANCE).sqrt()


def save_uncertainty_head(model_dir: Path, head: UncertaintyHead) -> None:
    """Write the head beside the network, which is complete without it."""
    write_tensors(model_dir / UNCERTAINTY, head.affine.state_dict(), {"activation": head.activation})


def load_uncertainty_head(
    model_dir: Path, hidden_dim: int, num_pdfs: int, *, device: str | torch.device = "cpu"
) -> UncertaintyHead | None:
    """Read the head of a network of these dimensions; None if it was trained without one.

    Raises: HybridKdError if the file is broken or of another network.
    """
    path = model_dir / UNCERTAINTY
    if not path.is_file():
        return None
    tensors, metadata = read_tensors(path, device=device)
    try:
        activation = metadata["activation"]
        if activation not in get_args(VarianceActivation):
            raise ValueError(f"activation '{activation}'")
        head = UncertaintyHead(hidden_dim, num_pdfs, cast(VarianceActivation, activation))
        head.affine.load_state_dict(tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise not_a_network(path, error) from error
    return head.to(device).eval()
