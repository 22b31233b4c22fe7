"""Labels of a store as a Kaldi Posterior archive, alone or mixed with a reference alignment (SI)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.posteriors import Posteriors, open_posterior_writer
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.distill.label_store import LabelStore
from hybrid_kd.distill.teachers import RaggedPosteriors, tempered_posteriors
from hybrid_kd.distill.views import NO_LABELS, UttMap
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.alignment_model import read_alignment_model
from hybrid_kd.frames.matching import (
    FRAME_MISMATCH,
    NO_ALIGNMENT,
    STRANGE_IDS,
    DisagreementError,
    matching_pdf_ali,
)
from hybrid_kd.progress import track
from hybrid_kd.tally import Tally

ALIGN_WHAT_IS_LABELLED = (
    "align the data directory that was labelled; where a student learns from another view, give its own"
    " alignment and --utt-map of its utterances"
)
FIXES = {
    NO_LABELS: "give a --utt-map whose second ids are those of the label store",
    NO_ALIGNMENT: ALIGN_WHAT_IS_LABELLED,
    FRAME_MISMATCH: ALIGN_WHAT_IS_LABELLED,
    STRANGE_IDS: "give the alignment directory its own final.mdl",
}


@dataclass(frozen=True)
class Reference:
    """Reference labels to mix with: an alignment directory, and their weight (0 to 1)."""

    ali_dir: Path
    hard_weight: float


def export_labels(
    store: LabelStore,
    wspecifier: str,
    *,
    temperature: float,
    prune_below: float,
    reference: Reference | None = None,
    utt_map: UttMap | None = None,
) -> None:
    """Write every utterance's labels at one temperature; each pdf stands once in a frame, largest first.

    With ``reference`` they are q = hard_weight * one-hot + (1 - hard_weight) * teacher, and sum to 1.
    With ``utt_map`` they are written for the training utterances that it lists, under their utt_ids.
    Utterances without labels or alignment, or with one of another length, are left out.

    Raises: HybridKdError for an unplanned temperature, or if over 1 % of the utterances are left out.
    """
    pdf_ali_of = None if reference is None else _pdf_alignments(store, reference.ali_dir)
    label_utt_ids = {utt_id: utt_id for utt_id in store.utt_ids} if utt_map is None else utt_map.label_utt_ids
    offsets_of = dict(zip(store.utt_ids, pairwise(store.utt_offsets.tolist()), strict=True))
    tally = Tally(store.path)
    with open_posterior_writer(wspecifier) as write:
        for utt_id in track(sorted(label_utt_ids), total=len(label_utt_ids), what="export-labels"):
            try:
                frames = _labelled_frames(offsets_of, label_utt_ids[utt_id])
                pdf_ali = None if pdf_ali_of is None else pdf_ali_of(utt_id, frames.stop - frames.start)
            except DisagreementError as disagreement:
                tally.left_out(utt_id, *disagreement.args)
                continue
            teacher = tempered_posteriors(store, temperature, prune_below=prune_below, frames=frames)
            if reference is None or pdf_ali is None:
                write(utt_id, _as_kaldi(teacher))
            else:
                write(utt_id, mix_with_reference(teacher, pdf_ali, hard_weight=reference.hard_weight))
            tally.done()
        tally.close(fix=FIXES)


def _labelled_frames(offsets_of: Mapping[str, tuple[int, int]], label_utt_id: str) -> slice:
    if label_utt_id not in offsets_of:
        raise DisagreementError(NO_LABELS, f"there is no '{label_utt_id}'")
    return slice(*offsets_of[label_utt_id])


def _pdf_alignments(store: LabelStore, ali_dir: Path) -> Callable[[str, int], Int32[np.ndarray, " frames"]]:
    """The pdf_ids of an utterance, whose labels have so many frames."""
    model = _read_transition_model(ali_dir, store)
    alignments = dict(read_alignment_dir(ali_dir))
    return lambda utt_id, num_frames: matching_pdf_ali(num_frames, alignments.get(utt_id), model)


def mix_with_reference(
    teacher: RaggedPosteriors, pdf_ali: Int32[np.ndarray, " frames"], *, hard_weight: float
) -> Posteriors:
    """q = hard_weight * one-hot(pdf_ali) + (1 - hard_weight) * teacher, with equal pdfs of a frame added up.

    Kaldi's nnet1 overwrites instead of adding when a pdf comes twice in a frame.
    """
    num_frames = len(pdf_ali)
    frame = np.repeat(np.arange(num_frames), np.diff(teacher.offsets))
    frames = np.concatenate([np.arange(num_frames), frame])
    pdf_ids = np.concatenate([pdf_ali.astype(np.int64), teacher.pdf_ids.astype(np.int64)])
    values = np.concatenate(
        [np.full(num_frames, hard_weight), (1.0 - hard_weight) * teacher.posteriors.astype(np.float64)]
    )
    used = values > 0
    keys: Int64[np.ndarray, " entries"] = frames[used] * 2**32 + pdf_ids[used]
    unique, group = np.unique(keys, return_inverse=True)
    summed = np.bincount(group, weights=values[used])
    order = np.lexsort((unique % 2**32, -summed, unique // 2**32))
    counts = np.bincount(unique // 2**32, minlength=num_frames)
    return Posteriors(
        np.concatenate([np.zeros(1, np.int64), counts.cumsum()]),
        (unique % 2**32)[order].astype(np.int32),
        summed[order].astype(np.float32),
    )


def _as_kaldi(teacher: RaggedPosteriors) -> Posteriors:
    return Posteriors(teacher.offsets, teacher.pdf_ids.astype(np.int32), teacher.posteriors)


def _read_transition_model(ali_dir: Path, store: LabelStore) -> TransitionModel:
    model = read_alignment_model(ali_dir)
    if model.num_pdfs != store.header.num_pdfs:
        raise HybridKdError.at(
            ali_dir,
            f"has {model.num_pdfs} pdfs, the labels {store.header.num_pdfs}",
            fix="use the alignment that the teacher was trained on",
        )
    return model
