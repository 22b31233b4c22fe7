"""The mean of the networks of the best epochs: kept beside the checkpoint until training ends."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hybrid_kd.network.tensor_file import not_a_network, read_tensors, write_state

BEST_EPOCHS = "best_epochs"


def best_epochs(records: Sequence[Mapping[str, Any]], number: int) -> list[int]:
    """The accepted epochs of highest dev frame accuracy, at most ``number``; of equal ones the later."""
    accepted = [record for record in records if record.get("accepted")]
    best = sorted(accepted, key=lambda record: (record["dev_frame_accuracy"], record["epoch"]))
    return sorted(record["epoch"] for record in best[-number:])


def keep_epoch(directory: Path, epoch: int, tensors: Mapping[str, Tensor]) -> None:
    """Write an epoch's network (of ``Learner.state``)."""
    (directory / BEST_EPOCHS).mkdir(exist_ok=True)
    network = {name: value for name, value in tensors.items() if name.startswith("network.")}
    write_state(_file(directory, epoch), network, {})


def forget_epochs(directory: Path, *, but: Sequence[int] = ()) -> None:
    """Delete the networks of all other epochs; of all, also what they lie in."""
    kept = {_file(directory, epoch) for epoch in but}
    for path in (directory / BEST_EPOCHS).glob("*"):
        if path not in kept:
            path.unlink()
    if not kept and (directory / BEST_EPOCHS).is_dir():
        (directory / BEST_EPOCHS).rmdir()


def mean_of_epochs(directory: Path, epochs: Sequence[int]) -> dict[str, Tensor]:
    """The mean of each tensor; of what is counted, the last.

    Raises: HybridKdError if a file is missing or broken, or of another network.
    """
    networks = [read_tensors(_file(directory, epoch))[0] for epoch in epochs]
    for epoch, network in zip(epochs, networks, strict=True):
        if _shapes(network) != _shapes(networks[-1]):
            error = ValueError(f"its tensors are not those of epoch {epochs[-1]}")
            raise not_a_network(_file(directory, epoch), error)
    return {
        name: torch.stack([network[name].double() for network in networks]).mean(dim=0).to(last.dtype)
        if last.is_floating_point()
        else last
        for name, last in networks[-1].items()
    }


def _shapes(network: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in network.items()}


def _file(directory: Path, epoch: int) -> Path:
    return directory / BEST_EPOCHS / f"epoch_{epoch}.safetensors"
