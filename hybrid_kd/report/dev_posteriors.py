"""What a network believes about the dev frames, beside the reference: calibration, entropy, an example.

Axis letters: batch = frames at once; pdfs = HMM states.
"""

import logging
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.frames.labelled import LabelledFrames, Splice, load_labelled_frames
from hybrid_kd.network.model_dir import AcousticModel
from hybrid_kd.report.learning_curve import rounded
from hybrid_kd.report.phones import phones_of_pdfs, quantise, rows_of_pdfs
from hybrid_kd.report.records import DevPosteriors, ExampleRecord

logger = logging.getLogger(__name__)

NUM_BINS = 15
BATCH = 4096  # frames at once
EXAMPLE_FRAMES = 150


@dataclass(frozen=True)
class DevSet:
    """Dev frames with their alignment, and the utterance among them that serves as an example."""

    frames: LabelledFrames
    phone_of_pdf: list[str]
    example: ExampleRecord

    @property
    def example_frames(self) -> Int64[Tensor, " batch"]:
        """Frames of the example, counted over the whole set."""
        utt = self.frames.inputs.utt_ids.index(self.example.utt_id)
        first = int(self.frames.inputs.utt_offsets[utt]) + self.example.first_frame
        return torch.arange(first, first + len(self.example.phone_ali))

    def example_rows(self, posteriors: Float[Tensor, "batch pdfs"]) -> list[str]:
        """Phone posteriors of the example's frames, quantised."""
        rows = rows_of_pdfs(self.phone_of_pdf, self.example.phones)
        return quantise(posteriors.double().numpy() @ rows)


@lru_cache(maxsize=1)
def load_dev_set(data_dir: Path, ali_dir: Path, splice: Splice, frame_tolerance: int) -> DevSet:
    """Read features and alignment.

    Raises: HybridKdError if they cannot be read.
    """
    model = read_transition_model(ali_dir / "final.mdl")
    frames = load_labelled_frames(data_dir, ali_dir, model, splice=splice, frame_tolerance=frame_tolerance)
    phone_of_pdf = phones_of_pdfs(model, ali_dir / "phones.txt")
    example = choose_example(frames, phone_of_pdf, data_dir.name)
    text = read_data_dir(data_dir).text or {}
    return DevSet(frames, phone_of_pdf, replace(example, text=" ".join(text.get(example.utt_id, []))))


def choose_example(frames: LabelledFrames, phone_of_pdf: list[str], set_name: str) -> ExampleRecord:
    """The utterance nearest to 1.5 s, its middle where it is longer; its phones as they come."""
    offsets = frames.inputs.utt_offsets.tolist()
    lengths = np.diff(offsets).tolist()
    utt = min(range(len(lengths)), key=lambda index: abs(lengths[index] - EXAMPLE_FRAMES))
    first = max(0, (lengths[utt] - EXAMPLE_FRAMES) // 2)
    begin = offsets[utt] + first
    pdf_ali = frames.pdf_ali[begin : begin + min(lengths[utt], EXAMPLE_FRAMES)].tolist()
    phones = list(dict.fromkeys(phone_of_pdf[pdf_id] for pdf_id in pdf_ali))
    phone_ali = [phones.index(phone_of_pdf[pdf_id]) for pdf_id in pdf_ali]
    return ExampleRecord(set_name, frames.inputs.utt_ids[utt], "", first, lengths[utt], phones, phone_ali)


@torch.inference_mode()
def measure_dev_posteriors(model: AcousticModel, dev: DevSet) -> DevPosteriors:
    """Run the network over all dev frames."""
    frames, parts = dev.frames, []
    for frame_index in torch.arange(frames.num_frames).split(BATCH):  # type: ignore[no-untyped-call]
        log_posteriors = model.logits_of_spliced(frames.inputs.spliced(frame_index)).log_softmax(dim=1)
        parts.append(_frame_values(log_posteriors, frames.pdf_ali[frame_index]))
    loss, entropy, confidence, correct = torch.cat(parts, dim=1).numpy()
    example = model.logits_of_spliced(frames.inputs.spliced(dev.example_frames)).softmax(dim=1)
    bins = reliability(confidence, correct)
    return DevPosteriors(
        set_name=dev.example.set_name,
        num_frames=frames.num_frames,
        cross_entropy=rounded(loss.mean()),
        frame_accuracy=rounded(correct.mean()),
        entropy=rounded(entropy.mean()),
        calibration_error=rounded(calibration_error(bins)),
        bin_frames=bins[0].astype(int).tolist(),
        bin_confidence=[rounded(value) for value in bins[1]],
        bin_accuracy=[rounded(value) for value in bins[2]],
        example=dev.example_rows(example),
    )


def _frame_values(
    log_posteriors: Float[Tensor, "batch pdfs"], pdf_ali: Int64[Tensor, " batch"]
) -> Float64[Tensor, "4 batch"]:
    """Cross-entropy with the reference, entropy, largest posterior, and whether it is the reference's."""
    posteriors = log_posteriors.exp()
    confidence, best = posteriors.max(dim=1)
    loss = -log_posteriors.gather(1, pdf_ali[:, None]).squeeze(1)
    entropy = -(posteriors * log_posteriors).sum(dim=1)
    return torch.stack([loss, entropy, confidence, best == pdf_ali]).double()


def reliability(
    confidence: Float64[np.ndarray, " frames"], correct: Float64[np.ndarray, " frames"]
) -> Float64[np.ndarray, "3 bins"]:
    """Frames, mean confidence and accuracy in bins of equal width of the largest posterior; 0 where empty."""
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    count, confidences, correct_ones = (
        np.bincount(bins, weights=weights, minlength=NUM_BINS) for weights in (None, confidence, correct)
    )
    return np.stack([count, confidences / np.maximum(count, 1), correct_ones / np.maximum(count, 1)])


def calibration_error(bins: Float64[np.ndarray, "3 bins"]) -> float:
    """sum_bins (frames / all frames) |accuracy - confidence|: 0 for a network that knows what it knows.

    Source: Guo et al. 2017, "On calibration of modern neural networks", ECE.
    """
    count, confidence, accuracy = bins
    return float((count * np.abs(accuracy - confidence)).sum() / count.sum())
