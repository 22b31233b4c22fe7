"""``labels.json``: what a label store was written for and what is in it, with a sha256 of both."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hybrid_kd.distill.labels import MIN_TEMPERATURE
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_record, write_json

VERSION = 1
HEADER = "labels.json"
MAX_PDFS = 2**15  # a pdf_id is an int16
FIX_BROKEN = "write the labels again with `hybrid-kd label`"


@dataclass(frozen=True)
class LabelStorePlan:
    """What a store is written for.

    teacher_sha256: of the teacher's final.safetensors. data_sha256: of the utterances and their features.
    uncertainty_rank: principal axes of the noise, 0 for none; uncertainty_sha256: of the teacher's head.
    """

    teacher: str
    teacher_sha256: str
    data: str
    data_sha256: str
    num_pdfs: int
    temperatures: tuple[float, ...]
    prune_below: float
    uncertainty_rank: int = 0
    uncertainty_sha256: str | None = None


@dataclass(frozen=True)
class LabelStoreHeader:
    """What ``labels.json`` says.

    discarded_mass: per temperature, the mean posterior mass of the states below the threshold.
    uncertainty_lost: the share of the variance of sigma's direction that the principal axes do not show.
    sha256: of utt_ids and all arrays. header_sha256: of the other fields; stores of older versions lack it.
    """

    version: int
    teacher: str
    teacher_sha256: str
    data: str
    data_sha256: str
    num_pdfs: int
    temperatures: list[float]
    prune_below: float
    num_utterances: int
    num_frames: int
    num_entries: int
    discarded_mass: list[float]
    sha256: str
    uncertainty_rank: int = 0
    uncertainty_sha256: str | None = None
    uncertainty_lost: float | None = None
    header_sha256: str | None = None


def write_label_header(store: Path, header: LabelStoreHeader) -> LabelStoreHeader:
    """Write ``labels.json`` with the header's own sha256, and give it."""
    header = replace(header, header_sha256=_sha256(header))
    write_json(store / HEADER, asdict(header))
    return header


def read_label_header(store: Path) -> LabelStoreHeader:
    """Read ``labels.json`` of a store.

    Raises: HybridKdError if there is none, it is of another version or damaged, or a value is impossible.
    """
    path = store / HEADER
    if not path.is_file():
        raise HybridKdError.at(store, f"not a label store: it has no {HEADER}", fix=FIX_BROKEN)
    header = read_record(path, LabelStoreHeader, fix=FIX_BROKEN)
    if header.version != VERSION:
        raise HybridKdError.at(
            path, f"version {header.version}, this program reads {VERSION}", fix=FIX_BROKEN
        )
    if header.header_sha256 not in (None, _sha256(header)):
        problem = "is damaged: its content does not match the sha256 in it"
        raise HybridKdError.at(path, problem, fix=FIX_BROKEN)
    for name, is_possible in _possible(header).items():
        if not is_possible:
            raise HybridKdError.at(path, f"{name} is {getattr(header, name)}", fix=FIX_BROKEN)
    return header


def _possible(header: LabelStoreHeader) -> dict[str, bool]:
    """Whether the values of these fields can be."""
    temperatures, discarded = header.temperatures, header.discarded_mass
    return {
        "num_pdfs": 1 <= header.num_pdfs <= MAX_PDFS,
        "temperatures": bool(temperatures) and all(MIN_TEMPERATURE <= t < math.inf for t in temperatures),
        "prune_below": 0 < header.prune_below <= 1,
        "num_utterances": header.num_utterances >= 0,
        "num_frames": header.num_frames >= 0,
        "num_entries": header.num_entries >= 0,
        "discarded_mass": len(discarded) == len(temperatures) and all(0 <= mass <= 1 for mass in discarded),
        "uncertainty_rank": 0 <= header.uncertainty_rank <= header.num_pdfs,
    }


def _sha256(header: LabelStoreHeader) -> str:
    content = asdict(header)
    del content["header_sha256"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
