"""Runs a teacher over a data directory and writes its labels."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from hybrid_kd.distill.label_header import HEADER, LabelStoreHeader, LabelStorePlan
from hybrid_kd.distill.label_store import TeacherOutputs, read_label_store, write_label_store
from hybrid_kd.distill.noise import NoiseAxes, fit_noise_axes
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.frames.labelled import load_features
from hybrid_kd.network.model_dir import FINAL, AcousticModel
from hybrid_kd.network.uncertainty import UNCERTAINTY
from hybrid_kd.progress import track
from hybrid_kd.provenance import refuse_differences, sha256_of_file

logger = logging.getLogger(__name__)

FRAMES_OF_AXES = 2**15


def label_data(
    model: AcousticModel,
    data_dir: Path,
    out: Path,
    *,
    temperatures: tuple[float, ...],
    prune_below: float,
    uncertainty_rank: int = 0,
) -> LabelStoreHeader:
    """Write the label store ``out`` for every utterance of ``data_dir``; an equal one is left as it is.

    If the model has an uncertainty head, its sigma is stored on ``uncertainty_rank`` principal axes.

    Raises: HybridKdError if ``out`` holds labels of another teacher, data, temperatures or threshold, or
    something else; or if the features are not those that the teacher was trained on.
    """
    inputs = load_features(data_dir, splice=model.splice)
    model.check_features(data_dir, inputs)
    rank = 0 if model.uncertainty is None else min(uncertainty_rank, model.num_pdfs)
    plan = LabelStorePlan(
        str(model.path),
        sha256_of_file(model.path / FINAL),
        str(data_dir),
        inputs.sha256,
        model.num_pdfs,
        temperatures,
        prune_below,
        rank,
        sha256_of_file(model.path / UNCERTAINTY) if rank else None,
    )
    if out.exists():
        return _existing(out, plan)
    inputs = inputs.to(model.device)
    axes = _noise_axes(model, inputs, rank) if rank else None
    utterances = track(_teacher_outputs(model, inputs), total=len(inputs.utt_ids), what="label")
    return write_label_store(out, utterances, plan, axes)


def _noise_axes(model: AcousticModel, inputs: SplicedFeatures, rank: int) -> NoiseAxes:
    """Of frames that are spread evenly over the data."""
    num_frames = len(inputs.features)
    some = torch.linspace(0, num_frames - 1, min(num_frames, FRAMES_OF_AXES), device=model.device).long()
    sigma = [model.outputs_of_spliced(inputs.spliced(part))[1] for part in torch.split(some, 1024)]
    return fit_noise_axes(torch.cat([part for part in sigma if part is not None]), rank)


def _teacher_outputs(model: AcousticModel, inputs: SplicedFeatures) -> Iterator[TeacherOutputs]:
    offsets = inputs.utt_offsets.tolist()
    for utt_id, begin, end in zip(inputs.utt_ids, offsets[:-1], offsets[1:], strict=True):
        frame_index = torch.arange(begin, end, device=model.device)
        logits, sigma = model.outputs_of_spliced(inputs.spliced(frame_index))
        if not logits.isfinite().all():
            raise HybridKdError.at(
                model.path, "gives logits that are not finite", key=utt_id, fix="train again"
            )
        yield TeacherOutputs(utt_id, logits, sigma)


def _existing(out: Path, plan: LabelStorePlan) -> LabelStoreHeader:
    if not (out / HEADER).is_file():
        raise HybridKdError.at(out, "exists and is not a label store", fix="give another --out")
    header = read_label_store(out).header
    before, now = asdict(header), asdict(plan) | {"temperatures": list(plan.temperatures)}
    names = now.keys() - {"teacher", "data"}  # paths: their contents are compared
    refuse_differences(
        out / HEADER, {name: before[name] for name in names}, {name: now[name] for name in names}
    )
    logger.info("%s: already done", out)
    return header
