"""Speech and phonemes from espeak-ng, through its C library (package espeakng-loader).

The library keeps state from one sentence to the next (pitch flutter, noise), so every call loads it anew:
0.7 ms, and the samples are a function of the call's arguments alone. Where a C library cannot be unloaded
(musl), they also depend on what was said before in the same process.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hybrid_kd.errors import HybridKdError

ESPEAK_RATE = 22050  # samples a second

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_RATE, _PITCH, _RANGE = 1, 3, 4
_CHARS_UTF8 = 1
_PHONEME_SEPARATOR = ord("_") << 8
_WITH_SAMPLES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Voice:
    """How espeak-ng is to speak."""

    accent: str  # a language file: en-us, en (British), en-gb-scotland, ...
    variant: str  # a voice variant: m1, f2, Annie, ...
    pitch: int = 50  # 0 to 99
    pitch_range: int = 50  # 0 to 99; 0 is monotonous
    words_per_minute: int = 175  # 80 to 450


def speak(text: str, voice: Voice, *, seed: int) -> Float64[np.ndarray, " samples"]:
    """Say ``text``: samples of full scale 1 at 22,050 a second, with espeak's own short pauses at the ends.

    Only in voices with breath does the seed change anything.

    Raises: HybridKdError if espeakng-loader is not installed or lacks the voice.
    """
    chunks: list[bytes] = []

    def keep(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _WITH_SAMPLES(keep)
    with _library(voice.accent, voice.variant) as library:
        library.espeak_SetSynthCallback(callback)
        values = {_RATE: voice.words_per_minute, _PITCH: voice.pitch, _RANGE: voice.pitch_range}
        for parameter, value in values.items():
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed % 2**31))
        encoded = text.encode() + b"\0"
        size = ctypes.c_size_t(len(encoded))
        status = library.espeak_Synth(encoded, size, 0, 1, 0, _CHARS_UTF8, None, None)
        library.espeak_Synchronize()
    assert status == 0, f"espeak_Synth returned {status} for {text!r}"
    return np.frombuffer(b"".join(chunks), np.int16) / 32768.0


def phonemes(words: list[str], *, accent: str = "en-us") -> dict[str, list[str]]:
    """espeak's phoneme names of each word, said on its own, without stress marks.

    Raises: HybridKdError if espeakng-loader is not installed or lacks the accent.
    """
    with _library(accent, "") as library:
        return {word: _phonemes_of(library, word) for word in words}


def _phonemes_of(library: ctypes.CDLL, word: str) -> list[str]:
    text = ctypes.c_char_p(word.lower().encode())
    names = []
    while text.value is not None:
        clause = library.espeak_TextToPhonemes(ctypes.byref(text), _CHARS_UTF8, _PHONEME_SEPARATOR)
        names += [name.lstrip("',%=") for name in clause.decode().replace(" ", "_").split("_")]
    return [name for name in names if name]


@contextmanager
def _library(accent: str, variant: str) -> Iterator[ctypes.CDLL]:
    """A freshly loaded library that speaks with a voice."""
    import _ctypes

    try:
        import espeakng_loader
    except ImportError as error:
        fix = "pip install 'hybrid_kd[corpus]' (or: pip install espeakng-loader)"
        raise HybridKdError.at("the embedded corpus", "espeakng-loader is not installed", fix=fix) from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data_path = os.fsencode(str(espeakng_loader.get_data_path()))
    rate = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, 0)
    assert rate == ESPEAK_RATE, f"espeak_Initialize({data_path!r}) returned {rate}"
    name = f"{accent}+{variant}" if variant else accent
    try:
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            raise HybridKdError.at(
                "espeak-ng", f"it has no voice '{name}'", fix="install espeakng-loader 0.2.4"
            )
        yield library
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)
