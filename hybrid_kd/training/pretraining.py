"""Pretraining of a sigmoid network as a stack of RBMs, layer by layer from the input, without labels.

Axis letters: batch = frames of a minibatch; input = spliced coefficients.
"""

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.rbm import Rbm, RbmOptions, learning_rate_after
from hybrid_kd.network.tensor_file import first_not_finite, load_tensors, write_state
from hybrid_kd.progress import track
from hybrid_kd.seeds import torch_generator

logger = logging.getLogger(__name__)

RBM_CHECKPOINT = "rbm.safetensors"
MEAN_BATCH = 4096


@dataclass(frozen=True)
class _Position:
    """A layer (0-based) and how many of its epochs are done."""

    layer: int
    epoch: int


@dataclass(frozen=True)
class _Stack:
    """A network in pretraining and what it is trained on."""

    network: Dnn
    inputs: SplicedFeatures
    options: RbmOptions
    seed: int

    @property
    def num_layers(self) -> int:
        return len(self.network.hidden_layers)

    def num_epochs(self, layer: int) -> int:
        """Twice as many where the visible units are Gaussian."""
        return self.options.num_iters * (2 if layer == 0 else 1)

    def below(self, spliced: Float32[Tensor, "batch input"], layer: int) -> Float[Tensor, "batch visible"]:
        """What the layers below make of the frames; for the first layer, the normalised frames."""
        x = (spliced + self.network.shift) * self.network.scale
        for hidden_layer in self.network.hidden_layers[:layer]:
            x = hidden_layer(x, None)
        return x

    def mean_activations(self, layer: int) -> Float32[Tensor, " visible"]:
        """The mean of ``below`` over all training frames, summed in float64."""
        device = self.inputs.features.device
        total = torch.zeros(self.network.shape.hidden_dim, dtype=torch.float64, device=device)
        for frame_index in torch.arange(self.inputs.num_frames, device=device).split(MEAN_BATCH):  # type: ignore[no-untyped-call]
            total += self.below(self.inputs.spliced(frame_index), layer).double().sum(0)
        return (total / self.inputs.num_frames).float()


@torch.no_grad()
def pretrain(
    network: Dnn, inputs: SplicedFeatures, options: RbmOptions, *, seed: int, directory: Path
) -> None:
    """Train each hidden layer as an RBM on what the layers below make of the frames; the output layer stays.

    The state after each epoch is in ``directory``/rbm.safetensors: an interrupted pretraining goes on
    from it, a finished one is read back. The caller removes the file once it is not needed any more.

    Raises: HybridKdError if an RBM diverges, the file is broken, or there is no full minibatch.
    Source: Kaldi steps/nnet/pretrain_dbn.sh.
    """
    if inputs.num_frames < options.minibatch_size:
        raise HybridKdError.at(
            "--pretrain rbm",
            f"{inputs.num_frames} training frames are fewer than a minibatch of {options.minibatch_size}",
            fix="train on more data, or give --pretrain none",
        )
    network.eval()
    stack, path = _Stack(network, inputs, options, seed), directory / RBM_CHECKPOINT
    position, tensors = _load(path, network) if path.is_file() else (_Position(0, 0), {})
    for layer in range(position.layer, stack.num_layers):
        rbm = Rbm(network.hidden_layers[layer].affine, gaussian=layer == 0)
        epochs_done = position.epoch if layer == position.layer else 0
        if epochs_done:
            _restore(path, rbm, tensors)
        else:
            generator = torch_generator(seed, f"rbm layer {layer} initial weights")
            means = None if rbm.gaussian else stack.mean_activations(layer)
            rbm.initialise(means, generator, stddev=options.param_stddev)
        for epoch in range(epochs_done + 1, stack.num_epochs(layer) + 1):
            _train_epoch(rbm, stack, layer=layer, epoch=epoch)
            _save(path, network, rbm, _Position(layer, epoch))


def _train_epoch(rbm: Rbm, stack: _Stack, *, layer: int, epoch: int) -> None:
    """One pass over the training frames in a seeded order; logs the mean squared reconstruction error."""
    what = f"rbm layer {layer + 1} of {stack.num_layers}, epoch {epoch} of {stack.num_epochs(layer)}"
    device, size = stack.inputs.features.device, stack.options.minibatch_size
    order_generator = torch_generator(stack.seed, f"rbm layer {layer} frame order", epoch=epoch)
    draw_generator = torch_generator(
        stack.seed, f"rbm layer {layer} hidden states", epoch=epoch, device=device.type
    )
    order = torch.randperm(stack.inputs.num_frames, generator=order_generator).to(device)
    num_batches = len(order) // size
    batches = order[: num_batches * size].split(size)  # type: ignore[no-untyped-call]
    learn_rate = stack.options.gaussian_learn_rate if rbm.gaussian else stack.options.learn_rate
    squared_error = torch.zeros((), dtype=torch.float64, device=device)
    rbm.num_rescues.zero_()
    start = time.monotonic()
    for index, frame_index in enumerate(track(batches, total=num_batches, what=what)):
        num_frames = ((epoch - 1) * num_batches + index) * size
        learning_rate = learning_rate_after(num_frames, learn_rate)
        if learning_rate != learning_rate_after(num_frames - size, learn_rate):
            rbm.rate_factor.fill_(1.0)
        visible = stack.below(stack.inputs.spliced(frame_index), layer)
        draws = torch.rand((size, len(rbm.hidden_bias)), generator=draw_generator, device=device)
        squared_error += rbm.step(
            visible, draws, learning_rate=learning_rate, l2_penalty=stack.options.l2_penalty
        )
    error = squared_error.item() / (num_batches * size * len(rbm.visible_bias))
    _refuse_diverged(rbm, what, error)
    _report(rbm, what, error, seconds=time.monotonic() - start)


def _refuse_diverged(rbm: Rbm, what: str, error: float) -> None:
    """The error is that before the last step; what this step made of the weights is checked as well."""
    problem = None
    if not math.isfinite(error):
        problem = "the reconstruction error is not a number"
    elif (name := first_not_finite(_of_rbm(rbm))) is not None:
        problem = f"{name} holds NaN or infinity"
    if problem is not None:
        fix = f"lower --rbm-{'gaussian-' if rbm.gaussian else ''}learn-rate"
        raise HybridKdError.at(what, f"pretraining diverged: {problem}", fix=fix)


def _of_rbm(rbm: Rbm) -> dict[str, Tensor]:
    return {"weight": rbm.weight, "hidden_bias": rbm.hidden_bias, **rbm.state()}


def _report(rbm: Rbm, what: str, error: float, *, seconds: float) -> None:
    if num_rescues := int(rbm.num_rescues.item()):
        logger.warning("%s: the weights were shrunk %d times so as not to explode", what, num_rescues)
    logger.info("%s: reconstruction error %.5f, %.1f s", what, error, seconds)


def _save(path: Path, network: Dnn, rbm: Rbm, position: _Position) -> None:
    network_state = {f"network.{name}": value for name, value in network.state_dict().items()}
    metadata = {"layer": str(position.layer), "epoch": str(position.epoch)}
    write_state(path, network_state | rbm.state(), metadata)


def _load(path: Path, network: Dnn) -> tuple[_Position, dict[str, Tensor]]:
    try:
        tensors, metadata = load_tensors(path)
        position = _Position(int(metadata["layer"]), int(metadata["epoch"]))
        if not (0 <= position.layer < len(network.hidden_layers) and position.epoch > 0):
            raise ValueError(f"epoch {position.epoch} of layer {position.layer + 1}")
        network.load_state_dict(
            {
                name.removeprefix("network."): value
                for name, value in tensors.items()
                if name.startswith("network.")
            }
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise _broken(path, error) from error
    logger.info("%s: continuing after epoch %d of layer %d", path, position.epoch, position.layer + 1)
    return position, tensors


def _restore(path: Path, rbm: Rbm, tensors: dict[str, Tensor]) -> None:
    try:
        rbm.load(tensors)
    except (KeyError, RuntimeError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> HybridKdError:
    fix = "delete it, and pretraining starts again"
    return HybridKdError.at(path, f"broken checkpoint: {error}", fix=fix)
