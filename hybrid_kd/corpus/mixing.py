"""Speech in noise: the level of a recording, the gain for an SNR, and the mixture."""

import numpy as np
from jaxtyping import Float, Float64
from scipy.signal import butter, sosfilt

from hybrid_kd.corpus.audio_files import SAMPLE_RATE

HIGH_PASS_HZ = 100.0  # rumble below it counts for no level: the ear and the features hardly hear it
LEAST_NOISE_POWER = 1e-12  # added to the power of the noise, so that digital silence has a gain too
MAX_AMPLITUDE = 0.95


def high_pass_power(samples: Float64[np.ndarray, " samples"]) -> float:
    """Mean square after a 4th-order Butterworth high-pass at 100 Hz, of full scale 1, at 16 kHz."""
    sections = butter(4, HIGH_PASS_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    return float(np.mean(sosfilt(sections, samples) ** 2))


def noise_gain(
    speech: Float64[np.ndarray, " samples"], noise: Float64[np.ndarray, " samples"], *, snr_db: float
) -> float:
    """Factor for the noise: gain = sqrt(P(speech) / ((P(noise) + 1e-12) * 10^(snr_db / 10))).

    P is high_pass_power. Only where the noise is all but silent does 1e-12 matter.
    """
    speech_power = high_pass_power(speech)
    noise_power = high_pass_power(noise) + LEAST_NOISE_POWER
    return float(np.sqrt(speech_power / (noise_power * 10 ** (snr_db / 10))))


def cut_noise(
    noise: Float[np.ndarray, " all"], *, offset: int, length: int, border: int
) -> Float[np.ndarray, " length"]:
    """``noise[offset : offset + length]``, within the part of the recording that holds ``offset``.

    Training uses noise[:border], the other sets noise[border:]. Where the part ends, it begins again from
    its own start. ``offset`` counts samples from the start of the recording, 0 <= offset < len(noise).
    """
    start, end = (0, border) if offset < border else (border, len(noise))
    inside = offset - start
    return np.resize(noise[start:end], inside + length)[inside:]


def mix(
    speech: Float64[np.ndarray, " samples"], noise: Float64[np.ndarray, " samples"], *, snr_db: float
) -> Float64[np.ndarray, " samples"]:
    """speech + gain * noise, scaled down where a sample would exceed 0.95 of full scale."""
    mixture = speech + noise_gain(speech, noise, snr_db=snr_db) * noise
    peak = float(np.abs(mixture).max())
    return mixture * (MAX_AMPLITUDE / peak) if peak > MAX_AMPLITUDE else mixture
