"""Our networks as components of Kaldi's nnet1, and back.

A feature transform is splicing and normalisation; a network is affine layers with a nonlinearity above each
but the last, whose softmax is not part of ours (logits). nnet1's learn-rate coefficients and max-norm have no
place in our networks: `hybrid-kd train` has its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from hybrid_kd.archives.nnet1 import Component, write_nnet1
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.frames.normalisation import Normalisation
from hybrid_kd.network.dnn import Activation, Dnn, NetworkShape, fold_batch_norm
from hybrid_kd.network.initialisation import OUTPUT_BIAS_LEARN_RATE_COEF

INPUT_KINDS = frozenset({"Splice", "AddShift", "Rescale"})


def nnet1_to_dnn(components: Sequence[Component]) -> tuple[Dnn, Splice]:
    """A feature transform and the network behind it, as one of ours.

    Raises: ValueError for what our networks cannot be: hidden layers of several sizes or nonlinearities,
    other components or another order, frame offsets with gaps.
    """
    num_front = next((i for i, c in enumerate(components) if c.kind not in INPUT_KINDS), len(components))
    splice, normalisation = fold_input(components[:num_front])
    affines, activation = _layers(components[num_front:])
    hidden_dims = {affine.output_dim for affine in affines[:-1]}
    if len(hidden_dims) > 1:
        raise ValueError(f"hidden layers of {', '.join(map(str, sorted(hidden_dims)))} units")
    shape = NetworkShape(
        affines[0].input_dim, len(affines) - 1, hidden_dims.pop(), affines[-1].output_dim, activation
    )
    network = Dnn(shape)
    layers = [*(layer.affine for layer in network.hidden_layers), network.output]
    for layer, affine in zip(layers, affines, strict=True):
        weight, bias = (torch.tensor(array) for array in affine.arrays)
        layer.load_state_dict({"weight": weight, "bias": bias})
    if num_front:
        network.set_normalisation(normalisation)
    return network.eval(), splice


def fold_input(components: Sequence[Component]) -> tuple[Splice, Normalisation]:
    """Splicing, shifts and scales in any order as splicing and one shift and scale: (x + shift) * scale.

    Raises: ValueError for another component, a second <Splice>, offsets that are not -l .. r, a scale of 0.
    """
    dim = components[0].input_dim if components else 0
    shift, scale = np.zeros(dim), np.ones(dim)
    splice: Splice | None = None
    for component in components:
        if component.kind == "Splice":
            if splice is not None:
                raise ValueError("a second <Splice>")
            splice = _splice(component.arrays[0].tolist())
            num_frames = len(component.arrays[0])
            shift, scale = np.tile(shift, num_frames), np.tile(scale, num_frames)
        elif component.kind == "AddShift":
            shift = shift + component.arrays[0].astype(np.float64) / scale
        elif component.kind == "Rescale":
            scale = scale * component.arrays[0].astype(np.float64)
            if not scale.all():
                raise ValueError("a <Rescale> by 0")
        else:
            raise ValueError(f"a <{component.kind}> before the first layer")
    return splice or Splice(0, 0), Normalisation(_to_tensor(shift), _to_tensor(scale))


def _to_tensor(array: Float64[np.ndarray, " input"]) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def _splice(offsets: list[int]) -> Splice:
    splice = Splice(max(0, -offsets[0]), max(0, offsets[-1])) if offsets else Splice(0, 0)
    if offsets != list(range(-splice.left_context, splice.right_context + 1)):
        raise ValueError(f"a <Splice> by {' '.join(map(str, offsets))}, which has gaps or another order")
    return splice


def _layers(components: Sequence[Component]) -> tuple[list[Component], Activation]:
    """The affine layers from the input up, and the nonlinearity of all but the last."""
    kinds = [component.kind for component in components]
    if kinds and kinds[-1] == "Softmax":
        components, kinds = components[:-1], kinds[:-1]
    for index, kind in enumerate(kinds):
        expected = ("Sigmoid", "ParametricRelu") if index % 2 else ("AffineTransform",)
        if kind not in expected:
            raise ValueError(f"a <{kind}> where <{'> or <'.join(expected)}> should be")
    if len(kinds) < 3 or len(kinds) % 2 == 0:
        raise ValueError("no hidden layer" if len(kinds) < 3 else f"a <{kinds[-1]}> at the output")
    if len(used := sorted(set(kinds[1::2]))) > 1:
        raise ValueError(f"hidden layers of <{'> and <'.join(used)}>")
    for component in components:
        if component.kind == "ParametricRelu":
            alpha, beta = component.arrays
            if (alpha != 1).any() or (beta != 0).any():
                raise ValueError("a <ParametricRelu> with another alpha than 1, or another beta than 0")
    return list(components[::2]), "sigmoid" if used == ["Sigmoid"] else "relu"


def coefs_not_kept(components: Sequence[Component]) -> list[str]:
    """What the file says of training and an imported network forgets, such as `<MaxNorm> 1`."""
    affines = [component for component in components if component.kind == "AffineTransform"]
    return sorted(
        {
            f"<{name}> {value:g}"
            for affine in affines
            for name, value in affine.coefs.items()
            if np.float32(value) != np.float32(_coefs(is_output=affine is affines[-1])[name])
        }
    )


def dnn_to_nnet1(network: Dnn, *, logit_scale: float = 1.0) -> list[Component]:
    """The layers of a network, batch normalisation folded into them, and the softmax; without normalisation.

    ``logit_scale`` is folded into the last affine layer.
    A ReLU is a <ParametricRelu> with alpha 1, beta 0 that does not learn.
    """
    folded = fold_batch_norm(network.eval())
    components: list[Component] = []
    for layer in folded.hidden_layers:
        components += [_affine(layer.affine, is_output=False), _nonlinearity(folded.shape)]
    num_pdfs = folded.shape.num_pdfs
    output = _affine(folded.output, is_output=True)
    output = replace(output, arrays=tuple(np.float32(logit_scale) * array for array in output.arrays))
    return [*components, output, Component("Softmax", num_pdfs, num_pdfs)]


def feature_transform(network: Dnn, splice: Splice) -> list[Component]:
    """Splicing and normalisation of a network."""
    offsets = np.arange(-splice.left_context, splice.right_context + 1, dtype=np.int32)
    dim = network.shape.input_dim
    fixed = {"LearnRateCoef": 0.0}
    return [
        Component("Splice", dim, dim // len(offsets), (offsets,)),
        Component("AddShift", dim, dim, (network.shift.cpu().numpy(),), fixed),
        Component("Rescale", dim, dim, (network.scale.cpu().numpy(),), fixed),
    ]


def write_feature_transform(path: Path, network: Dnn, splice: Splice) -> None:
    """Write splicing and normalisation as Kaldi's nnet1 reads them (text)."""
    write_nnet1(path, feature_transform(network, splice), binary=False)


def _coefs(*, is_output: bool) -> dict[str, float]:
    """As Kaldi's make_nnet_proto.py has them, and as `hybrid-kd train` learns."""
    bias_coef = OUTPUT_BIAS_LEARN_RATE_COEF if is_output else 1.0
    return {"LearnRateCoef": 1.0, "BiasLearnRateCoef": bias_coef, "MaxNorm": 0.0}


def _affine(layer: nn.Linear, *, is_output: bool) -> Component:
    arrays = (layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy())
    coefs = _coefs(is_output=is_output)
    return Component("AffineTransform", layer.out_features, layer.in_features, arrays, coefs)


def _nonlinearity(shape: NetworkShape) -> Component:
    dim = shape.hidden_dim
    if shape.activation == "sigmoid":
        return Component("Sigmoid", dim, dim)
    return Component("ParametricRelu", dim, dim, (np.ones(dim, np.float32), np.zeros(dim, np.float32)))
