"""Features of a data set, resident in memory and unspliced; a spliced frame is gathered by its index.

Axis letters: frames = all frames of all utterances, one after the other; batch = some of them;
dim = coefficients of one frame (40); window = left_context + 1 + right_context; input = window * dim (440).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor


@dataclass(frozen=True)
class SplicedFeatures:
    """Utterances laid end to end; ``frame_index`` counts over all of them from 0.

    features: one row a frame. utt_offsets: where each utterance begins, and the end of the last one.
    utt_of_frame: for each frame, the index of its utterance in ``utt_ids``.
    """

    utt_ids: tuple[str, ...]
    features: Float32[Tensor, "frames dim"]
    utt_offsets: Int64[Tensor, " utts_and_end"]
    utt_of_frame: Int64[Tensor, " frames"]
    left_context: int
    right_context: int

    @property
    def num_frames(self) -> int:
        return self.features.shape[0]

    @property
    def input_dim(self) -> int:
        return self.features.shape[1] * (self.left_context + 1 + self.right_context)

    def spliced(self, frame_index: Int64[Tensor, " batch"]) -> Float32[Tensor, "batch input"]:
        """Gather frames with their context, earliest first; an utterance's own edge frames are repeated.

        Source: Kaldi nnet/nnet-various.h, Splice.
        """
        shifts = torch.arange(-self.left_context, self.right_context + 1, device=frame_index.device)
        rows = frame_index[:, None] + shifts
        utt = self.utt_of_frame[frame_index]
        rows = torch.maximum(rows, self.utt_offsets[utt][:, None])
        rows = torch.minimum(rows, self.utt_offsets[utt + 1][:, None] - 1)
        return self.features.index_select(0, rows.flatten()).view(len(frame_index), self.input_dim)

    def to(self, device: torch.device) -> "SplicedFeatures":
        """The same, on ``device``."""
        return SplicedFeatures(
            self.utt_ids,
            self.features.to(device),
            self.utt_offsets.to(device),
            self.utt_of_frame.to(device),
            self.left_context,
            self.right_context,
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of ids, lengths and values: what a training run's ``provenance.json`` calls its input."""
        digest = hashlib.sha256("\n".join(self.utt_ids).encode())
        digest.update(self.utt_offsets.cpu().numpy().data)
        digest.update(self.features.cpu().numpy().data)
        return digest.hexdigest()


def join_utterances(
    utt_ids: Sequence[str],
    utterances: Sequence[Float[np.ndarray, "_ dim"]],
    *,
    left_context: int,
    right_context: int,
) -> SplicedFeatures:
    """Lay the utterances' features end to end; every utterance has at least one frame."""
    lengths = torch.tensor([len(utterance) for utterance in utterances], dtype=torch.int64)
    utt_offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    features = torch.from_numpy(np.concatenate(utterances).astype(np.float32, copy=False))
    return SplicedFeatures(
        tuple(utt_ids),
        features,
        utt_offsets,
        torch.repeat_interleave(torch.arange(len(lengths)), lengths),
        left_context,
        right_context,
    )
