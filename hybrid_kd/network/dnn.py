"""The acoustic model's network: spliced, normalised frames in, logits over pdfs out.

Axis letters: batch = frames of one minibatch; input = spliced coefficients (440); pdfs = HMM states (1987).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybrid_kd.frames.normalisation import Normalisation
from hybrid_kd.network.affine import Affine
from hybrid_kd.network.batch_norm import BatchNorm
from hybrid_kd.network.uncertainty import UncertaintyHead

Activation = Literal["sigmoid", "relu"]


@dataclass(frozen=True)
class NetworkShape:
    """What is needed to build a network without its parameters.

    batch_norm: between each affine layer and its activation. dropout: probability that a hidden unit is zero.
    """

    input_dim: int
    hidden_layers: int
    hidden_dim: int
    num_pdfs: int
    activation: Activation = "sigmoid"
    batch_norm: bool = False
    dropout: float = 0.0


@dataclass(frozen=True)
class DropoutDraws:
    """A minibatch's random draws for dropout: of its ``num_frames`` frames this process has ``rows``.

    They are drawn for the whole minibatch, so that it does not matter how many processes share it.
    """

    generator: torch.Generator
    num_frames: int
    rows: slice

    def mask(self, x: Float[Tensor, "batch hidden"], dropout: float) -> Float[Tensor, "batch hidden"]:
        """1 / (1 - p) with probability 1 - p, else 0; p is rounded to a multiple of 2^-16.

        The generator's 64-bit draws are cut into four: drawing one number a unit costs as much as a small
        layer.
        """
        num_units = self.num_frames * x.shape[1]
        draws = torch.empty(-(-num_units // 4), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), 2**63 - 1, generator=self.generator)
        numbers = draws.view(torch.int16)[:num_units].view(self.num_frames, -1)[self.rows]
        return (numbers >= round(dropout * 2**16) - 2**15).to(x.dtype).div_(1.0 - dropout)


def activate_(x: Float[Tensor, "*dims"], activation: Activation) -> Float[Tensor, "*dims"]:
    """Replace x by the activation of it."""
    return torch.sigmoid_(x) if activation == "sigmoid" else torch.relu_(x)


class HiddenLayer(nn.Module):
    """Affine layer, batch normalisation (or none), activation, dropout (or none)."""

    def __init__(self, input_dim: int, shape: NetworkShape) -> None:
        super().__init__()
        self.affine = Affine(input_dim, shape.hidden_dim)
        self.norm = BatchNorm(shape.hidden_dim) if shape.batch_norm else None
        self.activation = shape.activation
        self.dropout = shape.dropout

    def forward(
        self, x: Float[Tensor, "batch _"], dropout_draws: DropoutDraws | None
    ) -> Float[Tensor, "batch hidden"]:
        """Dropout is applied if there are draws for it, and only in training mode."""
        x = self.affine(x)
        if self.norm is not None:
            x = self.norm(x)
        x = activate_(x, self.activation)
        if self.training and self.dropout and dropout_draws is not None:
            x = x * dropout_draws.mask(x, self.dropout)
        return x


class Dnn(nn.Module):
    """A feed-forward network; ``forward`` gives logits (unnormalised), the softmax is not part of it."""

    shift: Tensor
    scale: Tensor

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("shift", torch.zeros(shape.input_dim))
        self.register_buffer("scale", torch.ones(shape.input_dim))
        dims = [shape.input_dim] + [shape.hidden_dim] * (shape.hidden_layers - 1)
        self.hidden = nn.ModuleList(HiddenLayer(dim, shape) for dim in dims)
        self.output = Affine(shape.hidden_dim, shape.num_pdfs)
        self.uncertainty: UncertaintyHead | None = None  # not for decoding

    @property
    def hidden_layers(self) -> list[HiddenLayer]:
        """The hidden layers, from the input up."""
        return list(self.hidden)  # type: ignore[arg-type]

    @property
    def affines(self) -> list[Affine]:
        """All affine layers, those that are trained."""
        head = [] if self.uncertainty is None else [self.uncertainty.affine]
        return [*(layer.affine for layer in self.hidden_layers), self.output, *head]

    def set_normalisation(self, normalisation: Normalisation) -> None:
        """Store the training set's normalisation; it is part of the model from then on."""
        self.shift.copy_(normalisation.shift)
        self.scale.copy_(normalisation.scale)

    def forward(
        self, spliced: Float[Tensor, "batch input"], dropout_draws: DropoutDraws | None = None
    ) -> Float[Tensor, "batch pdfs"]:
        """Logits of spliced, not yet normalised frames."""
        return self.output(self.hidden_output(spliced, dropout_draws))  # type: ignore[no-any-return]

    def outputs(
        self, spliced: Float[Tensor, "batch input"], dropout_draws: DropoutDraws | None = None
    ) -> tuple[Float[Tensor, "batch pdfs"], Float[Tensor, "batch pdfs"] | None]:
        """Logits, and sigma of their noise from the uncertainty head, if there is one."""
        hidden = self.hidden_output(spliced, dropout_draws)
        return self.output(hidden), None if self.uncertainty is None else self.uncertainty(hidden)

    def hidden_output(
        self, spliced: Float[Tensor, "batch input"], dropout_draws: DropoutDraws | None = None
    ) -> Float[Tensor, "batch hidden"]:
        """The last hidden layer's output: what logits and uncertainty are projected from."""
        x = (spliced + self.shift).mul_(self.scale)
        for layer in self.hidden_layers:
            x = layer(x, dropout_draws)
        return x


def num_parameters(network: Dnn) -> int:
    """Trained weights and biases: 2,033,091 for 440 -> 4 x 512 -> 1987, 30,152,643 for 7 x 2048.

    Those of an uncertainty head do not count, since it is dropped.
    """
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if not name.startswith("uncertainty.")
    )


def fold_batch_norm(network: Dnn) -> Dnn:
    """The same function with batch normalisation (its running values) put into the affine layers.

    w' = w g / sqrt(v + eps), b' = (b - m) g / sqrt(v + eps) + beta.
    """
    shape = network.shape
    if not shape.batch_norm and not shape.dropout:
        return network
    plain = NetworkShape(
        shape.input_dim, shape.hidden_layers, shape.hidden_dim, shape.num_pdfs, shape.activation
    )
    folded = Dnn(plain).to(network.shift.device)
    left = (".norm.", "uncertainty.")
    state = {
        name: value for name, value in network.state_dict().items() if not any(part in name for part in left)
    }
    for index, layer in enumerate(network.hidden_layers):
        if (norm := layer.norm) is not None:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            gain = norm.weight.double() * (norm.running_var.double() + norm.eps).rsqrt()
            bias = (layer.affine.bias.double() - norm.running_mean.double()) * gain + norm.bias.double()
            state[f"hidden.{index}.affine.weight"] = (layer.affine.weight.double() * gain[:, None]).float()
            state[f"hidden.{index}.affine.bias"] = bias.float()
    folded.load_state_dict(state)
    return folded.eval()
