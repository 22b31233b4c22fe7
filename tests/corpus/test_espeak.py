"""espeak-ng through its C library: the same call gives the same samples, whatever was said before."""

import sys

import numpy as np
import pytest

from hybrid_kd.corpus.espeak import ESPEAK_RATE, Voice, phonemes, speak
from hybrid_kd.errors import HybridKdError

VOICE = Voice("en-us", "f3")  # breathes, so that the seed is heard


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(HybridKdError, match=r"espeakng-loader is not installed\n  fix: pip install"):
        speak("hello", VOICE, seed=0)


@pytest.mark.usefixtures("espeak")
def test_samples_are_a_function_of_the_arguments() -> None:
    first = speak("the black cat", VOICE, seed=1)
    speak("something else", Voice("en-gb-scotland", "f2", words_per_minute=300), seed=2)
    np.testing.assert_array_equal(speak("the black cat", VOICE, seed=1), first)
    assert not np.array_equal(speak("the black cat", VOICE, seed=2), first)
    assert 0.5 < len(first) / ESPEAK_RATE < 2.0
    assert 0.1 < np.abs(first).max() <= 1.0


@pytest.mark.usefixtures("espeak")
def test_rate_pitch_and_accent_are_heard() -> None:
    def length(voice: Voice) -> int:
        return len(speak("the black cat found a boat", voice, seed=0))

    assert length(Voice("en-us", "m3", words_per_minute=120)) > 1.4 * length(
        Voice("en-us", "m3", words_per_minute=240)
    )
    low, high = (speak("aaa", Voice("en-us", "m1", pitch=pitch), seed=0) for pitch in (10, 90))
    assert not np.array_equal(low, high)


@pytest.mark.usefixtures("espeak")
def test_phonemes_are_espeaks_names() -> None:
    """Vowels and flaps are named differently by different versions, plosives are not."""
    found = phonemes(["CAT", "US", "us", "better"])
    assert found["US"] == found["us"]  # not spelt
    assert (len(found["CAT"]), found["CAT"][0], found["CAT"][-1]) == (3, "k", "t")
    assert found["better"][0] == "b"
    assert len(found["better"]) >= 3
    assert not [name for names in found.values() for name in names if name[0] in "',%=_ "]


@pytest.mark.usefixtures("espeak")
def test_an_unknown_voice_is_an_error() -> None:
    with pytest.raises(HybridKdError, match=r"espeak-ng: it has no voice 'xx\+m1'"):
        speak("hello", Voice("xx", "m1"), seed=0)
