"""Runs a teacher over a data directory and writes its labels."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from jaxtyping import Float32
from torch import Tensor

from hybrid_kd.distill.label_store import (
    HEADER,
    LabelStoreHeader,
    LabelStorePlan,
    read_label_store,
    write_label_store,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.frames.labelled import load_features
from hybrid_kd.network.model_dir import FINAL, AcousticModel
from hybrid_kd.progress import track
from hybrid_kd.provenance import refuse_differences, sha256_of_file

logger = logging.getLogger(__name__)


def label_data(
    model: AcousticModel, data_dir: Path, out: Path, *, temperatures: tuple[float, ...], prune_below: float
) -> LabelStoreHeader:
    """Write the label store ``out`` for every utterance of ``data_dir``; an equal one is left as it is.

    Raises: HybridKdError if ``out`` holds labels of another teacher, data, temperatures or threshold, or
    something else; or if the features are not those that the teacher was trained on.
    """
    inputs = load_features(data_dir, splice=model.splice)
    model.check_features(data_dir, inputs)
    plan = LabelStorePlan(
        str(model.path),
        sha256_of_file(model.path / FINAL),
        str(data_dir),
        inputs.sha256,
        model.num_pdfs,
        temperatures,
        prune_below,
    )
    if out.exists():
        return _existing(out, plan)
    inputs = inputs.to(model.device)
    utterances = track(_teacher_logits(model, inputs), total=len(inputs.utt_ids), what="label")
    return write_label_store(out, utterances, plan)


def _teacher_logits(
    model: AcousticModel, inputs: SplicedFeatures
) -> Iterator[tuple[str, Float32[Tensor, "frames pdfs"]]]:
    offsets = inputs.utt_offsets.tolist()
    for utt_id, begin, end in zip(inputs.utt_ids, offsets[:-1], offsets[1:], strict=True):
        logits = model.logits_of_spliced(inputs.spliced(torch.arange(begin, end, device=model.device)))
        if not logits.isfinite().all():
            raise HybridKdError.at(
                model.path, "gives logits that are not finite", key=utt_id, fix="train again"
            )
        yield utt_id, logits


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
