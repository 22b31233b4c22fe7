"""Which frames a network with an uncertainty head is unsure about, and what that does to its posteriors.

Its noisy posterior is p = mean_s softmax(f + sigma * eps_s) over a few draws; f alone is what decodes.

Axis letters: batch, frames = frames; samples = draws of a frame; pdfs = HMM states.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from scipy.stats import rankdata
from torch import Tensor

from hybrid_kd.distill.noise import EpochNoise
from hybrid_kd.distill.uncertainty import noisy_log_softmax
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.network.model_dir import AcousticModel
from hybrid_kd.report.calibration import calibration_of, frame_scores
from hybrid_kd.report.frame_groups import (
    FrameGroups,
    by_environment,
    by_pdf,
    by_phone,
    by_snr,
    means_by_group,
)
from hybrid_kd.report.learning_curve import rounded
from hybrid_kd.report.uncertainty_records import SigmaGroup, Uncertainty

BATCH = 512  # frames at once, with all their draws
SAMPLES = 8
SEED = 0
MIN_FRAMES = 50  # of a phone or pdf that is told of
NUM_PDFS_TOLD = 10


@dataclass(frozen=True)
class FrameNames:
    """What the groups of frames are called: the phone of each pdf, and dB by utt_id where they are known."""

    phone_of_pdf: Sequence[str]
    snr_db: Mapping[str, float]


def measure_uncertainty(
    model: AcousticModel,
    frames: LabelledFrames,
    names: FrameNames,
    *,
    samples: int = SAMPLES,
    min_frames: int = MIN_FRAMES,
) -> Uncertainty:
    """Run a network that has an uncertainty head over labelled frames, which lie on its device."""
    head = model.uncertainty
    assert head is not None
    values = _frame_values(model, frames, samples=samples)
    scores, noisy_scores, per_frame = values[:3], values[3:6], values[[2, 6, 7, 8]]
    utt_ids, utt_of_frame = frames.inputs.utt_ids, frames.inputs.utt_of_frame.cpu().numpy()
    pdf_ali = frames.pdf_ali.cpu().numpy()
    is_right = per_frame[0].astype(int)
    (all_frames,) = mean_sigma(per_frame, FrameGroups(["all"], np.zeros_like(pdf_ali)))
    by_correctness = mean_sigma(per_frame, FrameGroups(["wrong", "right"], is_right))
    pdfs = _least_sure_first(
        mean_sigma(per_frame, by_pdf(names.phone_of_pdf, pdf_ali), min_frames=min_frames)
    )
    return Uncertainty(
        activation=head.activation,
        parameters=sum(parameter.numel() for parameter in head.parameters()),
        samples=samples,
        all_frames=all_frames,
        right=next((group for group in by_correctness if group.name == "right"), None),
        wrong=next((group for group in by_correctness if group.name == "wrong"), None),
        by_sigma=chance_of_larger(per_frame[1], is_right == 0),
        by_confidence=chance_of_larger(1 - scores[1], is_right == 0),
        environments=mean_sigma(per_frame, by_environment(utt_ids, utt_of_frame)),
        snr=mean_sigma(per_frame, by_snr(utt_ids, utt_of_frame, names.snr_db)),
        phones=_least_sure_first(
            mean_sigma(per_frame, by_phone(names.phone_of_pdf, pdf_ali), min_frames=min_frames)
        ),
        least_sure_pdfs=pdfs[:NUM_PDFS_TOLD],
        most_sure_pdfs=pdfs[::-1][:NUM_PDFS_TOLD],
        calibration=calibration_of(scores),
        noisy_calibration=calibration_of(noisy_scores),
    )


@torch.inference_mode()
def _frame_values(
    model: AcousticModel, frames: LabelledFrames, *, samples: int
) -> Float64[np.ndarray, "9 frames"]:
    """``frame_scores`` of softmax(f) and of p, then the three of SigmaGroup."""
    noise, parts = EpochNoise(SEED, 0, model.device), []
    for frame_index in torch.arange(frames.num_frames, device=model.device).split(BATCH):  # type: ignore[no-untyped-call]
        logits, sigma = model.outputs_of_spliced(frames.inputs.spliced(frame_index))
        assert sigma is not None
        eps = noise.of_frames(frame_index, samples=samples, num_pdfs=model.num_pdfs)
        log_posteriors, pdf_ali = logits.log_softmax(dim=1), frames.pdf_ali[frame_index]
        values = [
            frame_scores(log_posteriors, pdf_ali),
            frame_scores(noisy_log_posteriors(logits, sigma, eps), pdf_ali),
            (log_posteriors.exp() * sigma).sum(dim=1, keepdim=True).double().T,
            sigma.gather(1, pdf_ali[:, None]).double().T,
            sigma.double().square().mean(dim=1, keepdim=True).sqrt().T,
        ]
        parts.append(torch.cat(values).cpu())
    return torch.cat(parts, dim=1).numpy()


def noisy_log_posteriors(
    logits: Float[Tensor, "batch pdfs"],
    sigma: Float[Tensor, "batch pdfs"],
    eps: Float[Tensor, "batch samples pdfs"],
) -> Float[Tensor, "batch pdfs"]:
    """ln p, p = mean_s softmax(f + sigma * eps_s)."""
    return noisy_log_softmax(logits, sigma, eps).logsumexp(dim=1) - math.log(eps.shape[1])


def mean_sigma(
    per_frame: Float64[np.ndarray, "4 frames"], groups: FrameGroups, *, min_frames: int = 1
) -> list[SigmaGroup]:
    """Means of the groups that have so many frames; per_frame: right or not, and the three of SigmaGroup."""
    return [
        SigmaGroup(name, number, *(rounded(value) for value in means))
        for name, number, means in means_by_group(groups, per_frame).told(min_frames)
    ]


def chance_of_larger(
    values: Float64[np.ndarray, " frames"], which: Bool[np.ndarray, " frames"]
) -> float | None:
    """Of a frame that is ``which`` and one that is not: how often the first has the larger value; ties half.

    Source: Mann & Whitney 1947, U / (n m); also known as the area under the ROC curve.
    """
    num, num_others = int(which.sum()), int((~which).sum())
    if not num or not num_others:
        return None
    above = float(rankdata(values)[which].sum()) - num * (num + 1) / 2
    return rounded(above / (num * num_others))


def _least_sure_first(groups: list[SigmaGroup]) -> list[SigmaGroup]:
    return sorted(groups, key=lambda group: -group.reference_sigma)
