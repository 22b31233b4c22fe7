"""What is to be prepared of the discs: all inputs are looked for, and all that are missing told at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.chime4.annotations import expect_same, read_annotations, read_track_list
from local.chime4.dictionary import symbols_of
from local.chime4.layout import (
    ANNOTATIONS,
    ENVIRONMENTS,
    KINDS,
    PARTS,
    TEST_AUDIO,
    TRAINING_AUDIO,
    TRANSCRIPTS,
    Discs,
    Kind,
    Utterance,
    training_recordings,
    without_channel,
)
from local.chime4.missing import MissingFiles
from local.chime4.transcripts import find_dot_files, session_of
from local.chime4.wsj0_lm import TRIGRAM

FIX = (
    "copy them from the discs: CHiME-4 is CHiME-3 (LDC2017S24) with what the fourth challenge adds "
    "(CHiME4_diff: isolated_1ch_track, *_1ch_track.list), WSJ0 is LDC93S6A (also in CHiME-4's data/WSJ0), "
    "CMUdict 0.7a (or 0.7b) and its .symbols are in svn.code.sf.net/p/cmusphinx/code/trunk/cmudict"
)


@dataclass(frozen=True)
class Subset:
    """The utterances of one part and kind."""

    part: str
    kind: Kind
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True)
class Corpus:
    """Everything that the preparation needs, found."""

    discs: Discs
    channels: tuple[str, ...]  # of training
    subsets: tuple[Subset, ...]  # of tr05, dt05, et05, real and simulated
    enhanced_parts: tuple[str, ...]  # parts that there is enhanced audio of
    dot_files: dict[str, Path]  # WSJ0's, by name

    def utterances(self, part: str, kind: Kind) -> tuple[Utterance, ...]:
        """Those of one part and kind."""
        (found,) = [each.utterances for each in self.subsets if (each.part, each.kind) == (part, kind)]
        return found


def find_corpus(discs: Discs, channels: tuple[str, ...]) -> Corpus:
    """Look for every input.

    Raises: HybridKdError that names all that is missing, or what an annotation has wrong.
    """
    missing = MissingFiles()
    subsets = tuple(
        subset
        for part in PARTS
        for kind in KINDS
        if (subset := _find_subset(discs.chime4, part, kind, channels, missing)) is not None
    )
    dot_files = _find_wsj0(discs.wsj0, subsets, missing)
    option = "--cmudict"
    missing.need(option, discs.cmudict.parent, discs.cmudict.name, "pronunciations")
    missing.need(option, discs.cmudict.parent, symbols_of(discs.cmudict).name, "its phones")
    enhanced = () if discs.enhanced is None else _find_enhanced(discs.enhanced, subsets, missing)
    missing.raise_if_any(fix=FIX)
    return Corpus(discs, channels, subsets, enhanced, dot_files)


def _find_subset(
    chime4: Path, part: str, kind: Kind, channels: tuple[str, ...], missing: MissingFiles
) -> Subset | None:
    """The annotated utterances, after a look for their audio and transcripts; None without annotations."""
    what = f"the {'training' if part == 'tr05' else 'test'} utterances of {part}_{kind}"
    if (part, kind) != ("tr05", "simu"):  # whose transcripts are WSJ0's
        missing.need(
            "--chime4", chime4, f"{TRANSCRIPTS}/{part}_{kind}.dot_all", f"transcripts of {part}_{kind}"
        )
    annotations = f"{ANNOTATIONS}/{part}_{kind}.json"
    found = missing.need("--chime4", chime4, annotations, what)
    track_list = f"{ANNOTATIONS}/{part}_{kind}_1ch_track.list"
    if part != "tr05":
        found &= missing.need("--chime4", chime4, track_list, f"{what} in the 1-channel track")
    if not found:
        return None
    utterances = read_annotations(chime4 / annotations, part=part, kind=kind)
    if part == "tr05":
        recordings = training_recordings(utterances, channels)
    else:
        listed = read_track_list(chime4 / track_list, part=part, kind=kind)
        expect_same(chime4 / track_list, listed, utterances)
        recordings = [without_channel(utterance) for utterance in utterances]
    audio = TRAINING_AUDIO if part == "tr05" else TEST_AUDIO
    missing.need_recordings("--chime4", chime4 / audio, recordings, f"{part}_{kind}")
    return Subset(part, kind, tuple(sorted(utterances)))


def _find_wsj0(wsj0: Path, subsets: Sequence[Subset], missing: MissingFiles) -> dict[str, Path]:
    missing.need("--wsj0", wsj0, TRIGRAM, "the 5k closed-vocabulary trigram model")
    if not missing.need("--wsj0", wsj0, "wsj0", "transcripts of tr05_simu"):
        return {}
    dot_files = find_dot_files(wsj0)
    simulated = [each for subset in subsets if subset.kind == "simu" for each in subset.utterances]
    sessions = {session_of(utterance) for utterance in simulated if utterance.part == "tr05"}
    missing.lacks("--wsj0", wsj0, sorted(sessions - dot_files.keys()), "transcript files of tr05_simu")
    return dot_files


def _find_enhanced(enhanced: Path, subsets: Sequence[Subset], missing: MissingFiles) -> tuple[str, ...]:
    """The parts that there is a directory of; all utterances of these must be there."""
    if not missing.need("--enhanced-dir", enhanced, ".", "enhanced audio"):
        return ()
    names = [f"{code.lower()}_{kind}" for code in ENVIRONMENTS for kind in KINDS]
    parts = tuple(part for part in PARTS if any((enhanced / f"{part}_{name}").is_dir() for name in names))
    if not parts:
        missing.need(
            "--enhanced-dir", enhanced, f"dt05_{names[0]}", "or any other directory of enhanced audio"
        )
    recordings = [
        without_channel(each) for subset in subsets if subset.part in parts for each in subset.utterances
    ]
    missing.need_recordings("--enhanced-dir", enhanced, recordings, "the corpus")
    return parts
