"""Where CHiME-4 keeps what, and what Kaldi calls it: parts, environments, file names, utt_ids, speakers.

A recording is named <speaker>_<WSJ name>_<environment>: F01_22GC010A_BUS. Training audio has a file a
channel (isolated/tr05_bus_real/F02_011C0201_BUS.CH5.wav); in the 1-channel track, dt and et have one file
an utterance (isolated_1ch_track/dt05_bus_real/F01_22GC010A_BUS.wav).

Source: Kaldi egs/chime4/s5_1ch/local/{real,simu}_noisy_chime4_data_prep.sh (isolated, *CH5.wav),
{real,simu}_enhan_chime4_data_prep.sh (<part>_<environment>_<kind>/*.wav), run.sh (isolated_1ch_track).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybrid_kd.errors import HybridKdError

ENVIRONMENTS = ("BUS", "CAF", "PED", "STR")
PARTS = ("tr05", "dt05", "et05")
CHANNELS = tuple(f"CH{number}" for number in range(1, 7))
AUDIO = "data/audio/16kHz"
TRAINING_AUDIO = f"{AUDIO}/isolated"
TEST_AUDIO = f"{AUDIO}/isolated_1ch_track"
TRANSCRIPTS = "data/transcriptions"
ANNOTATIONS = "data/annotations"
WSJ0_WITHIN_CHIME4 = "data/WSJ0"  # Kaldi egs/chime4/s5_1ch/local/run_init.sh

Kind = Literal["real", "simu"]
KINDS: tuple[Kind, ...] = ("real", "simu")


@dataclass(frozen=True, order=True)
class Utterance:
    """One recording, in any channel."""

    part: str  # tr05, dt05 or et05
    kind: Kind
    speaker: str  # F01; WSJ's 011 in tr05_simu
    wsj_name: str  # 22GC010A: WSJ0's name of the sentence
    environment: str  # BUS, CAF, PED or STR

    @property
    def name(self) -> str:
        """F01_22GC010A_BUS."""
        return f"{self.speaker}_{self.wsj_name}_{self.environment}"

    @property
    def directory(self) -> str:
        """dt05_bus_real."""
        return f"{self.part}_{self.environment.lower()}_{self.kind}"

    @property
    def utt_id(self) -> str:
        """Kaldi's id of a recording without channels: F01_22GC010A_BUS_REAL.

        Source: {real,simu}_enhan_chime4_data_prep.sh, ``sed -e 's/\\.wav/_REAL/'``.
        """
        return f"{self.name}_{self.kind.upper()}"


@dataclass(frozen=True)
class Recording:
    """An utterance of a Kaldi data directory: where it lies, and what Kaldi calls it and its speaker."""

    utterance: Utterance
    utt_id: str
    speaker: str
    file: str  # below the directory of audio


def without_channel(utterance: Utterance) -> Recording:
    """The recording of the 1-channel track, or an enhanced one."""
    file = f"{utterance.directory}/{utterance.name}.wav"
    return Recording(utterance, utterance.utt_id, utterance.speaker, file)


def in_channel(utterance: Utterance, channel: str) -> Recording:
    """The only channel that is trained on: F02_011C0201_BUS.CH5_REAL of speaker F02.

    Source: real_noisy_chime4_data_prep.sh; egs/chime3/s5/local/simu_noisy_chime3_data_prep.sh.
    """
    file = f"{utterance.directory}/{utterance.name}.{channel}.wav"
    utt_id = f"{utterance.name}.{channel}_{utterance.kind.upper()}"
    return Recording(utterance, utt_id, utterance.speaker, file)


def in_one_of_many(utterance: Utterance, channel: str) -> Recording:
    """One of several channels, each a speaker of its own: F02_CH5_011C0201_BUS.CH5_REAL of F02_CH5.

    Source: the recipe's form since 2017, simu_noisy_chime4_data_prep.sh; for real recordings the same is
    taken, since the form of real_noisy_chime4_data_prep.sh that was read has channel 5 only.
    """
    one = in_channel(utterance, channel)
    speaker = f"{utterance.speaker}_{channel}"
    return Recording(utterance, speaker + one.utt_id.removeprefix(utterance.speaker), speaker, one.file)


def training_recordings(utterances: Sequence[Utterance], channels: Sequence[str]) -> list[Recording]:
    """Each utterance in each channel."""
    name = in_channel if len(channels) == 1 else in_one_of_many
    return [name(utterance, channel) for utterance in utterances for channel in channels]


def parse_channels(text: str) -> tuple[str, ...]:
    """``"CH5"``, or several as in ``"CH1 CH3 CH5"``.

    Raises: HybridKdError for others than CH1 to CH6.
    """
    channels = tuple(text.split())
    wrong = [channel for channel in channels if channel not in CHANNELS]
    if wrong == ["CH0"]:
        problem = "CH0 is the close-talking microphone, which simulated recordings do not have"
        raise HybridKdError.at("--channels", problem, fix="give some of CH1 to CH6, e.g. CH5")
    if wrong or not channels or len(set(channels)) != len(channels):
        problem = f"'{text}' is no list of channels"
        raise HybridKdError.at("--channels", problem, fix="give some of CH1 to CH6, e.g. 'CH5'")
    return channels


@dataclass(frozen=True)
class Discs:
    """What the preparation reads."""

    chime4: Path  # the directory that holds data/
    wsj0: Path  # the directory that holds wsj0/
    cmudict: Path  # cmudict.0.7a; cmudict.0.7a.symbols is beside it
    enhanced: Path | None = None  # directories <part>_<environment>_<kind> of enhanced recordings
