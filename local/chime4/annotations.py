"""Which utterances there are: CHiME-4's annotations (JSON) and the lists of the 1-channel track."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hybrid_kd.errors import HybridKdError
from local.chime4.layout import ENVIRONMENTS, Kind, Utterance

FIX = "take the file from the corpus again"


def read_annotations(path: Path, *, part: str, kind: Kind) -> list[Utterance]:
    """The utterances of <part>_<kind>.json, a list of objects with speaker, wsj_name and environment.

    Source: Kaldi egs/chime4/s5_1ch/local/CHiME3_simulate_data_patched_parallel.m, ``uname``.

    Raises: HybridKdError if it is not such a list, or an utterance comes twice.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix=FIX) from error
    except ValueError as error:
        raise HybridKdError.at(path, f"not JSON: {error}", fix=FIX) from error
    if not isinstance(content, list) or not content:
        raise HybridKdError.at(path, "not a list of annotations", fix=FIX)
    utterances = [_utterance(path, number, entry, part, kind) for number, entry in enumerate(content, 1)]
    _refuse_copies(path, utterances)
    return utterances


def _utterance(path: Path, number: int, entry: Any, part: str, kind: Kind) -> Utterance:
    if not isinstance(entry, Mapping):
        raise HybridKdError.at(path, f"annotation {number} is no object", fix=FIX)
    found = [entry.get(key) for key in ("speaker", "wsj_name", "environment")]
    values = [value for value in found if isinstance(value, str) and value]
    if len(values) < len(found):
        problem = f"annotation {number} lacks speaker, wsj_name or environment"
        raise HybridKdError.at(path, problem, fix=FIX)
    speaker, wsj_name, environment = values
    if environment.upper() not in ENVIRONMENTS:
        problem = f"annotation {number} has environment '{environment}', not one of {' '.join(ENVIRONMENTS)}"
        raise HybridKdError.at(path, problem, fix=FIX)
    return Utterance(part, kind, speaker, wsj_name, environment.upper())


def read_track_list(path: Path, *, part: str, kind: Kind) -> list[Utterance]:
    """The utterances of <part>_<kind>_1ch_track.list: lines dt05_bus_real/F01_22GC010A_BUS.CH5.wav.

    The channel is the one that the track took; its own copy of the file is named without.

    Source: the layout as readers of the corpus use it (asteroid egs/chime4, create_local_metadata.py;
    espnet egs2/chime4, simu_ext_chime4_data_prep.sh). Not checked on the disc.

    Raises: HybridKdError for a line of another form, or an utterance that comes twice.
    """
    utterances = []
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise HybridKdError.at(path, f"cannot be read: {error}", fix=FIX) from error
    for line in lines:
        fields = PurePosixPath(line).name.split(".")[0].split("_")
        utterance = Utterance(part, kind, *fields) if len(fields) == 3 else None
        if utterance is None or not line.startswith(f"{utterance.directory}/"):
            problem = f"'{line}' is not of the form {part}_bus_{kind}/F01_22GC010A_BUS.CH5.wav"
            raise HybridKdError.at(path, problem, fix=FIX)
        utterances.append(utterance)
    if not utterances:
        raise HybridKdError.at(path, "lists nothing", fix=FIX)
    _refuse_copies(path, utterances)
    return utterances


def _refuse_copies(path: Path, utterances: list[Utterance]) -> None:
    seen: set[Utterance] = set()
    for utterance in utterances:
        if utterance in seen:
            raise HybridKdError.at(path, "comes twice", fix=FIX, key=utterance.name)
        seen.add(utterance)


def expect_same(path: Path, listed: list[Utterance], annotated: list[Utterance]) -> None:
    """Raises: HybridKdError if the list of a track names others than the annotations."""
    different = sorted(set(listed) ^ set(annotated))
    if different:
        where = "in the list" if different[0] in set(listed) else "in the annotations"
        problem = (
            f"{len(different)} utterances are not in both the list and the annotations; it is only {where}"
        )
        raise HybridKdError.at(path, problem, fix=FIX, key=different[0].name)
