"""What a label store says of its teacher's uncertainty, without an alignment.

Axis letters: frames = frames of the store; utts = utterances.
"""

from pathlib import Path

import numpy as np

from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.distill.label_store import LabelStore
from hybrid_kd.report.frame_groups import (
    GroupMeans,
    by_environment,
    by_phone,
    by_snr,
    means_by_group,
    read_snr,
)
from hybrid_kd.report.phones import phones_of_pdfs


def label_sigma(store: LabelStore) -> dict[str, GroupMeans]:
    """The mean of ||sigma|| / sqrt(pdfs), the root mean square over pdfs, by groups of frames.

    By environment, by signal-to-noise ratio where the data say it, and by phone of the most likely pdf where
    the teacher's final.mdl is still there.

    Raises: HybridKdError if such a file is broken.
    """
    assert store.noise is not None
    sigma = np.asarray(store.noise.norms, np.float64)[None] / np.sqrt(store.header.num_pdfs)
    utt_of_frame = np.repeat(np.arange(len(store.utt_ids)), np.diff(store.utt_offsets))
    groups = {
        "environment": by_environment(store.utt_ids, utt_of_frame),
        "signal-to-noise ratio": by_snr(store.utt_ids, utt_of_frame, read_snr(Path(store.header.data))),
    }
    if (phone_of_pdf := _phones_of(store)) is not None:
        most_likely = np.asarray(store.pdf_ids)[store.frame_offsets[:-1]].astype(np.int64)
        groups["phone of the most likely pdf"] = by_phone(phone_of_pdf, most_likely)
    return {what: means_by_group(frames, sigma) for what, frames in groups.items()}


def _phones_of(store: LabelStore) -> list[str] | None:
    teacher = Path(store.header.teacher)
    if not (teacher / "final.mdl").is_file():
        return None
    model = read_transition_model(teacher / "final.mdl")
    return phones_of_pdfs(model, teacher / "phones.txt") if model.num_pdfs == store.header.num_pdfs else None
