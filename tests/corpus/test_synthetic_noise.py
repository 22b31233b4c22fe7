"""Synthetic environments: steady levels, no clipping, each its own spectrum, a function of seed and name."""

import numpy as np
import pytest

from hybrid_kd.corpus.audio_files import SAMPLE_RATE
from hybrid_kd.corpus.synthetic_noise import make_noise

pytestmark = pytest.mark.numerical


@pytest.mark.usefixtures("espeak")
@pytest.mark.parametrize("environment", ["BUS", "CAF", "PED", "STR"])
def test_noise_is_sound_throughout_and_a_function_of_seed_and_name(environment: str) -> None:
    samples = make_noise(environment, 3.0, seed=0, name="a")
    assert len(samples) == 3 * SAMPLE_RATE
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.06
    assert np.abs(samples).max() <= 0.95
    assert min(np.mean(part**2) for part in np.array_split(samples, 30)) > 1e-6
    np.testing.assert_array_equal(samples, make_noise(environment, 3.0, seed=0, name="a"))
    assert not np.allclose(samples, make_noise(environment, 3.0, seed=0, name="b"))


@pytest.mark.usefixtures("espeak")
def test_a_bus_rumbles_more_than_a_cafe() -> None:
    def low_share(environment: str) -> float:
        power = np.abs(np.fft.rfft(make_noise(environment, 4.0, seed=1, name="x"))) ** 2
        return float(power[: len(power) * 150 // 8000].sum() / power.sum())

    assert low_share("BUS") > 2 * low_share("CAF")
