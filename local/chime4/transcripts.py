"""What was said: CHiME-4's .dot_all files, WSJ0's .dot files, and Kaldi's normalisation of both."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from hybrid_kd.errors import HybridKdError
from local.chime4.layout import Utterance

NOISE_WORD = "<NOISE>"
FIX = "take the file from the corpus again"
_MARKS_NO_WORD = re.compile(r"^\[<\w+\]$|^\[\w+>\]$|\[\w+/\]$|\[/\w+\]$", re.ASCII)
_NOISE = re.compile(r"\[\w+\]", re.ASCII)
_DELETED_WORD = re.compile(r"^<([\w']+)>$", re.ASCII)


def normalize_transcript(transcript: str) -> str:
    """The words as they stand in a dictionary: upper case, without WSJ's marks; noises become <NOISE>.

    Source: Kaldi egs/wsj/s5/local/normalize_transcript.pl.
    """
    words = (_normalize_word(word) for word in transcript.split())
    return " ".join(word for word in words if word)


def _normalize_word(written: str) -> str:
    word = written.upper().replace("\\", "")
    word = {"%PERCENT": "PERCENT", ".POINT": "POINT", "--DASH": "-DASH"}.get(word, word)
    if _MARKS_NO_WORD.search(word) or word in (
        "~",
        ".",
    ):  # beginnings and ends of noises, truncation, a pause
        return ""
    if _NOISE.search(word):
        return NOISE_WORD
    deleted = _DELETED_WORD.match(word)  # so marked, but pronounced
    return deleted[1] if deleted else word


def read_dot_all(path: Path) -> dict[str, str]:
    """The normalised transcripts of a .dot_all file by name: lines ``Text (F01_22GC010A_BUS)``.

    Source: Kaldi real_noisy_chime4_data_prep.sh, "make a transcription from dot".

    Raises: HybridKdError if it cannot be read or a line has another form.
    """
    return _read_transcripts(path, re.compile(r"(.*)\((\w+)\)\s*$"))


def texts_of_dot_all(path: Path, utterances: Iterable[Utterance]) -> dict[Utterance, str]:
    """The transcript of each utterance.

    Raises: HybridKdError if one has none.
    """
    transcripts = read_dot_all(path)
    return {utterance: _transcript_of(path, transcripts, utterance.name) for utterance in utterances}


def _transcript_of(path: Path, transcripts: dict[str, str], name: str) -> str:
    if name not in transcripts:
        raise HybridKdError.at(path, "has no transcript of it", fix=FIX, key=name)
    return transcripts[name]


def session_of(utterance: Utterance) -> str:
    """The .dot file that holds a WSJ0 utterance: 011c0200.dot of 011C0201.

    Source: Kaldi egs/chime3/s5/local/find_noisy_transcripts.pl.
    """
    return f"{utterance.wsj_name[:6].lower()}00.dot"


def find_dot_files(wsj0: Path) -> dict[str, Path]:
    """All *.dot files of the discs, by their names in lower case.

    Source: Kaldi clean_wsj0_data_prep.sh, ``find -L $wsj0 -iname '*.dot'``.
    """
    found: dict[str, Path] = {}
    for directory, _, names in os.walk(wsj0, followlinks=True):
        found |= {name.lower(): Path(directory, name) for name in names if name.lower().endswith(".dot")}
    return found


def texts_of_wsj0(dot_files: dict[str, Path], utterances: Iterable[Utterance]) -> dict[Utterance, str]:
    """The transcript of each utterance of tr05_simu, by the WSJ0 name that is the second field of its id.

    Raises: HybridKdError if a .dot file cannot be read or lacks one.
    """
    texts: dict[Utterance, str] = {}
    sessions: dict[str, dict[str, str]] = {}
    for utterance in utterances:
        session = session_of(utterance)
        path = dot_files[session]
        if session not in sessions:
            sessions[session] = read_dot(path)
        texts[utterance] = _transcript_of(path, sessions[session], utterance.wsj_name.lower())
    return texts


def read_dot(path: Path) -> dict[str, str]:
    """The normalised transcripts of a WSJ0 .dot file by utterance, in lower case: lines ``Text (011c0201)``.

    Source: Kaldi egs/chime3/s5/local/find_noisy_transcripts.pl.

    Raises: HybridKdError if it cannot be read or a line has another form.
    """
    transcripts = _read_transcripts(path, re.compile(r"(.+)\((\w{8})\)\s*$"))
    return {name.lower(): transcript for name, transcript in transcripts.items()}


def _read_transcripts(path: Path, form: re.Pattern[str]) -> dict[str, str]:
    transcripts = {}
    for number, line in enumerate(_read_lines(path), start=1):
        match = form.match(line)
        if match is None:
            raise HybridKdError.at(
                path, f"line {number} does not end with (<utterance>): {line[:60]!r}", fix=FIX
            )
        transcripts[match[2]] = normalize_transcript(match[1])
    return transcripts


def _read_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HybridKdError.at(path, f"cannot be read: {error}", fix=FIX) from error
    return [line for line in lines if line.strip()]
