"""The fake corpus' audio: spoken by espeak-ng in synthetic noise; six channels, one channel, and enhanced."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hybrid_kd.corpus.audio_files import SAMPLE_RATE, write_wav
from hybrid_kd.corpus.mixing import cut_noise, mix
from hybrid_kd.corpus.parallel import for_each
from hybrid_kd.corpus.speakers import Speaker, draw_speakers, record
from hybrid_kd.corpus.synthetic_noise import make_noise
from hybrid_kd.seeds import numpy_generator
from local.chime4.fake_texts import FakeSet, Line
from local.chime4.layout import TEST_AUDIO, TRAINING_AUDIO, in_channel, without_channel
from local.chime4.transcripts import NOISE_WORD, normalize_transcript

NOISE_S = 5.0
SNR_DB = (8.0, 18.0)
CHANNEL_SNR_DB = (0.0, -8.0, -1.0, -1.0, 1.0, 0.0)  # of CH1 to CH6; the second looks away from the speaker
ENHANCED_DB = 10.0  # what enhancement adds
PUNCTUATION = {",COMMA": "comma", ".PERIOD": "period", NOISE_WORD: ""}
Samples = Float64[np.ndarray, " samples"]


@dataclass(frozen=True)
class AudioPlan:
    """Where which audio goes."""

    chime4: Path
    enhanced: Path
    channels: tuple[str, ...]  # of isolated
    seed: int


def write_audio(sets: Sequence[FakeSet], plan: AudioPlan, *, nj: int, log_dir: Path) -> None:
    """Write isolated (training, a file a channel), isolated_1ch_track (dt, et) and enhanced audio of all.

    All versions of an utterance have the same length. Not made are the other audio of the corpus: isolated
    dt and et, booth, embedded, backgrounds, CH0.
    """
    lines = [line for each in sets for line in each.lines]
    voices = _voices(lines, plan.seed)
    noises = {
        (code, training): make_noise(code, NOISE_S, seed=plan.seed, name=f"{code} {training}")
        for code in sorted({line.utterance.environment for line in lines})
        for training in (True, False)
    }

    def write_one(line: Line) -> None:
        key = (line.utterance.environment, line.utterance.part == "tr05")
        _write_versions(line, voices[line.utterance.speaker], noises[key], plan)

    for_each(write_one, lines, nj=nj, log_dir=log_dir, what="speaking")


def _voices(lines: Sequence[Line], seed: int) -> dict[str, Speaker]:
    """A voice for each speaker, of the sex that its name tells; one of training is in no other part."""
    names: dict[str, list[str]] = {"tr": [], "dt": [], "et": []}
    for line in lines:
        of_part = names[line.utterance.part[:2]]
        if line.utterance.speaker not in of_part:
            of_part.append(line.utterance.speaker)
    voices: dict[str, Speaker] = {}
    for part, of_part in names.items():
        drawn = draw_speakers(seed, part, 4 * len(of_part))
        for name in of_part:
            fitting = [each for each in drawn if name[0] not in "FM" or each.speaker_id[0] == name[0]]
            voices[name] = replace(fitting[0], speaker_id=name)
            drawn.remove(fitting[0])
    return voices


def _write_versions(line: Line, speaker: Speaker, noise: Samples, plan: AudioPlan) -> None:
    utterance = line.utterance
    speech = _speech(speaker, f"{speaker.speaker_id}_{utterance.wsj_name}", _spoken(line.text))
    generator = numpy_generator(plan.seed, "fake CHiME-4 mix", utt_id=utterance.utt_id)
    offset = int(generator.integers(int((NOISE_S - 1) * SAMPLE_RATE)))
    snr_db = float(generator.uniform(*SNR_DB))
    part = cut_noise(noise, offset=offset, length=len(speech), border=len(noise))
    plain = without_channel(utterance)
    if utterance.part == "tr05":
        for number in (int(channel.removeprefix("CH")) for channel in plan.channels):
            shifted = np.roll(part, 5 * number)  # the noise reaches each microphone at another time
            path = plan.chime4 / TRAINING_AUDIO / in_channel(utterance, f"CH{number}").file
            write_wav(path, mix(speech, shifted, snr_db=snr_db + CHANNEL_SNR_DB[number - 1]))
    else:
        write_wav(plan.chime4 / TEST_AUDIO / plain.file, mix(speech, part, snr_db=snr_db))
    write_wav(plan.enhanced / plain.file, mix(speech, part, snr_db=snr_db + ENHANCED_DB))


@cache
def _speech(speaker: Speaker, sentence_id: str, text: str) -> Samples:
    return record(speaker, sentence_id, text)


def _spoken(transcript: str) -> str:
    """A transcript as espeak-ng is to say it."""
    words = normalize_transcript(transcript).split()
    return " ".join(PUNCTUATION.get(word, word) for word in words)
