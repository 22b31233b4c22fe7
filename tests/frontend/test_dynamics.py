"""Deltas and splicing against kaldi-native-fbank and Kaldi."""

from pathlib import Path

import kaldi_native_fbank
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.frontend.dynamics import add_deltas, splice_frames

pytestmark = pytest.mark.numerical


def random_features(num_frames: int) -> np.ndarray:
    return np.random.default_rng(num_frames).normal(size=(num_frames, 5)).astype(np.float32)


@pytest.mark.parametrize("num_frames", [1, 2, 3, 50])
@pytest.mark.parametrize(("order", "window"), [(2, 2), (1, 3), (3, 1)])
def test_deltas_are_kaldis(num_frames: int, order: int, window: int) -> None:
    features = random_features(num_frames)
    options = kaldi_native_fbank.DeltaOptions()
    options.order, options.window = order, window
    expected = kaldi_native_fbank.compute_deltas(options, features)
    np.testing.assert_allclose(add_deltas(features, order=order, window=window), expected, atol=1e-6)


@given(num_frames=st.integers(1, 9), left=st.integers(0, 5), right=st.integers(0, 5))
def test_spliced_frames_are_kaldis(num_frames: int, left: int, right: int) -> None:
    features = random_features(num_frames)
    options = kaldi_native_fbank.SpliceOptions(left_context=left, right_context=right)
    expected = kaldi_native_fbank.splice_frames(features, options)
    np.testing.assert_array_equal(splice_frames(features, left_context=left, right_context=right), expected)


def test_splicing_of_a_network_is_kaldis(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    (utt_id, expected), *_ = read_matrices(f"ark:{golden}/fmllr_spliced_first.ark")
    features = dict(read_matrices(f"ark:{golden}/fmllr.ark"))[utt_id]
    np.testing.assert_array_equal(splice_frames(features, left_context=5, right_context=5), expected)
