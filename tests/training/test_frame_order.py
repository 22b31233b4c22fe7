"""The order of frames in an epoch."""

import numpy as np
import pytest
import torch

from hybrid_kd.frames.features import SplicedFeatures, join_utterances
from hybrid_kd.training.frame_order import frame_order


@pytest.fixture
def inputs() -> SplicedFeatures:
    lengths = [30, 7, 55, 8]
    features = [np.zeros((length, 1), np.float32) for length in lengths]
    return join_utterances(["a", "b", "c", "d"], features, left_context=0, right_context=0)


@pytest.mark.parametrize("randomizer_size", [0, 1, 10, 1000])
def test_every_frame_comes_once(inputs: SplicedFeatures, randomizer_size: int) -> None:
    order = frame_order(inputs, seed=0, epoch=1, randomizer_size=randomizer_size)
    assert torch.equal(order.sort().values, torch.arange(100))


@pytest.mark.parametrize("randomizer_size", [0, 10])
def test_order_is_a_function_of_seed_and_epoch(inputs: SplicedFeatures, randomizer_size: int) -> None:
    first, again, other_epoch, other_seed = (
        frame_order(inputs, seed=seed, epoch=epoch, randomizer_size=randomizer_size)
        for seed, epoch in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other_epoch)
    assert not torch.equal(first, other_seed)


def test_windows_of_one_frame_keep_utterances_whole_and_in_order(inputs: SplicedFeatures) -> None:
    order = frame_order(inputs, seed=0, epoch=1, randomizer_size=1)
    utts = inputs.utt_of_frame[order]
    assert (utts.diff() != 0).sum() == 3
    for utt in range(4):
        assert (order[utts == utt].diff() == 1).all()
