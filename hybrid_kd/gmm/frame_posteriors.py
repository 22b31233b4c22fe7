"""Posteriors of transition-ids or pdfs on the way from alignments and lattices to a transform's statistics.

They are archives.posteriors.Posteriors: what ali-to-post, weight-silence-post and post-to-pdf-post do.
Source: Kaldi hmm/posterior.cc, WeightSilencePost and ConvertPosteriorToPdfs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, Integer

from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.archives.transition_model import TransitionModel, transition_ids_to_pdf_ids

CHUNK_FRAMES = 10_000

Utterances = Iterable[tuple[Float32[np.ndarray, "_ _"], Posteriors]]  # frames, posteriors of pdf_ids


@dataclass(frozen=True)
class WeightedFrames:
    """Frames of some utterances; entry e gives ``weights[e]`` to ``pdf_ids[e]`` in ``frame_indices[e]``."""

    frames: Float32[np.ndarray, "frames dim"]
    frame_indices: Int64[np.ndarray, " entries"]
    pdf_ids: Int32[np.ndarray, " entries"]
    weights: Float64[np.ndarray, " entries"]


def ali_to_posteriors(transition_ali: Integer[np.ndarray, " frames"]) -> Posteriors:
    """One transition_id with weight 1 in each frame."""
    num_frames = len(transition_ali)
    ids = transition_ali.astype(np.int32)
    return Posteriors(np.arange(num_frames + 1), ids, np.ones(num_frames, np.float32))


def weight_silence(
    posteriors: Posteriors, model: TransitionModel, silence_phones: Iterable[int], silence_weight: float
) -> Posteriors:
    """Scale what transition_ids of silence phones have; a weight of 0 removes them."""
    is_silence = np.isin(model.transition_id_to_phone[posteriors.ids], list(silence_phones))
    values = np.where(is_silence, np.float32(silence_weight) * posteriors.values, posteriors.values)
    kept = values != 0
    offsets = np.append(0, np.cumsum(kept))[posteriors.offsets]
    return Posteriors(offsets, posteriors.ids[kept], values[kept])


def posteriors_to_pdfs(posteriors: Posteriors, model: TransitionModel) -> Posteriors:
    """Add the values of the transition_ids of each pdf; pdf_ids ascend within a frame.

    Raises: ValueError for a transition_id that the model lacks.
    """
    pdf_ids = transition_ids_to_pdf_ids(posteriors.ids, model).astype(np.int64)
    frames = np.repeat(np.arange(posteriors.num_frames), np.diff(posteriors.offsets))
    keys, which = np.unique(frames * model.num_pdfs + pdf_ids, return_inverse=True)
    values = np.bincount(which, posteriors.values, len(keys)).astype(np.float32)
    offsets = np.searchsorted(keys, np.arange(posteriors.num_frames + 1) * model.num_pdfs)
    return Posteriors(offsets, (keys % model.num_pdfs).astype(np.int32), values)


def weighted_chunks(utterances: Utterances) -> Iterator[WeightedFrames]:
    """Join utterances to chunks of some thousand frames, so that one matrix product serves many.

    Raises: ValueError where posteriors and features differ in their number of frames, or the pdf_ids of a
    frame do not ascend (see `posteriors_to_pdfs`).
    """
    frames: list[np.ndarray] = []
    posteriors: list[Posteriors] = []
    for utterance, posterior in utterances:
        if len(utterance) != posterior.num_frames:
            raise ValueError(f"{posterior.num_frames} frames of posteriors, {len(utterance)} of features")
        frames.append(utterance)
        posteriors.append(posterior)
        if sum(map(len, frames)) >= CHUNK_FRAMES:
            yield _join(frames, posteriors)
            frames, posteriors = [], []
    if frames:
        yield _join(frames, posteriors)


def _join(frames: Sequence[np.ndarray], posteriors: Sequence[Posteriors]) -> WeightedFrames:
    counts = np.concatenate([np.diff(part.offsets) for part in posteriors])
    frame_indices = np.repeat(np.arange(len(counts)), counts)
    pdf_ids = np.concatenate([part.ids for part in posteriors])
    if ((np.diff(frame_indices) == 0) & (np.diff(pdf_ids) <= 0)).any():
        raise ValueError("the pdf_ids of a frame do not ascend")
    return WeightedFrames(
        np.concatenate(frames),
        frame_indices,
        pdf_ids,
        np.concatenate([part.values for part in posteriors]).astype(np.float64),
    )
