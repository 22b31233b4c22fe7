"""Networks in files: they come back as they were, and damage of any kind has a name."""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hybrid_kd.archives.pdf_counts import write_pdf_counts
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.network.checksums import CHECKSUMS
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.initialisation import initialise, new_uncertainty_head
from hybrid_kd.network.model_dir import COUNTS, FINAL, load_model, load_networks, save_networks
from hybrid_kd.network.tensor_file import read_tensors, write_tensors
from hybrid_kd.network.uncertainty import UNCERTAINTY, save_uncertainty_head

SHAPE = NetworkShape(6, 1, 3, 4)


def new_network(shape: NetworkShape = SHAPE) -> Dnn:
    network = Dnn(shape)
    initialise(network, seed=0)
    return network


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole model directory, as far as loading goes."""
    path, network = tmp_path / "model", new_network()
    network.uncertainty = new_uncertainty_head(network, "softplus", seed=0)
    write_pdf_counts(path / COUNTS, np.array([1.5, 2.5, 0.5, 3.5]))
    (path / "feature_transform").write_text("<Nnet>\n")
    save_uncertainty_head(path, network.uncertainty)
    save_networks(path / FINAL, (network,), Splice(1, 1))
    return path


def test_the_same_network_has_the_same_bytes_and_comes_back(tmp_path: Path) -> None:
    network = new_network()
    for number in range(8):
        save_networks(tmp_path / str(number) / "final.safetensors", (network,), Splice(1, 1))
    assert len({path.read_bytes() for path in tmp_path.glob("*/final.safetensors")}) == 1
    (loaded,), splice = load_networks(tmp_path / "0")
    assert splice == Splice(1, 1)
    state = network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())


def test_the_checksums_are_those_of_sha256sum(model: Path) -> None:
    names = sorted([COUNTS, "feature_transform", FINAL, UNCERTAINTY])
    digests = [hashlib.sha256((model / name).read_bytes()).hexdigest() for name in names]
    lines = [f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True)]
    assert (model / CHECKSUMS).read_text() == "".join(lines)


@pytest.mark.parametrize("name", [FINAL, COUNTS, UNCERTAINTY, "feature_transform"])
def test_one_changed_bit_of_a_model_is_an_error(model: Path, name: str) -> None:
    load_model(model)
    content = bytearray((model / name).read_bytes())
    content[-4] ^= 1
    (model / name).write_bytes(content)
    problem = rf"{name}: is damaged: its sha256 is not that of {CHECKSUMS}\n  fix: restore the file"
    with pytest.raises(HybridKdError, match=problem):
        load_model(model)


def test_a_model_of_an_older_version_has_no_checksums_and_loads(model: Path) -> None:
    (model / CHECKSUMS).unlink()
    load_model(model)


def test_a_file_that_a_model_can_do_without_may_be_deleted(model: Path) -> None:
    (model / "feature_transform").unlink()
    load_model(model)


@pytest.mark.parametrize("content", [b"x\n", b"\xff\n", b"0" * 64 + b"  ../final.safetensors\n"])
def test_broken_checksums_are_named(model: Path, content: bytes) -> None:
    (model / CHECKSUMS).write_bytes((model / CHECKSUMS).read_bytes() + content)
    with pytest.raises(HybridKdError, match=rf"{CHECKSUMS}: line 5 is not '<sha256>  <file>'"):
        load_model(model)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize(("name", "tensor"), [(FINAL, "0.output.bias"), (UNCERTAINTY, "bias")])
def test_a_network_that_is_not_finite_is_an_error(model: Path, bad: float, name: str, tensor: str) -> None:
    (model / CHECKSUMS).unlink()
    tensors, metadata = read_tensors(model / name)
    tensors[tensor][0] = bad
    write_tensors(model / name, tensors, metadata)
    problem = rf"{name}: not a network of hybrid_kd: {tensor} holds NaN or infinity\n  fix: train it again"
    with pytest.raises(HybridKdError, match=problem):
        load_model(model)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"activation": "tanh"}, "key 'activation' is 'tanh'"),
        ({"hidden_layers": "1"}, "key 'hidden_layers' is '1'"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"hidden_layers": 10**9}, "6 tensors for 1000000000 hidden layers"),
        ({"hidden_dim": 10**9}, r"hidden\.0\.affine\.bias is 3, expected 1000000000"),
        ({"num_pdfs": 5}, r"output\.bias is 4, expected 5"),
        ({"hidden_layers": 2}, r"hidden\.1\.affine\.bias is absent, expected 3"),
        ({"batch_norm": True}, r"hidden\.0\.norm\.bias is absent, expected 3"),
        ({"input_dim": 7}, "7 inputs are not 3 frames"),
    ],
)
def test_a_network_of_another_shape_than_its_tensors_is_an_error(
    model: Path, change: dict[str, Any], problem: str
) -> None:
    rewrite_metadata(model, "shapes", json.dumps([asdict(SHAPE) | change]))
    with pytest.raises(HybridKdError, match=rf"{FINAL}: not a network of hybrid_kd: {problem}"):
        load_networks(model)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("shapes", "{}", "its metadata has no shapes"),
        ("shapes", "[]", "its metadata has no shapes"),
        ("shapes", "[" * 5000 + "]" * 5000, "brackets are nested too deeply"),
        ("splice", '{"left_context": -1}', "6 inputs are not 5 frames"),
        ("splice", '{"left_context": null}', "key 'left_context' is None"),
        ("splice", "", "Expecting value"),
    ],
)
def test_broken_metadata_is_named(model: Path, key: str, value: str, problem: str) -> None:
    rewrite_metadata(model, key, value)
    with pytest.raises(HybridKdError, match=rf"{FINAL}: not a network of hybrid_kd: {problem}"):
        load_networks(model)


def rewrite_metadata(model: Path, key: str, value: str) -> None:
    (model / CHECKSUMS).unlink()
    tensors, metadata = read_tensors(model / FINAL)
    write_tensors(model / FINAL, tensors, metadata | {key: value})


def test_counts_without_any_frame_are_an_error(model: Path) -> None:
    (model / CHECKSUMS).unlink()
    write_pdf_counts(model / COUNTS, np.zeros(4))
    with pytest.raises(HybridKdError, match=rf"{COUNTS}: counts of 4 pdfs are not frame counts: 0.0 .. 0.0"):
        load_model(model)
