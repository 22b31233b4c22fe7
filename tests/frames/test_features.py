"""Splicing by index, against Kaldi's own spliced features."""

from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.frames.features import SplicedFeatures, join_utterances


def all_spliced(frames: SplicedFeatures) -> np.ndarray:
    return frames.spliced(torch.arange(frames.num_frames)).numpy()


def test_splicing_agrees_with_kaldi(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    (utt_id, expected), *_ = read_matrices(f"ark:{golden}/fmllr_spliced_first.ark")
    features = dict(read_matrices(f"ark:{golden}/fmllr.ark"))[utt_id]
    frames = join_utterances([utt_id], [features], left_context=5, right_context=5)
    np.testing.assert_array_equal(all_spliced(frames), expected)


@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    left_context=st.integers(0, 6),
    right_context=st.integers(0, 6),
)
def test_context_never_leaks_between_utterances(
    lengths: list[int], left_context: int, right_context: int
) -> None:
    rng = np.random.default_rng(0)
    utterances = [rng.normal(size=(length, 3)).astype(np.float32) for length in lengths]
    utt_ids = [f"u{index}" for index in range(len(lengths))]
    together = join_utterances(utt_ids, utterances, left_context=left_context, right_context=right_context)
    alone = [
        all_spliced(join_utterances(["u"], [utt], left_context=left_context, right_context=right_context))
        for utt in utterances
    ]
    np.testing.assert_array_equal(all_spliced(together), np.concatenate(alone))


def test_edge_frames_are_repeated() -> None:
    features = np.arange(3, dtype=np.float32)[:, None]
    frames = join_utterances(["u"], [features], left_context=2, right_context=1)
    np.testing.assert_array_equal(all_spliced(frames), [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 2]])


def test_hash_changes_with_ids_lengths_and_values() -> None:
    ones = np.ones((4, 2), np.float32)
    base = join_utterances(["a", "b"], [ones[:2], ones[2:]], left_context=1, right_context=1).sha256
    others = [
        join_utterances(["a", "c"], [ones[:2], ones[2:]], left_context=1, right_context=1),
        join_utterances(["a", "b"], [ones[:1], ones[1:]], left_context=1, right_context=1),
        join_utterances(["a", "b"], [ones[:2], 2 * ones[2:]], left_context=1, right_context=1),
    ]
    assert base not in {other.sha256 for other in others}
