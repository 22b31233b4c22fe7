"""Networks in files."""

from pathlib import Path

import torch

from hybrid_kd.frames.labelled import Splice
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.network.model_dir import load_networks, save_networks


def test_the_same_network_has_the_same_bytes_and_comes_back(tmp_path: Path) -> None:
    network = Dnn(NetworkShape(6, 1, 3, 4))
    initialise(network, seed=0)
    for number in range(8):
        save_networks(tmp_path / str(number) / "final.safetensors", (network,), Splice(1, 1))
    assert len({path.read_bytes() for path in tmp_path.glob("*/final.safetensors")}) == 1
    (loaded,), splice = load_networks(tmp_path / "0")
    assert splice == Splice(1, 1)
    state = network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())
