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
from hybrid_kd.config import read_yaml
from hybrid_kd.frames.alignment_model import read_alignment_model
from hybrid_kd.frames.labelled import LabelledFrames, Splice, load_labelled_frames
from hybrid_kd.network.model_dir import AcousticModel
from hybrid_kd.report.calibration import calibration_of, frame_scores
from hybrid_kd.report.frame_groups import read_snr
from hybrid_kd.report.learning_curve import rounded
from hybrid_kd.report.phones import phones_of_pdfs, quantise, rows_of_pdfs
from hybrid_kd.report.records import DevPosteriors, ExampleRecord
from hybrid_kd.report.uncertainty import FrameNames, measure_uncertainty
from hybrid_kd.run_record import CONFIG

logger = logging.getLogger(__name__)

BATCH = 4096  # frames at once
EXAMPLE_FRAMES = 150


@dataclass(frozen=True)
class DevSet:
    """Dev frames with their alignment, and the utterance among them that serves as an example."""

    frames: LabelledFrames
    phone_of_pdf: list[str]
    example: ExampleRecord
    data_dir: Path

    def names(self) -> FrameNames:
        """Of groups of its frames."""
        return FrameNames(self.phone_of_pdf, read_snr(self.data_dir))

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
def load_dev_set(data_dir: Path, ali_dir: Path, splice: Splice, frame_tolerance: int | None) -> DevSet:
    """Read features and alignment.

    Raises: HybridKdError if they cannot be read.
    """
    model = read_alignment_model(ali_dir)
    frames = load_labelled_frames(data_dir, ali_dir, model, splice=splice, frame_tolerance=frame_tolerance)
    phone_of_pdf = phones_of_pdfs(model, ali_dir / "phones.txt")
    example = choose_example(frames, phone_of_pdf, data_dir.name)
    text = read_data_dir(data_dir).text or {}
    example = replace(example, text=" ".join(text.get(example.utt_id, [])))
    return DevSet(frames, phone_of_pdf, example, data_dir)


def dev_set_of(system_dir: Path, dev_frames: str | None) -> DevSet | None:
    """What a network was validated on; None if it is gone, or its sha256 is another than ``dev_frames``."""
    config = read_yaml(system_dir / CONFIG)
    dev_data, dev_ali = Path(config["dev_data"]), Path(config["dev_ali"])
    if not dev_data.is_dir() or not dev_ali.is_dir():
        words = "%s: %s or %s is not there: posteriors are not measured"
        logger.warning(words, system_dir, dev_data, dev_ali)
        return None
    splice = Splice(config["left_context"], config["right_context"])
    dev = load_dev_set(dev_data, dev_ali, splice, config["frame_tolerance"])
    if dev_frames != dev.frames.sha256:
        words = "%s: %s is not what it was in training: posteriors are not measured"
        logger.warning(words, system_dir, dev_data)
        return None
    return dev


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
    values = torch.cat(parts, dim=1).numpy()
    example = model.logits_of_spliced(frames.inputs.spliced(dev.example_frames)).softmax(dim=1)
    posteriors = DevPosteriors(
        set_name=dev.example.set_name,
        num_frames=frames.num_frames,
        **vars(calibration_of(values[:3])),
        entropy=rounded(values[3].mean()),
        example=dev.example_rows(example),
    )
    if model.uncertainty is None:
        return posteriors
    return replace(posteriors, uncertainty=measure_uncertainty(model, frames, dev.names()))


def _frame_values(
    log_posteriors: Float[Tensor, "batch pdfs"], pdf_ali: Int64[Tensor, " batch"]
) -> Float64[Tensor, "4 batch"]:
    """``frame_scores``, and the entropy."""
    entropy = -(log_posteriors.exp() * log_posteriors).sum(dim=1, keepdim=True)
    return torch.cat([frame_scores(log_posteriors, pdf_ali), entropy.double().T])
