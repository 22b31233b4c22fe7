"""Mixing: the SNR is the one that was asked for, and noise comes from its own part of the recording."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.corpus.mixing import cut_noise, high_pass_power, mix, noise_gain
from tests.corpus.conftest import tone

pytestmark = pytest.mark.numerical


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5])
def test_the_mixture_has_the_snr(snr_db: float) -> None:
    speech, noise = tone(0.5, 300), tone(0.5, 900, loudness=0.01)
    added = mix(speech, noise, snr_db=snr_db) - speech
    assert 10 * np.log10(high_pass_power(speech) / high_pass_power(added)) == pytest.approx(snr_db, abs=1e-4)


def test_rumble_counts_for_little() -> None:
    assert high_pass_power(tone(1.0, 20)) < 0.05 * high_pass_power(tone(1.0, 300))


def test_silence_has_a_finite_gain() -> None:
    assert np.isfinite(noise_gain(tone(0.1, 300), np.zeros(1600), snr_db=10.0))


def test_a_loud_mixture_is_scaled_down() -> None:
    speech, noise = tone(0.5, 300, loudness=0.8), tone(0.5, 900)
    mixture = mix(speech, noise, snr_db=0.0)
    assert np.abs(mixture).max() == pytest.approx(0.95)


@given(st.integers(0, 99), st.integers(1, 250), st.integers(0, 100))
def test_noise_stays_in_its_part(offset: int, length: int, border: int) -> None:
    noise = np.arange(100.0)
    part = cut_noise(noise, offset=offset, length=length, border=border)
    start, end = (0, border) if offset < border else (border, 100)
    assert len(part) == length
    assert part[0] == offset
    assert set(part) <= set(range(start, end))
    np.testing.assert_array_equal(part, start + (offset - start + np.arange(length)) % (end - start))
