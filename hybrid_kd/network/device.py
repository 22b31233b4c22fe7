"""Which device computes, and with how many threads."""

import torch

from hybrid_kd.errors import HybridKdError


def choose_device(name: str, num_threads: int = 0) -> torch.device:
    """``auto`` is cuda where there is one; ``num_threads`` 0 leaves the CPU threads to torch.

    Raises: HybridKdError if cuda is asked for where there is none.
    """
    if num_threads:
        torch.set_num_threads(num_threads)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise HybridKdError.at("--device cuda", "torch sees no GPU", fix="use --device cpu or auto")
    return torch.device(name)
