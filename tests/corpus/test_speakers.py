"""Speakers: disjoint voices that differ, at sane levels and lengths."""

import numpy as np
import pytest

from hybrid_kd.corpus.audio_files import SAMPLE_RATE
from hybrid_kd.corpus.speakers import VARIANTS, draw_speakers, record

pytestmark = pytest.mark.numerical


def test_no_voice_is_in_two_sets() -> None:
    variants = [variant for names in VARIANTS.values() for variant in names.split()]
    assert len(variants) == len(set(variants))


def test_speakers_are_a_function_of_the_seed_and_sort_by_their_ids() -> None:
    speakers = draw_speakers(0, "tr", 48)
    assert speakers == draw_speakers(0, "tr", 48)
    assert speakers[:5] == draw_speakers(0, "tr", 5)
    assert speakers != draw_speakers(1, "tr", 48)
    assert len({speaker.speaker_id for speaker in speakers}) == 48
    assert {speaker.speaker_id[:2] for speaker in speakers} == {"FT", "MT"}
    assert {len(speaker.speaker_id) for speaker in draw_speakers(0, "tr", 120)} == {5}


@pytest.mark.usefixtures("espeak")
def test_a_recording_is_speech_at_a_sane_level_and_without_long_silence() -> None:
    for speaker in draw_speakers(0, "et", 9):
        samples = record(speaker, "x_1", "THE OLD KING FOUND A BOAT")
        assert 1.0 < len(samples) / SAMPLE_RATE < 3.5
        assert np.abs(samples).max() <= 0.95
        assert -31 < 10 * np.log10(np.mean(samples**2)) < -21
        energy = np.array([np.mean(part**2) for part in np.array_split(samples, 20)])
        assert (energy > 1e-3 * energy.max()).mean() > 0.6
        assert not samples[: int(0.1 * SAMPLE_RATE)].any()


@pytest.mark.usefixtures("espeak")
def test_speakers_sound_different() -> None:
    """Mean log spectra in 16 bands: two speakers differ more than two sentences of one."""

    def bands(index: int, sentence_id: str, text: str) -> np.ndarray:
        samples = record(speakers[index], sentence_id, text)
        power = np.abs(np.fft.rfft(samples)) ** 2
        return np.log([part.mean() for part in np.array_split(power, 16)])

    speakers = draw_speakers(0, "tr", 4)
    texts = "THE OLD KING FOUND A BOAT NEAR THE STATION", "SHE SOLD THE GOLDEN PEN BEHIND THE CHURCH"
    first = [bands(index, "a", texts[0]) for index in range(4)]
    second = [bands(index, "b", texts[1]) for index in range(4)]
    within = np.mean([np.abs(a - b).mean() for a, b in zip(first, second, strict=True)])
    between = np.mean([np.abs(first[i] - second[j]).mean() for i in range(4) for j in range(4) if i != j])
    assert between > 1.5 * within
