"""Options of `hybrid-kd corpus mini`, `corpus directory` and `corpus remix`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class NoiseOptions:
    """How much noise; what the two commands that draw it have in common."""

    out: Path
    """directory to write"""
    seed: int = 0
    """the same seed gives the same corpus"""
    tr_environments: int = 1
    """in how many environments each training sentence stands"""
    test_environments: int = 1
    """in how many each sentence of dt and et; CHiME-4 has 4, at four times the decoding"""
    tr_min_snr_db: float = 0.0
    """signal-to-noise ratios of training are uniform from this"""
    tr_max_snr_db: float = 15.0
    """to this"""
    test_min_snr_db: float = 0.0
    """those of dt and et are uniform from this"""
    test_max_snr_db: float = 10.0
    """to this"""
    nj: int = 2
    """processes; their number changes nothing in the audio"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


@dataclass(frozen=True, kw_only=True)
class MiniOptions(NoiseOptions):
    """Make the embedded corpus: a grammar's sentences, spoken by espeak-ng in four synthetic environments.

    Writes OUT/{tr05_multi,dt05_simu,et05_simu} (Kaldi data directories), OUT/dict, OUT/lm_text
    (sentences for the language model, none of them in dt or et) and the audio they are made of, OUT/clean and
    OUT/noise.
    """

    tr_speakers: int = 48
    """speakers in tr05_multi"""
    tr_sentences: int = 18
    """sentences of each"""
    dt_speakers: int = 8
    """speakers in dt05_simu"""
    dt_sentences: int = 21
    """sentences of each"""
    et_speakers: int = 16
    """speakers in et05_simu"""
    et_sentences: int = 32
    """sentences of each"""
    tr_min_snr_db: float = -2.0
    """signal-to-noise ratios of training are uniform from this (write --tr-min-snr-db=-2)"""
    tr_max_snr_db: float = 13.0
    """to this"""
    test_min_snr_db: float = -2.0
    """those of dt and et are uniform from this"""
    test_max_snr_db: float = 8.0
    """to this"""
    lm_sentences: int = 20000
    """sentences in lm_text"""
    noise_s: float = 40.0
    """length of each of the 20 noise recordings (12 of training, 8 of dt and et), seconds"""


@dataclass(frozen=True, kw_only=True)
class DirectoryOptions(NoiseOptions):
    """Put the recordings of a directory into noise, as Kaldi data directories with CHiME-4's ids.

    Writes OUT/{tr05_multi,dt05_simu,et05_simu}, OUT/lm_text (the training transcripts) and, where
    there are pronunciations, OUT/dict.
    """

    audio: Path
    """directory of clean recordings (WAV or FLAC)"""
    noise: Path
    """directory of noise recordings, with noise.tsv: noise_id, path, environment and, if you like,
    train_share (how much of it, from its start, belongs to training; 0.6 if it is not there)"""
    transcripts: Path | None = None
    """table (tabs, a header line): path, speaker, text and, if you like, utt_id and set (tr, dt or et); or
    lhotse's cuts (.jsonl.gz). Without it, LibriSpeech's *.trans.txt are looked for below --audio"""
    et_transcripts: Path | None = None
    """another such table, of et alone"""
    dt_speakers: str = ""
    """speakers of dt, with commas between"""
    et_speakers: str = ""
    """speakers of et, with commas between"""
    num_dt_speakers: int = 0
    """so many more speakers of dt, drawn by --seed"""
    num_et_speakers: int = 0
    """so many more speakers of et, drawn by --seed"""
    tr_environments: int = 2
    """in how many environments each training utterance stands"""
    test_environments: int = 4
    """in how many each utterance of dt and et"""
    lexicon: Path | None = None
    """pronunciations: WORD PHONE PHONE ... (CMUdict's form)"""
    unknown_words: Literal["unk", "espeak"] = "unk"
    """words outside the lexicon become <UNK>, or espeak-ng pronounces them (package espeakng-loader)"""
    resample: bool = False
    """convert audio of another rate to 16 kHz instead of refusing it"""
    channel: int | None = None
    """which channel to take of audio with several (0 is the first)"""


@dataclass(frozen=True)
class RemixOptions:
    """Make the noisy audio of a data directory again from its mixing list, sample by sample the same."""

    data: Path
    """data directory with mix.tsv (utt_id, clean, noise_id, noise_offset, snr_db), text and utt2spk"""
    clean: Path
    """directory of the clean recordings that mix.tsv names"""
    noise: Path
    """directory of the noise recordings, with noise.tsv (noise_id, path, environment)"""
    out: Path
    """data directory to write: wav.scp, text, utt2spk, spk2utt, mix.tsv and wav/"""
    nj: int = 2
    """processes"""
    resample: bool = False
    """convert audio of another rate to 16 kHz instead of refusing it"""
    channel: int | None = None
    """which channel to take of audio with several (0 is the first)"""
    config: Path | None = None
    """YAML file of options; flags win over it"""
