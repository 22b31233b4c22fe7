"""MFCC against Kaldi's own."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.frontend.audio import read_waveform
from hybrid_kd.frontend.mfcc import RECIPE_OPTIONS, MfccOptions, add_dither, mfcc

pytestmark = pytest.mark.numerical


def test_mfcc_are_kaldis(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    for utt_id, expected in read_matrices(f"ark:{golden}/mfcc_nodither.ark"):
        samples = read_waveform(f"{golden}/wav/{utt_id}.flac").samples[:, 0]
        # Two float32 FFTs, of values up to 100; another window or mel bank moves them by more than 0.1.
        np.testing.assert_allclose(mfcc(samples), expected, atol=2e-3)


def test_shorter_than_a_window_gives_no_frames() -> None:
    assert mfcc(np.zeros(399, np.float32)).shape == (0, 13)
    assert mfcc(np.ones(400, np.float32)).shape == (1, 13)


def test_silence_is_finite() -> None:
    assert np.isfinite(mfcc(np.zeros(16000, np.float32))).all()


@pytest.mark.parametrize("rate", [8000.0, 44100.0])
def test_other_rates_have_the_same_frame_shift(rate: float) -> None:
    noise = np.random.default_rng(0).normal(scale=100, size=int(rate)).astype(np.float32)
    options = MfccOptions(sample_frequency=rate, use_energy=False, num_ceps=20, snip_edges=False)
    assert mfcc(noise, options=options).shape == (100, 20)


def test_dither_depends_on_seed_and_utterance_only() -> None:
    samples = np.zeros(16000, np.float32)
    noisy = add_dither(samples, dither=1.0, seed=0, utt_id="u1")
    np.testing.assert_array_equal(noisy, add_dither(samples, dither=1.0, seed=0, utt_id="u1"))
    assert noisy.std() == pytest.approx(1, abs=0.03)
    assert not np.array_equal(noisy, add_dither(samples, dither=1.0, seed=0, utt_id="u2"))
    assert not np.array_equal(noisy, add_dither(samples, dither=1.0, seed=1, utt_id="u1"))
    assert add_dither(samples, dither=0.0, seed=0, utt_id="u1") is samples
    assert RECIPE_OPTIONS.dither == 0
