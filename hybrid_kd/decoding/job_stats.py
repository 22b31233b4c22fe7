"""What a decoding job gets and what it reports."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

Utterances = Iterator[tuple[str, Float32[np.ndarray, "frames pdfs"]]]  # log-likelihoods


@dataclass
class JobStats:
    """What one job did; of the frames, only those of utterances that got a lattice are counted."""

    num_done: int = 0
    num_frames: int = 0
    partial: list[str] = field(default_factory=list)  # utterances with a lattice that reached no final state
    left_out: dict[str, str] = field(default_factory=dict)  # why, by utterance
    network_cpu_s: float = 0.0
    search_cpu_s: float = 0.0
    wall_s: float = 0.0
    decoder_version: str = ""
