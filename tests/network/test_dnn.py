"""The network: sizes, initialisation, dropout, folding of batch normalisation."""

import re
from pathlib import Path

import pytest
import torch

from hybrid_kd.network.dnn import Dnn, DropoutDraws, NetworkShape, fold_batch_norm, num_parameters
from hybrid_kd.network.initialisation import glorot_stddev, initialise

STUDENT = NetworkShape(440, 4, 512, 1987)
TEACHER = NetworkShape(440, 7, 2048, 1987)


@pytest.mark.parametrize(("shape", "expected"), [(STUDENT, 2_033_091), (TEACHER, 30_152_643)])
def test_parameters_are_as_many_as_in_the_paper(shape: NetworkShape, expected: int) -> None:
    with torch.device("meta"):
        assert num_parameters(Dnn(shape)) == expected


def test_initial_weights_have_the_spread_of_kaldis_prototype(shared: Path) -> None:
    proto = (shared / "kaldi-an4/exp/nnet1_student_ce/nnet.proto").read_text()
    stddevs = [float(value) for value in re.findall(r"<ParamStddev> (\S+)", proto)]
    network = Dnn(NetworkShape(440, 4, 512, 384))
    initialise(network, seed=0)
    affines = [*(layer.affine for layer in network.hidden_layers), network.output]
    assert stddevs[1:] == pytest.approx([glorot_stddev(affine) for affine in affines[1:]], abs=1e-6)
    for affine, stddev in zip(affines, stddevs, strict=True):
        assert affine.weight.std().item() == pytest.approx(stddev, rel=0.02)
    for affine in affines[:-1]:
        assert -4 <= affine.bias.min() < -3.9
        assert -0.1 < affine.bias.max() <= 0
    assert (network.output.bias == 0).all()


def test_each_layer_is_drawn_by_itself() -> None:
    shallow, deep = Dnn(NetworkShape(6, 2, 8, 3)), Dnn(NetworkShape(6, 3, 8, 3))
    initialise(shallow, seed=5)
    initialise(deep, seed=5)
    for index in range(2):
        ours, theirs = shallow.hidden_layers[index], deep.hidden_layers[index]
        torch.testing.assert_close(ours.affine.weight, theirs.affine.weight, atol=0, rtol=0)


@pytest.mark.parametrize("dropout", [0.1, 0.3, 0.5])
def test_dropout_keeps_the_mean_and_drops_its_share(dropout: float) -> None:
    draws = DropoutDraws(torch.Generator().manual_seed(0), 1001, slice(0, 1001))
    mask = draws.mask(torch.ones(1001, 101), dropout)
    assert (mask == 0).double().mean().item() == pytest.approx(dropout, abs=0.005)
    assert mask.mean().item() == pytest.approx(1.0, abs=0.01)
    assert set(mask.flatten().tolist()) == {0.0, torch.tensor(1 / (1 - dropout)).item()}


def test_folding_batch_norm_changes_no_output() -> None:
    network = Dnn(NetworkShape(12, 3, 16, 7, "relu", batch_norm=True, dropout=0.3))
    initialise(network, seed=1)
    frames = torch.randn(300, 12, generator=torch.Generator().manual_seed(2))
    network.train()
    for _ in range(3):
        network(2.0 * frames + 0.5)
    for layer in network.hidden_layers:
        assert layer.norm is not None
        torch.nn.init.normal_(layer.norm.weight, 1.0, 0.3)
        torch.nn.init.normal_(layer.norm.bias)
    network.eval()
    folded = fold_batch_norm(network)
    assert all(layer.norm is None for layer in folded.hidden_layers)
    torch.testing.assert_close(folded(frames), network(frames), atol=1e-5, rtol=1e-5)
