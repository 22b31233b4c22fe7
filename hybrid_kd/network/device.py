"""Which device computes, and with how many threads."""

import ctypes

import torch

from hybrid_kd.errors import HybridKdError

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
LARGEST_MMAP_THRESHOLD = 32 << 20


def choose_device(name: str, num_threads: int = 0, *, local_rank: int | None = None) -> torch.device:
    """``auto`` is cuda where there is one; ``num_threads`` 0 leaves the CPU threads to torch.

    ``local_rank`` is the number of this process among those of its host that share a training: its GPU's.

    Raises: HybridKdError if cuda is asked for where there is none, or none for this process.
    """
    if num_threads:
        torch.set_num_threads(num_threads)
    _keep_freed_memory()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise HybridKdError.at("--device cuda", "torch sees no GPU", fix="use --device cpu or auto")
    if name == "cuda" and local_rank is not None:
        return _gpu_of(local_rank)
    return torch.device(name)


def _gpu_of(local_rank: int) -> torch.device:
    if local_rank >= (count := torch.cuda.device_count()):
        raise HybridKdError.at(
            "--device cuda",
            f"process {local_rank} of this host (from 0) needs a GPU of its own, torch sees {count}",
            fix=f"torchrun --nproc-per-node {count}",
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


def _keep_freed_memory() -> None:
    """Let glibc keep what a step frees for the next one, instead of handing it back page by page.

    Without it the kernel clears the pages of all gradients anew in each step: a tenth of the time of a
    large network on a CPU. Another C library goes its own way.

    Source: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
