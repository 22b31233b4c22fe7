"""Networks as components of Kaldi's nnet1, and back."""

import numpy as np
import pytest
import torch

from hybrid_kd.archives.nnet1 import Component
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.frames.normalisation import Normalisation
from hybrid_kd.network.dnn import Activation, Dnn, NetworkShape
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.network.nnet1 import (
    coefs_not_kept,
    dnn_to_nnet1,
    feature_transform,
    fold_input,
    nnet1_to_dnn,
)

DIM, HIDDEN, PDFS = 6, 4, 5


def make_network(activation: Activation = "sigmoid", *, batch_norm: bool = False) -> Dnn:
    """Two hidden layers, normalisation, and running values of batch normalisation where there is any."""
    network = Dnn(NetworkShape(DIM, 2, HIDDEN, PDFS, activation, batch_norm, dropout=0.2))
    initialise(network, seed=0)
    generator = torch.Generator().manual_seed(1)
    shift, scale = torch.randn(DIM, generator=generator), torch.rand(DIM, generator=generator) + 0.5
    network.set_normalisation(Normalisation(shift, scale))
    network.train()
    for _ in range(5):
        network(2.0 * torch.randn(50, DIM, generator=generator) - 1.0)
    return network.eval()


def affine(outputs: int, inputs: int) -> Component:
    """Weights that are all 1."""
    arrays = (np.ones((outputs, inputs), np.float32), np.zeros(outputs, np.float32))
    return Component("AffineTransform", outputs, inputs, arrays)


def plain(kind: str, dim: int) -> Component:
    """A nonlinearity without parameters."""
    return Component(kind, dim, dim)


def relu(dim: int, *, beta: float = 0.0) -> Component:
    """alpha 1."""
    return Component("ParametricRelu", dim, dim, (np.ones(dim, np.float32), np.full(dim, beta, np.float32)))


def splice(*offsets: int, dim: int = 2) -> Component:
    """Frame offsets."""
    return Component("Splice", dim * len(offsets), dim, (np.array(offsets, np.int32),))


def vector(kind: str, *values: float) -> Component:
    """AddShift or Rescale."""
    return Component(kind, len(values), len(values), (np.array(values, np.float32),))


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_a_network_comes_back_bit_by_bit(activation: Activation) -> None:
    network, context = make_network(activation), Splice(2, 0)
    back, splice_back = nnet1_to_dnn([*feature_transform(network, context), *dnn_to_nnet1(network)])
    assert splice_back == context
    assert back.shape == NetworkShape(DIM, 2, HIDDEN, PDFS, activation)
    for name, value in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], value)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_batch_normalisation_is_folded(activation: Activation) -> None:
    network = make_network(activation, batch_norm=True)
    components = dnn_to_nnet1(network)
    assert {c.kind for c in components} <= {"AffineTransform", "Sigmoid", "ParametricRelu", "Softmax"}
    back, _ = nnet1_to_dnn([*feature_transform(network, Splice(0, 0)), *components])
    frames = torch.randn(20, DIM, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(back(frames), network(frames), atol=1e-5, rtol=1e-5)


def test_relu_is_a_parametric_relu_that_does_not_learn() -> None:
    relus = [c for c in dnn_to_nnet1(make_network("relu")) if c.kind == "ParametricRelu"]
    assert len(relus) == 2
    for component in relus:
        alpha, beta = component.arrays
        assert (alpha == 1).all()
        assert (beta == 0).all()
        assert not any(component.coefs.values())


def test_exported_layers_learn_as_kaldis() -> None:
    *hidden, output = [c for c in dnn_to_nnet1(make_network()) if c.kind == "AffineTransform"]
    assert [c.coefs["BiasLearnRateCoef"] for c in hidden] == [1.0, 1.0]
    assert output.coefs["BiasLearnRateCoef"] == 0.1
    assert coefs_not_kept([*hidden, output]) == []


def test_what_an_import_forgets_is_named() -> None:
    layer = affine(2, 2)
    strange = Component(layer.kind, 2, 2, layer.arrays, {"MaxNorm": 3.0, "BiasLearnRateCoef": 1.0})
    assert coefs_not_kept([layer, strange]) == ["<BiasLearnRateCoef> 1", "<MaxNorm> 3"]


def test_normalisation_is_folded_wherever_it_stands() -> None:
    """((x - 1) * 2, spliced, + 3) is (x + 0.5) * 2 on each frame."""
    context, normalisation = fold_input(
        [vector("AddShift", -1, 0), vector("Rescale", 2, 4), splice(-1, 0), vector("AddShift", *[3.0] * 4)]
    )
    assert context == Splice(1, 0)
    assert normalisation.shift.tolist() == [0.5, 0.75, 0.5, 0.75]
    assert normalisation.scale.tolist() == [2, 4, 2, 4]


def test_a_network_without_feature_transform_sees_one_frame_as_it_is() -> None:
    network, context = nnet1_to_dnn([affine(3, 2), plain("Sigmoid", 3), affine(2, 3)])
    assert context == Splice(0, 0)
    assert network.shift.tolist() == [0, 0]
    assert network.scale.tolist() == [1, 1]


REFUSED: list[tuple[list[Component], str]] = [
    ([splice(-2, 0, 2)], "a <Splice> by -2 0 2, which has gaps or another order"),
    ([splice(1, 2)], "a <Splice> by 1 2"),
    ([splice(0, 1, 0)], "a <Splice> by 0 1 0"),
    ([splice(0), splice(0)], "a second <Splice>"),
    ([vector("Rescale", 1, 0)], "a <Rescale> by 0"),
    ([affine(2, 2)], "no hidden layer"),
    ([affine(2, 2), plain("Softmax", 2)], "no hidden layer"),
    ([affine(2, 2), plain("Sigmoid", 2)], "no hidden layer"),
    ([affine(2, 2), plain("Sigmoid", 2), affine(2, 2), plain("Sigmoid", 2)], "a <Sigmoid> at the output"),
    ([affine(2, 2), affine(2, 2), affine(2, 2)], "a <AffineTransform> where <Sigmoid> or <ParametricRelu>"),
    ([plain("Sigmoid", 2), affine(2, 2)], "a <Sigmoid> where <AffineTransform> should be"),
    ([affine(2, 2), plain("Softmax", 2), affine(2, 2)], "a <Softmax> where <Sigmoid> or"),
    (
        [affine(3, 2), plain("Sigmoid", 3), affine(4, 3), plain("Sigmoid", 4), affine(2, 4)],
        "hidden layers of 3, 4 units",
    ),
    (
        [affine(2, 2), plain("Sigmoid", 2), affine(2, 2), relu(2), affine(2, 2)],
        "hidden layers of <ParametricRelu> and <Sigmoid>",
    ),
    ([affine(2, 2), relu(2, beta=0.25), affine(2, 2)], "a <ParametricRelu> with another alpha than 1"),
]


@pytest.mark.parametrize(("components", "problem"), REFUSED, ids=[problem for _, problem in REFUSED])
def test_what_our_networks_cannot_be_is_refused_by_name(components: list[Component], problem: str) -> None:
    with pytest.raises(ValueError, match="^" + problem.replace("(", r"\(")):
        nnet1_to_dnn(components)


def test_a_layer_in_the_feature_transform_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="a <AffineTransform> before the first layer"):
        fold_input([splice(0), affine(2, 2)])
