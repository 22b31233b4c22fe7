"""Audio files: one channel at 16 kHz in, 16-bit WAV out. Samples have full scale 1."""

import wave
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int16

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import FULL_SCALE, AudioOptions, Waveform, read_waveform, select_samples

SAMPLE_RATE = 16000


def read_audio(path: Path, options: AudioOptions) -> Float32[np.ndarray, " samples"]:
    """Read one channel at 16 kHz.

    Raises: BadAudio if it is missing, empty, truncated or damaged; HybridKdError if another rate or several
    channels call for an option.
    """
    return select_one(read_waveform(str(path)), options, path)


def select_one(
    waveform: Waveform, options: AudioOptions, path: Path, *, key: str | None = None
) -> Float32[np.ndarray, " samples"]:
    """One channel at 16 kHz.

    Raises: HybridKdError if another rate or several channels call for an option.
    """
    if waveform.rate != SAMPLE_RATE and not options.resample:
        problem = f"audio of {waveform.rate} Hz, the corpus is to have {SAMPLE_RATE} Hz"
        raise HybridKdError.at(path, problem, fix="allow --resample, or convert it", key=key)
    samples = select_samples(waveform, options, place=str(path), key=key)
    return samples / np.float32(FULL_SCALE)


def to_pcm16(samples: Float64[np.ndarray, " samples"]) -> Int16[np.ndarray, " samples"]:
    """Samples as 16-bit integers: floor(round(x * 2^31) / 2^16), clipped at full scale.

    Source: libsndfile pcm.c, d2les_clip_array.
    """
    scaled = np.rint(np.clip(samples, -1.0, 1.0) * 2**31).astype(np.int64)
    return np.asarray(np.minimum(scaled, 2**31 - 1) >> 16, np.int16)


def write_wav(path: Path, samples: Float64[np.ndarray, " samples"]) -> None:
    """Write a 16-bit WAV file of one channel at 16 kHz, atomically."""
    with replace_file(path) as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(to_pcm16(samples).astype("<i2").tobytes())
