"""Labels of a store as a Kaldi Posterior archive, alone or mixed with a reference alignment (SI)."""

from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.posteriors import Posteriors, open_posterior_writer
from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.distill.label_store import LabelStore
from hybrid_kd.distill.teachers import RaggedPosteriors, tempered_posteriors
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.matching import DisagreementError, matching_pdf_ali
from hybrid_kd.progress import track
from hybrid_kd.tally import Tally


def export_labels(
    store: LabelStore,
    wspecifier: str,
    *,
    temperature: float,
    prune_below: float,
    ali_dir: Path | None = None,
    hard_weight: float = 0.0,
) -> None:
    """Write every utterance's labels at one temperature; each pdf stands once in a frame, largest first.

    With ``ali_dir`` they are q = hard_weight * one-hot + (1 - hard_weight) * teacher, and sum to 1.
    Utterances without alignment or of another length are left out.

    Raises: HybridKdError for an unplanned temperature, or if over 1 % of the utterances are left out.
    """
    alignments = None if ali_dir is None else dict(read_alignment_dir(ali_dir))
    model = None if ali_dir is None else _read_transition_model(ali_dir, store)
    tally = Tally(store.path)
    offsets = store.utt_offsets
    with open_posterior_writer(wspecifier) as write:
        for index, utt_id in track(enumerate(store.utt_ids), total=len(store.utt_ids), what="export-labels"):
            frames = slice(int(offsets[index]), int(offsets[index + 1]))
            teacher = tempered_posteriors(store, temperature, prune_below=prune_below, frames=frames)
            if alignments is None or model is None:
                write(utt_id, _as_kaldi(teacher))
            else:
                try:
                    pdf_ali = matching_pdf_ali(frames.stop - frames.start, alignments.get(utt_id), model)
                except DisagreementError as disagreement:
                    tally.left_out(utt_id, *disagreement.args)
                    continue
                write(utt_id, mix_with_reference(teacher, pdf_ali, hard_weight=hard_weight))
            tally.done()
        tally.close(fix="align the data directory that was labelled")


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
    model = read_transition_model(ali_dir / "final.mdl")
    if model.num_pdfs != store.header.num_pdfs:
        raise HybridKdError.at(
            ali_dir,
            f"has {model.num_pdfs} pdfs, the labels {store.header.num_pdfs}",
            fix="use the alignment that the teacher was trained on",
        )
    return model
