"""Which utterance stands in which noise, at which place and level: drawn from a seed, one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid_kd.corpus.mix_list import MixItem, NoiseRecording
from hybrid_kd.corpus.options import NoiseOptions
from hybrid_kd.corpus.simulate import NoisySet
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions
from hybrid_kd.seeds import numpy_generator


@dataclass(frozen=True)
class CleanUtterance:
    """A clean recording and what is said in it."""

    sentence_id: str  # <speaker>_<utterance>
    speaker: str
    text: str
    clean: str  # path within the directory of clean audio


@dataclass(frozen=True)
class DrawOptions:
    """How noise is drawn for one set."""

    seed: int
    training: bool  # training has its part of each noise recording, dt and et have the other
    num_environments: int  # in how many each utterance stands
    snr_db: tuple[float, float]  # uniform between these
    audio: AudioOptions = field(default_factory=AudioOptions)


def draw_options_of(set_name: str, options: NoiseOptions, audio: AudioOptions) -> DrawOptions:
    """What a command's options say for a set (tr, dt or et)."""
    training = set_name == "tr"
    train_snr = options.tr_min_snr_db, options.tr_max_snr_db
    test_snr = options.test_min_snr_db, options.test_max_snr_db
    return DrawOptions(
        seed=options.seed,
        training=training,
        num_environments=options.tr_environments if training else options.test_environments,
        snr_db=train_snr if training else test_snr,
        audio=audio,
    )


@dataclass(frozen=True)
class _Part:
    """The part of a noise recording that a set may use, in samples."""

    noise_id: str
    start: int
    end: int


def draw_noisy_set(
    utterances: Sequence[CleanUtterance],
    *,
    clean_dir: Path,
    noises: Mapping[str, NoiseRecording],
    options: DrawOptions,
) -> NoisySet:
    """Put each utterance into noise; its id is <speaker>_<utterance>_<ENVIRONMENT>_SIMU.

    Environments go round from utterance to utterance in the order of their ids, so that each has its share
    of every speaker; recording, place and SNR are functions of seed and utterance.

    Raises: HybridKdError if an environment has no noise for this set, there are fewer than asked for, or the
    range of SNRs is none.
    """
    if not options.snr_db[0] <= options.snr_db[1]:
        problem = f"signal-to-noise ratios from {options.snr_db[0]:g} to {options.snr_db[1]:g} dB"
        raise HybridKdError.at("--*-min-snr-db, --*-max-snr-db", problem, fix="give the smaller one first")
    parts = _parts_by_environment(noises, options)
    codes = list(parts)
    if not 1 <= options.num_environments <= len(codes):
        problem = f"{options.num_environments} environments an utterance, but the noise has {len(codes)}"
        raise HybridKdError.at("noise.tsv", problem, fix=f"ask for 1 to {len(codes)}")
    step = len(codes) // options.num_environments
    items, text, utt2spk = [], {}, {}
    for index, utterance in enumerate(sorted(utterances, key=lambda utterance: utterance.sentence_id)):
        length = _num_samples(clean_dir / utterance.clean)
        for turn in range(options.num_environments):
            code = codes[(index + turn * step) % len(codes)]
            item = _draw_item(utterance, code, parts[code], length, options)
            items.append(item)
            text[item.utt_id] = utterance.text
            utt2spk[item.utt_id] = utterance.speaker
    return NoisySet(items, text, utt2spk, clean_dir, noises, options.audio)


def _parts_by_environment(
    noises: Mapping[str, NoiseRecording], options: DrawOptions
) -> dict[str, list[_Part]]:
    """The usable parts by environment, named by its first three letters (CHiME-4's BUS, CAF, PED, STR)."""
    names: dict[str, str] = {}
    parts: dict[str, list[_Part]] = {}
    for noise in noises.values():
        code = noise.environment[:3].upper()
        if names.setdefault(code, noise.environment) != noise.environment:
            problem = f"environments '{names[code]}' and '{noise.environment}' begin alike"
            fix = "name them so that the first three letters differ"
            raise HybridKdError.at("noise.tsv", problem, fix=fix)
        length = _num_samples(noise.path)
        border = noise.border(length)
        part = _Part(noise.noise_id, *((0, border) if options.training else (border, length)))
        if part.start < part.end:
            parts.setdefault(code, []).append(part)
    for code, name in names.items():
        if code not in parts:
            which = "training" if options.training else "dt and et"
            problem = f"no recording of '{name}' has a part for {which}"
            raise HybridKdError.at("noise.tsv", problem, fix="mend its train_share, or add recordings")
    return dict(sorted(parts.items()))


def _num_samples(path: Path) -> int:
    """Length at 16 kHz; 0 if the file cannot be read (mixing then reports why)."""
    import soundfile

    from hybrid_kd.corpus.audio_files import SAMPLE_RATE
    from hybrid_kd.frontend.audio import BadAudio, read_waveform

    try:
        info = soundfile.info(path)
        num_samples, rate = info.frames, info.samplerate
        if not num_samples:  # perhaps a stream, whose header does not hold its length
            waveform = read_waveform(str(path))
            num_samples, rate = len(waveform.samples), waveform.rate
    except (soundfile.SoundFileError, BadAudio):
        return 0
    return int(num_samples * SAMPLE_RATE / rate)


def _draw_item(
    utterance: CleanUtterance, code: str, parts: Sequence[_Part], length: int, options: DrawOptions
) -> MixItem:
    utt_id = f"{utterance.sentence_id}_{code}_SIMU"
    generator = numpy_generator(options.seed, "mix", utt_id=utt_id)
    part = parts[int(generator.integers(len(parts)))]
    latest = max(part.start, part.end - length)  # a part that is too short is repeated from its own start
    return MixItem(
        utt_id=utt_id,
        clean=utterance.clean,
        noise_id=part.noise_id,
        noise_offset=int(generator.integers(part.start, latest + 1)),
        snr_db=float(np.round(generator.uniform(*options.snr_db), 1)),
    )
