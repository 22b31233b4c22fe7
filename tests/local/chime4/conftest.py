"""A tree of CHiME-4 by hand: an utterance or two of each set, with empty recordings."""

import json
from pathlib import Path

import pytest

TRACK = "data/audio/16kHz/isolated_1ch_track"
ISOLATED = "data/audio/16kHz/isolated"
ARPA = r"""This file is in the ARPA-standard format.
The beginning of data mark: \data\
ngram 1=nr
\1-grams:
end of data mark: \end\

\data\
ngram 1=5
ngram 2=5
ngram 3=3

\1-grams:
-99.0 <s> -0.5
-0.7 </s>
-0.6 HOTEL -0.3
-0.5 THE -0.4
-0.9 OTHER -0.1

\2-grams:
-0.2 <s> THE -0.2
-2.0 <s> <s> 0.0
-0.3 THE HOTEL -0.1
-0.6 HOTEL </s>
-1.0 THE OTHER

\3-grams:
-0.1 <s> THE HOTEL
-0.2 THE HOTEL </s>
-1.0 <s> <s> THE

\end\
"""
# part, kind, speaker, WSJ name, environment, line of the .dot or .dot_all file without its name
LINES = [
    ("tr05", "real", "F02", "011C0204", "STR", "The hotel"),
    ("tr05", "real", "M01", "01IC0201", "BUS", r"Even if it isn\'t the other hotel [loud_breath]"),
    ("tr05", "simu", "01I", "01IC0201", "CAF", r"The sale <of> [<door_slam] the hotel ,COMMA \(LEFT-PAREN ~"),
    ("tr05", "simu", "011", "011C0204", "PED", r"%percent --dash the other hotel \.PERIOD ."),
    ("dt05", "real", "F01", "22GC010A", "BUS", "The other hotel"),
    ("dt05", "real", "M03", "22GC010A", "CAF", "The other hotel"),
    ("dt05", "simu", "F01", "22GC010A", "BUS", "The other hotel"),
    ("et05", "real", "F05", "442C020A", "PED", "The hotel"),
    ("et05", "simu", "M06", "442C020A", "STR", "The hotel"),
]


def write(path: Path, text: str = "") -> None:
    """A file and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_tree(root: Path) -> None:
    """CHiME-4 with six channels of training audio, WSJ0 apart from it, CMUdict, and enhanced audio of all."""
    chime4 = root / "chime4"
    annotations: dict[str, list[dict[str, str]]] = {}
    tracks: dict[str, str] = {}
    transcripts: dict[str, str] = {}
    for part, kind, speaker, wsj_name, environment, words in LINES:
        name, directory = f"{speaker}_{wsj_name}_{environment}", f"{part}_{environment.lower()}_{kind}"
        entry = {"speaker": speaker, "wsj_name": wsj_name, "environment": environment}
        annotations.setdefault(f"{part}_{kind}", []).append(entry)
        write(root / "enhanced" / directory / f"{name}.wav")
        if part == "tr05":
            for number in range(1, 7):
                write(chime4 / ISOLATED / directory / f"{name}.CH{number}.wav")
        else:
            write(chime4 / TRACK / directory / f"{name}.wav")
            tracks[f"{part}_{kind}"] = tracks.get(f"{part}_{kind}", "") + f"{directory}/{name}.CH5.wav\n"
        if (part, kind) == ("tr05", "simu"):
            dot = root / f"wsj0/wsj0/si_tr_s/{wsj_name[:3].lower()}/{wsj_name[:6].lower()}00.dot"
            write(dot, f"Something else (01ic0299)\n{words} ({wsj_name.lower()})\n")
        else:
            transcripts[f"{part}_{kind}"] = transcripts.get(f"{part}_{kind}", "") + f"{words} ({name})\n"
    for stem, entries in annotations.items():
        write(chime4 / f"data/annotations/{stem}.json", json.dumps(entries))
    for stem, lines in tracks.items():
        write(chime4 / f"data/annotations/{stem}_1ch_track.list", lines)
    for stem, lines in transcripts.items():
        write(chime4 / f"data/transcriptions/{stem}.dot_all", lines)
    write(root / "wsj0/wsj0/doc/lng_modl/base_lm/tcb05cnp.z", ARPA)
    write(root / "cmudict.0.7a", "\n".join([";;; a comment", *CMUDICT, ""]))
    write(
        root / "cmudict.0.7a.symbols",
        "\n".join(["AH", "AH0", "AH1", "DH", "EH1", "HH", "L", "OW0", "T", "ER0", ""]),
    )


CMUDICT = ["THE  DH AH0", "THE(1)  DH AH1", "THE(2)  DH AH0", "HOTEL  HH OW0 T EH1 L", "OTHER  AH1 DH ER0"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tree's root: chime4, wsj0, cmudict.0.7a, enhanced."""
    write_tree(tmp_path)
    return tmp_path
