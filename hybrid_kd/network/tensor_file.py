"""safetensors files of networks: the same network has the same bytes, and a broken file a clear error."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and what is to be known of them, atomically."""
    on_cpu = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    with replace_file(path) as file:
        file.write(_in_fixed_order(save_safetensors(on_cpu, metadata)))


def read_tensors(
    path: Path, *, device: str | torch.device = "cpu"
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what ``write_tensors`` wrote.

    Raises: HybridKdError if the file is broken.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise not_a_network(path, error) from error


def not_a_network(path: Path, error: Exception) -> HybridKdError:
    """The error of a file whose tensors or metadata are not those of a network."""
    return HybridKdError.at(
        path, f"not a network of hybrid_kd: {error}", fix="train it again, or copy it again"
    )


def _in_fixed_order(content: bytes) -> bytes:
    """Sort the header, where safetensors' order is random: the same network is to have the same sha256.

    Source: the format's description (u64 length, JSON padded with spaces, tensors).
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]
