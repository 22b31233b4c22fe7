"""Clean recordings and what is said in them: a table, LibriSpeech's layout, or lhotse's cuts."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hybrid_kd.corpus.audio_files import select_one, write_wav
from hybrid_kd.corpus.tables import read_table
from hybrid_kd.errors import HybridKdError
from hybrid_kd.file_names import file_of_id
from hybrid_kd.frontend.audio import FULL_SCALE, AudioOptions, Waveform
from hybrid_kd.text_files import read_lines, refuse_odd_space, split_id

logger = logging.getLogger(__name__)

AUDIO_SUFFIXES = (".flac", ".wav")
SETS = ("tr", "dt", "et")


FIX_TEXT = "separate the words by spaces"


@dataclass(frozen=True)
class Spoken:
    """One clean recording."""

    speaker: str
    utterance: str
    text: str
    clean: str  # path within the directory of clean audio
    set_name: str = ""  # tr, dt, et, or nothing


def read_transcript_table(path: Path) -> list[Spoken]:
    """Read a table with path (within the clean audio), speaker, text and, if they are there, utt_id and set.

    Raises: HybridKdError if it cannot be read or a line is malformed.
    """
    spoken = []
    for number, row in enumerate(read_table(path, ["path", "speaker", "text"]), start=2):
        utterance = row.get("utt_id") or Path(row["path"]).stem
        set_name = row.get("set", "")
        refuse_odd_space(path, row["text"], number=number, fix=FIX_TEXT)
        if not row["speaker"].strip() or not row["path"].strip():
            raise HybridKdError.at(path, f"line {number} has no speaker or path", fix="fill it in")
        if set_name not in ("", *SETS):
            problem = f"line {number}: set is '{set_name}'"
            raise HybridKdError.at(path, problem, fix=f"write {', '.join(SETS)} or nothing")
        spoken.append(Spoken(row["speaker"], utterance, row["text"], row["path"], set_name))
    return spoken


def read_librispeech(audio_dir: Path) -> list[Spoken]:
    """Read ``**/*.trans.txt``: lines ``<speaker>-<chapter>-<number> TEXT``, the audio beside it.

    Raises: HybridKdError if there is no such file or a line is malformed.
    """
    files = sorted(audio_dir.rglob("*.trans.txt"))
    if not files:
        fix = "give --transcripts, a table with the columns path, speaker, text"
        raise HybridKdError.at(audio_dir, "no *.trans.txt below it (LibriSpeech's layout)", fix=fix)
    return [spoken for file in files for spoken in _read_trans(file, audio_dir)]


def _read_trans(file: Path, audio_dir: Path) -> Iterable[Spoken]:
    for number, line in enumerate(read_lines(file, fix="check the corpus"), start=1):
        refuse_odd_space(file, line, number=number, fix=FIX_TEXT)
        utterance, text = split_id(line)
        speaker, dash, rest = utterance.partition("-")
        if not dash:
            problem = f"line {number} does not begin with <speaker>-<chapter>-<number>"
            raise HybridKdError.at(file, problem, fix="mend the line")
        paths = [file.parent / f"{utterance}{suffix}" for suffix in AUDIO_SUFFIXES]
        audio = next((path for path in paths if path.exists()), paths[0])
        yield Spoken(speaker, rest, text, str(audio.relative_to(audio_dir)))


def read_lhotse_cuts(path: Path, clean_dir: Path, audio: AudioOptions) -> list[Spoken]:
    """Read lhotse's cuts (.jsonl.gz), and write each cut's audio to ``clean_dir`` at 16 kHz.

    Raises: HybridKdError if it cannot be read, a cut has no supervision with speaker and text, or its rate or
    channels call for an option.
    """
    import lhotse

    try:
        cuts = list(lhotse.load_manifest(path, lhotse.CutSet))
    except Exception as error:
        fix = "give cuts, as `lhotse cut simple` writes them"
        raise HybridKdError.at(path, f"lhotse cannot read it: {error}", fix=fix) from error
    return [_write_cut(path, cut, clean_dir, audio) for cut in cuts]


def _write_cut(path: Path, cut: object, clean_dir: Path, audio: AudioOptions) -> Spoken:
    import lhotse

    assert isinstance(cut, lhotse.MonoCut)
    said = cut.supervisions[0] if len(cut.supervisions) == 1 else None
    if said is None or not said.speaker or said.text is None:
        problem = "is not one supervision with a speaker and text"
        raise HybridKdError.at(path, problem, fix="`lhotse cut trim-to-supervisions` first", key=cut.id)
    refuse_odd_space(path, said.text, key=cut.id, fix=FIX_TEXT)
    file = file_of_id(clean_dir, cut.id, suffix=".wav", place=path)
    if not file.exists():
        channels = np.asarray(cut.load_audio(), np.float32).T * np.float32(FULL_SCALE)
        samples = select_one(Waveform(channels, cut.sampling_rate), audio, path, key=cut.id)
        write_wav(file, samples.astype(np.float64))
    return Spoken(said.speaker, cut.id, said.text, file.name)


def with_kaldi_names(spoken: Sequence[Spoken]) -> list[Spoken]:
    """Rename speakers and utterances so that <speaker>_<utterance> sorts as the speakers do.

    An underscore becomes a hyphen, since the first one ends the speaker. Where one speaker's name begins
    another's (8 and 84), names are filled up to one length: with zeros in front if all are numbers, else with
    hyphens behind.

    Raises: HybridKdError if two utterances get the same name.
    """
    speakers = {item.speaker: _tidy(item.speaker) for item in spoken}
    if _sorts_differently(set(speakers.values())):
        width = max(map(len, speakers.values()))
        all_digits = all(name.isdecimal() for name in speakers.values())
        speakers = {
            old: new.rjust(width, "0") if all_digits else new.ljust(width, "-")
            for old, new in speakers.items()
        }
        logger.info("speakers are renamed to one length, e.g. %s", next(iter(speakers.values())))
    renamed = [
        replace(item, speaker=speakers[item.speaker], utterance=_tidy(item.utterance)) for item in spoken
    ]
    seen: dict[tuple[str, str], str] = {}
    for item in renamed:
        first = seen.setdefault((item.speaker, item.utterance), item.clean)
        if first != item.clean:
            problem = f"'{item.utterance}' of speaker '{item.speaker}' is also {first}"
            raise HybridKdError.at(item.clean, problem, fix="give utterances of a speaker different ids")
    return renamed


def _tidy(name: str) -> str:
    return "-".join(name.replace("_", "-").replace("/", "-").split())


def _sorts_differently(speakers: set[str]) -> bool:
    return sorted(speakers) != sorted(speakers, key=lambda speaker: f"{speaker}_")
