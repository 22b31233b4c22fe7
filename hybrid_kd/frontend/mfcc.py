"""MFCC as Kaldi's compute-mfcc-feats makes them, by kaldi-native-fbank.

Axis letters: samples = of one utterance's waveform; frames = one every frame_shift ms; ceps = coefficients.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.kaldi_options import read_kaldi_config


@dataclass(frozen=True)
class MfccOptions:
    """Kaldi's options and defaults, but for dither (Kaldi: 1). Frequencies in Hz, lengths in ms."""

    sample_frequency: float = 16000.0
    frame_length: float = 25.0
    frame_shift: float = 10.0
    dither: float = 0.0  # standard deviation of the noise, in steps of 16-bit audio
    preemphasis_coefficient: float = 0.97
    remove_dc_offset: bool = True
    window_type: str = "povey"
    blackman_coeff: float = 0.42
    round_to_power_of_two: bool = True
    snip_edges: bool = True
    num_mel_bins: int = 23
    low_freq: float = 20.0
    high_freq: float = 0.0  # at most 0: so much below half the sampling rate
    vtln_low: float = 100.0
    vtln_high: float = -500.0
    num_ceps: int = 13
    use_energy: bool = True  # False, as recipes have it, takes the zeroth coefficient
    energy_floor: float = 0.0
    raw_energy: bool = True
    cepstral_lifter: float = 22.0
    htk_compat: bool = False


RECIPE_OPTIONS = MfccOptions(use_energy=False)  # what conf/mfcc.conf of Kaldi's recipes says

WINDOW_TYPES = ("povey", "hanning", "hamming", "sine", "rectangular", "blackman")

_NATIVE_NAMES: Mapping[str, tuple[str | None, str]] = {
    "sample_frequency": ("frame_opts", "samp_freq"),
    "frame_length": ("frame_opts", "frame_length_ms"),
    "frame_shift": ("frame_opts", "frame_shift_ms"),
    "preemphasis_coefficient": ("frame_opts", "preemph_coeff"),
    "remove_dc_offset": ("frame_opts", "remove_dc_offset"),
    "window_type": ("frame_opts", "window_type"),
    "blackman_coeff": ("frame_opts", "blackman_coeff"),
    "round_to_power_of_two": ("frame_opts", "round_to_power_of_two"),
    "snip_edges": ("frame_opts", "snip_edges"),
    "num_mel_bins": ("mel_opts", "num_bins"),
    "low_freq": ("mel_opts", "low_freq"),
    "high_freq": ("mel_opts", "high_freq"),
    "vtln_low": ("mel_opts", "vtln_low"),
    "vtln_high": ("mel_opts", "vtln_high"),
    "num_ceps": (None, "num_ceps"),
    "use_energy": (None, "use_energy"),
    "energy_floor": (None, "energy_floor"),
    "raw_energy": (None, "raw_energy"),
    "cepstral_lifter": (None, "cepstral_lifter"),
    "htk_compat": (None, "htk_compat"),
}


def read_mfcc_config(path: Path) -> MfccOptions:
    """Read Kaldi's conf/mfcc.conf; what it leaves out has Kaldi's default (``--use-energy=true``), dither 0.

    Raises: HybridKdError for an unknown option or a value out of its range.
    """
    options = read_kaldi_config(MfccOptions, path)
    if problem := _problem(options):
        raise HybridKdError.at(path, problem, fix="mend this option")
    return options


def _problem(options: MfccOptions) -> str | None:
    """What is wrong with the values, of those that would crash or loop further down."""
    half_rate = options.sample_frequency / 2
    high_freq = options.high_freq if options.high_freq > 0 else half_rate + options.high_freq
    checks = {
        f"--sample-frequency={options.sample_frequency:g}": (
            100 <= options.sample_frequency <= 1e6 and options.sample_frequency.is_integer()
        ),
        f"--frame-length={options.frame_length:g}": 1 <= options.frame_length <= 1000,
        f"--frame-shift={options.frame_shift:g}": 1 <= options.frame_shift <= 1000,
        f"--dither={options.dither:g}": options.dither >= 0,
        f"--preemphasis-coefficient={options.preemphasis_coefficient:g}": (
            0 <= options.preemphasis_coefficient <= 1
        ),
        f"--window-type={options.window_type}": options.window_type in WINDOW_TYPES,
        f"--num-mel-bins={options.num_mel_bins}": 3 <= options.num_mel_bins <= 500,
        f"--num-ceps={options.num_ceps}": 1 <= options.num_ceps <= options.num_mel_bins,
        f"--low-freq={options.low_freq:g}, --high-freq={options.high_freq:g}": (
            0 <= options.low_freq < high_freq <= half_rate
        ),
    }
    return next((f"{name} is out of range" for name, good in checks.items() if not good), None)


def mfcc(
    samples: Float32[np.ndarray, " samples"], *, options: MfccOptions = RECIPE_OPTIONS
) -> Float32[np.ndarray, "frames ceps"]:
    """The features of a waveform (scaled as 16-bit integers, at ``options.sample_frequency``), undithered.

    There are no frames if it is shorter than one window.
    Source: Kaldi feat/feature-mfcc.cc, MfccComputer::Compute.
    """
    import kaldi_native_fbank

    computer = kaldi_native_fbank.OnlineMfcc(_native_options(options))
    computer.accept_waveform(options.sample_frequency, samples.tolist())
    computer.input_finished()
    frames = np.empty((computer.num_frames_ready, options.num_ceps), np.float32)
    for index in range(len(frames)):
        frames[index] = computer.get_frame(index)
    return frames


@cache
def _native_options(options: MfccOptions) -> Any:
    import kaldi_native_fbank

    native = kaldi_native_fbank.MfccOptions()
    native.frame_opts.dither = 0.0
    for name, (group, native_name) in _NATIVE_NAMES.items():
        setattr(native if group is None else getattr(native, group), native_name, getattr(options, name))
    return native


def add_dither(
    samples: Float32[np.ndarray, " samples"], *, dither: float, seed: int, utt_id: str
) -> Float32[np.ndarray, " samples"]:
    """Add Gaussian noise of standard deviation ``dither``: the same for a seed and an utterance.

    Kaldi draws for each window anew; here two overlapping windows see the same noise.
    """
    if dither == 0:
        return samples
    from hybrid_kd.seeds import numpy_generator

    noise = numpy_generator(seed, "dither", utt_id=utt_id).standard_normal(len(samples), np.float32)
    dithered: Float32[np.ndarray, " samples"] = samples + np.float32(dither) * noise
    return dithered
