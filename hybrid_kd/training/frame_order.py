"""In which order an epoch meets its frames."""

import torch
from jaxtyping import Int64
from torch import Tensor

from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.seeds import torch_generator


def frame_order(
    inputs: SplicedFeatures, *, seed: int, epoch: int, randomizer_size: int = 0
) -> Int64[Tensor, " frames"]:
    """A permutation of all frames; with ``randomizer_size``, one as Kaldi's nnet1 makes it.

    nnet1 shuffles utterances, lays their frames end to end, and shuffles these within windows of
    ``randomizer_size`` frames, so that an utterance's frames stay near each other.

    Source: Kaldi nnet/nnet-randomizer.h.
    """
    generator = torch_generator(seed, "frame order", epoch=epoch)
    if not randomizer_size:
        return torch.randperm(inputs.num_frames, generator=generator).to(inputs.features.device)
    position_of_utt = torch.randperm(len(inputs.utt_ids), generator=generator)
    by_utterance = position_of_utt[inputs.utt_of_frame.cpu()].argsort(stable=True)
    windows = by_utterance.split(randomizer_size)  # type: ignore[no-untyped-call]
    shuffled = [window[torch.randperm(len(window), generator=generator)] for window in windows]
    return torch.cat(shuffled).to(inputs.features.device)
