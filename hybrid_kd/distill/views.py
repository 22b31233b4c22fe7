"""Which frame of a teacher's view (clean or enhanced speech) a frame of a training set (noisy speech) is.

Axis letters: frames = frames of the training utterances that are used, one utterance after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from hybrid_kd.distill.label_store import LabelStore
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.frames.matching import FRAME_MISMATCH, Lengths, fix_of_lengths
from hybrid_kd.tally import Tally
from hybrid_kd.text_files import read_word_lines

NO_LABELS = "no teacher labels"
FIX_NO_LABELS = (
    "label the data directory that you train on, or say by --utt-map which utterance has the same speech"
    " where the ids differ"
)
FIX_MAP = "give it one line '<training utt_id> <label utt_id>' for each training utterance"


@dataclass(frozen=True)
class View:
    """The utterances that a teacher has labelled, or that it will see; ``utt_offsets`` count its frames."""

    place: Path
    utt_ids: tuple[str, ...]
    utt_offsets: Int64[np.ndarray, " utts_and_end"]


@dataclass(frozen=True)
class UttMap:
    """The utt_id in the teacher's view for each utt_id of the training set, as ``path`` says."""

    path: Path
    label_utt_ids: dict[str, str]


@dataclass(frozen=True)
class MatchedView:
    """How many frames of which training utterances a view has, by rising index, and the row in it of each."""

    num_frames: dict[int, int]
    row_of_frame: Int64[Tensor, " frames"]


def view_of_store(store: LabelStore) -> View:
    """What a label store has labels of."""
    return View(store.path, store.utt_ids, np.asarray(store.utt_offsets))


def view_of_features(place: Path, features: SplicedFeatures) -> View:
    """What a teacher on the fly will see."""
    return View(place, features.utt_ids, features.utt_offsets.cpu().numpy())


def read_utt_map(path: Path) -> UttMap:
    """Read ``<training utt_id> <label utt_id>`` lines, in any order; several may name one label utt_id.

    Raises: HybridKdError if it cannot be read, a line has not two ids, or a training utt_id comes twice.
    """
    label_utt_ids: dict[str, str] = {}
    for number, ids in enumerate(read_word_lines(path, fix="check the path"), start=1):
        if len(ids) != 2:
            found = " ".join(ids)[:80]
            raise HybridKdError.at(path, f"line {number}: expected two ids, found {found!r}", fix=FIX_MAP)
        if ids[0] in label_utt_ids:
            raise HybridKdError.at(path, f"line {number}: comes twice", fix=FIX_MAP, key=ids[0])
        label_utt_ids[ids[0]] = ids[1]
    if not label_utt_ids:
        raise HybridKdError.at(path, "it lists no utterance", fix=FIX_MAP)
    return UttMap(path, label_utt_ids)


def match_view(
    inputs: SplicedFeatures, view: View, *, utt_map: UttMap | None = None, frame_tolerance: int = 0
) -> MatchedView:
    """Find each training utterance in the teacher's view, under its own id or the one that the map gives.

    Utterances that the view lacks or has with another number of frames are warned of, counted and left out.
    Lengths may differ by ``frame_tolerance`` frames: the longer one is cut at its end.

    Raises: HybridKdError if the map lacks a training utterance, over 1 % are left out, or none is good.
    """
    label_utt_ids = _label_utt_ids(inputs.utt_ids, utt_map)
    index_of = {utt_id: index for index, utt_id in enumerate(view.utt_ids)}
    view_lengths, lengths = np.diff(view.utt_offsets).tolist(), inputs.utt_offsets.cpu().diff().tolist()
    tally, other_lengths = Tally(view.place), list[Lengths]()
    num_frames, rows = {}, []
    for utt, (utt_id, label_utt_id) in enumerate(zip(inputs.utt_ids, label_utt_ids, strict=True)):
        index = index_of.get(label_utt_id)
        if index is None:
            tally.left_out(utt_id, NO_LABELS, f"there is no '{label_utt_id}'")
        elif abs(view_lengths[index] - lengths[utt]) > frame_tolerance:
            detail = (
                f"'{label_utt_id}' has {view_lengths[index]} frames, training features have {lengths[utt]}"
            )
            tally.left_out(utt_id, FRAME_MISMATCH, detail)
            other_lengths.append(Lengths(view_lengths[index], lengths[utt]))
        else:
            num_frames[utt] = min(view_lengths[index], lengths[utt])
            rows.append(torch.arange(num_frames[utt]) + int(view.utt_offsets[index]))
            tally.done()
    fixes = {NO_LABELS: FIX_NO_LABELS}
    if other_lengths:
        fixes[FRAME_MISMATCH] = fix_of_lengths(
            other_lengths,
            given="the teacher's labels",
            wanted="the training features",
            remedy="label the data directory that you train on, or the same speech with as many frames",
            has_tolerance=True,
        )
    tally.close(fix=fixes)
    return MatchedView(num_frames, torch.cat(rows))


def _label_utt_ids(utt_ids: Sequence[str], utt_map: UttMap | None) -> Sequence[str]:
    if utt_map is None:
        return utt_ids
    absent = [utt_id for utt_id in utt_ids if utt_id not in utt_map.label_utt_ids]
    if absent:
        problem = f"has no line for {len(absent)} of {len(utt_ids)} training utterances"
        raise HybridKdError.at(utt_map.path, problem, fix=FIX_MAP, key=absent[0])
    return [utt_map.label_utt_ids[utt_id] for utt_id in utt_ids]
