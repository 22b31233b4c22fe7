"""Speakers of the embedded corpus: an espeak-ng voice with its own vocal tract, microphone and room."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float64
from scipy.signal import fftconvolve, firwin2, resample_poly

from hybrid_kd.corpus.audio_files import SAMPLE_RATE
from hybrid_kd.corpus.espeak import Voice, speak
from hybrid_kd.seeds import derive_seed, numpy_generator

ACCENTS = ("en-us", "en-us", "en-us-nyc", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-029")
VARIANTS = {  # disjoint, so that a voice of dt or et is heard in no other set
    "tr": """
        m1 f1 m3 f3 m5 f4 m6 Annie Alex Andrea Lee belinda Michael aunty adam grandma
        benjamin edward grandpa max norbert pablo rob robert""",
    "dt": "m2 f2 boris Alicia Mario",
    "et": "m4 f5 m7 linda Mike shelby david quincy victor",
    "noise": "travis anika marcelo zac michel steph kaukovalta Denis",
}
FEMALE_NAMES = "Annie Andrea Alicia belinda aunty grandma linda shelby anika zac steph"
UP, DOWN = 320, 441  # 22,050 -> 16,000 samples a second
PAD_S = (0.10, 0.25)
QUIET = 0.02  # of the loudest sample: what is below it at the ends is cut away
LEVEL_DB = -26.0  # root mean square of the speech, full scale being 0 dB
TAIL_S = 0.25


@dataclass(frozen=True)
class Speaker:
    """What makes a voice its own; each sentence varies a little around it."""

    speaker_id: str
    voice: Voice
    tract: float  # length of the vocal tract, 1 is espeak-ng's: formants and pitch are divided by it
    level_db: float  # relative to LEVEL_DB
    tilt_db: float  # the microphone's gain at 8 kHz, relative to 200 Hz
    reverberation_db: float  # the room's tail, relative to the direct sound
    seed: int


def draw_speakers(seed: int, set_name: str, count: int) -> list[Speaker]:
    """Draw the speakers of a set (tr, dt, et, noise): variants in turn, everything else at random.

    An id is F or M, the set's letter and a number: FT01.
    """
    width = max(2, len(str(count)))
    return [_draw_speaker(seed, set_name, f"{index + 1:0{width}d}") for index in range(count)]


def _draw_speaker(seed: int, set_name: str, number: str) -> Speaker:
    generator = numpy_generator(seed, f"speaker {set_name}", utt_id=str(int(number)))
    variants = VARIANTS[set_name].split()
    variant = variants[(int(number) - 1) % len(variants)]
    voice = Voice(
        accent=ACCENTS[generator.integers(len(ACCENTS))],
        variant=variant,
        pitch=int(generator.integers(25, 76)),
        pitch_range=int(generator.integers(25, 76)),
        words_per_minute=int(generator.integers(180, 251)),
    )
    sex = "F" if variant in FEMALE_NAMES.split() or variant[0] == "f" else "M"
    return Speaker(
        speaker_id=f"{sex}{set_name[0].upper()}{number}",
        voice=voice,
        tract=float(generator.uniform(0.90, 1.12)),
        level_db=float(generator.uniform(-4, 4)),
        tilt_db=float(generator.uniform(-9, 6)),
        reverberation_db=float(generator.uniform(-16, -4)),
        seed=derive_seed(seed, "speech"),
    )


def record(speaker: Speaker, sentence_id: str, text: str) -> Float64[np.ndarray, " samples"]:
    """Say a sentence: clean speech at 16 kHz with a little silence at both ends."""
    generator = numpy_generator(speaker.seed, "sentence", utt_id=sentence_id)
    voice = replace(
        speaker.voice,
        pitch=int(np.clip(speaker.voice.pitch + generator.integers(-6, 7), 0, 99)),
        # A longer tract is a slower playback: espeak-ng has to speak so much faster.
        words_per_minute=int(speaker.voice.words_per_minute * speaker.tract * generator.uniform(0.93, 1.07)),
    )
    spoken = speak(text.lower(), voice, seed=derive_seed(speaker.seed, "espeak", utt_id=sentence_id))
    samples = _cut_silence(resample_poly(spoken, UP, round(DOWN / speaker.tract)))
    samples = fftconvolve(samples, _channel(speaker))
    pads = generator.uniform(*PAD_S, size=2) * SAMPLE_RATE
    samples = np.pad(samples, (int(pads[0]), int(pads[1])))
    gain = 10 ** ((LEVEL_DB + speaker.level_db) / 20) / np.sqrt(np.mean(samples**2))
    scaled: Float64[np.ndarray, " samples"] = samples * min(gain, 0.95 / np.abs(samples).max())
    return scaled


def _cut_silence(samples: Float64[np.ndarray, " samples"]) -> Float64[np.ndarray, " speech"]:
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


@cache
def _channel(speaker: Speaker) -> Float64[np.ndarray, " taps"]:
    """Impulse response of room and microphone: the direct sound, a decaying tail, a spectral tilt."""
    generator = numpy_generator(speaker.seed, "channel", utt_id=speaker.speaker_id)
    time_s = np.arange(int(TAIL_S * SAMPLE_RATE)) / SAMPLE_RATE
    decay_s = generator.uniform(0.02, 0.05)  # to 1/e: a reverberation time of 0.14 to 0.35 s
    room = generator.standard_normal(len(time_s)) * np.exp(-time_s / decay_s)
    room *= 10 ** (speaker.reverberation_db / 20) / np.sqrt(np.sum(room**2))
    room[0] += 1.0
    octaves = np.log2(np.maximum(np.linspace(0, SAMPLE_RATE / 2, 33), 200) / 200)
    gains = 10 ** (speaker.tilt_db * octaves / octaves[-1] / 20)
    microphone = firwin2(65, np.linspace(0, 1, 33), gains)
    response: Float64[np.ndarray, " taps"] = fftconvolve(room, microphone)
    return response
