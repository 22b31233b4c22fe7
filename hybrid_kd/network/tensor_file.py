"""safetensors files of networks: the same network has the same bytes, and a broken file a clear error."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError

SHA256 = "sha256"  # a key of the metadata


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and what is to be known of them, atomically."""
    with replace_file(path) as file:
        file.write(tensors_to_bytes(tensors, metadata))


def write_state(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write what an interrupted command continues from: with a sha256 inside, which `load_tensors` verifies.

    A finished network's file has none, so that its bytes depend on the network alone; see checksums.py.
    """
    on_cpu = _on_cpu(tensors)
    write_tensors(path, on_cpu, metadata | {SHA256: _sha256(on_cpu, metadata)})


def tensors_to_bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> bytes:
    """The file's content."""
    return _in_fixed_order(save_safetensors(_on_cpu(tensors), metadata))


def read_tensors(
    path: Path, *, device: str | torch.device = "cpu"
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what ``write_tensors`` wrote.

    Raises: HybridKdError if the file is broken or holds NaN or infinity.
    """
    try:
        return load_tensors(path, device=device)
    except ValueError as error:
        raise not_a_network(path, error) from error


def load_tensors(
    path: Path, *, device: str | torch.device = "cpu"
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of a file.

    Raises: ValueError if it is broken, damaged, or holds NaN or infinity.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(str(error)) from error
    sha256 = metadata.pop(SHA256, None)
    if sha256 is not None and sha256 != _sha256(tensors, metadata):
        raise ValueError("it is damaged: its content does not match the sha256 in it")
    if (name := first_not_finite(tensors)) is not None:
        raise ValueError(f"{name} holds NaN or infinity")
    return tensors, metadata


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor that holds NaN or infinity."""
    return next((name for name, value in tensors.items() if not value.isfinite().all()), None)


def not_a_network(path: Path, error: Exception) -> HybridKdError:
    """The error of a file whose tensors or metadata are not those of a network."""
    return HybridKdError.at(
        path, f"not a network of hybrid_kd: {error}", fix="train it again, or copy it again"
    )


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().contiguous().cpu() for name, value in tensors.items()}


def _sha256(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Over names, types, shapes and values of all tensors, and the metadata."""
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous().cpu()
        digest.update(f"\n{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _in_fixed_order(content: bytes) -> bytes:
    """Sort the header, where safetensors' order is random: the same network is to have the same sha256.

    Source: the format's description (u64 length, JSON padded with spaces, tensors).
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]
