"""Random choices as functions of (seed, purpose, epoch, utt_id): no generator is shared between purposes.

A feature that is switched off therefore changes no bit of the others, and a run that was stopped and
continued draws what an uninterrupted one draws.
"""

import hashlib

import numpy as np
import torch


def derive_seed(seed: int, purpose: str, *, epoch: int = 0, utt_id: str = "") -> int:
    """Hash the four into one 63-bit seed."""
    text = "\0".join((str(seed), purpose, str(epoch), utt_id))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def numpy_generator(seed: int, purpose: str, *, epoch: int = 0, utt_id: str = "") -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, purpose, epoch=epoch, utt_id=utt_id)))


def torch_generator(seed: int, purpose: str, *, epoch: int = 0, device: str = "cpu") -> torch.Generator:
    """A torch generator for one purpose, on ``device``."""
    generator = torch.Generator(device=device)
    generator.manual_seed(derive_seed(seed, purpose, epoch=epoch))
    return generator


def uniform(seed: int, purpose: str, *, epoch: int = 0, utt_id: str = "") -> float:
    """One draw r in [0, 1)."""
    return float(numpy_generator(seed, purpose, epoch=epoch, utt_id=utt_id).random())
