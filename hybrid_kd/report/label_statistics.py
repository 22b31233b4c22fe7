"""What a label store holds, by temperature: entropy, discarded mass, frames that only keep their argmax."""

import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from hybrid_kd.distill.label_store import LabelStore, read_label_store
from hybrid_kd.distill.labels import prune_and_renormalise, temper
from hybrid_kd.distill.teachers import RaggedPosteriors, tempered_posteriors
from hybrid_kd.frames.labelled import load_features
from hybrid_kd.network.model_dir import FINAL, AcousticModel, load_model
from hybrid_kd.provenance import sha256_of_file
from hybrid_kd.report.dev_posteriors import DevSet
from hybrid_kd.report.learning_curve import rounded
from hybrid_kd.report.records import LabelsRecord

logger = logging.getLogger(__name__)

SAMPLE_FRAMES = 20_000


def measure_labels(path: Path, dev: DevSet | None) -> LabelsRecord:
    """Statistics of the labels; of the unpruned ones, and of the example's, where the teacher is still there.

    Raises: HybridKdError if it is no label store, or damaged.
    """
    store = read_label_store(path)
    header = store.header
    labels = [
        tempered_posteriors(store, temperature, prune_below=header.prune_below)
        for temperature in header.temperatures
    ]
    teacher = _teacher(store)
    sample = None if teacher is None else _sampled_frames(store, Path(header.data))
    entropies = None if teacher is None or sample is None else _entropies(teacher, store, sample)
    return LabelsRecord(
        name=path.name,
        teacher=Path(header.teacher).name,
        teacher_sha256=header.teacher_sha256,
        sha256=header.sha256,
        data=Path(header.data).name,
        prune_below=header.prune_below,
        num_frames=header.num_frames,
        temperatures=header.temperatures,
        discarded_mass=[rounded(mass) for mass in header.discarded_mass],
        argmax_share=[rounded(float(np.mean(np.diff(each.offsets) == 1))) for each in labels],
        entropy=[rounded(label_entropy(each)) for each in labels],
        entropy_unpruned=entropies,
        sample_frames=None if entropies is None or sample is None else len(sample),
        example=None if teacher is None or dev is None else _example(teacher, store, dev),
    )


def label_entropy(labels: RaggedPosteriors) -> float:
    """- mean over frames of sum_k q_k ln q_k, in nats."""
    posteriors = labels.posteriors.astype(np.float64)
    return float(-(posteriors * np.log(posteriors)).sum() / (len(labels.offsets) - 1))


def _teacher(store: LabelStore) -> AcousticModel | None:
    path = Path(store.header.teacher)
    if not (path / FINAL).is_file() or sha256_of_file(path / FINAL) != store.header.teacher_sha256:
        logger.warning("%s: its teacher %s is not there any more", store.path, path)
        return None
    return load_model(path)


def _sampled_frames(store: LabelStore, data_dir: Path) -> Int64[Tensor, " frames"] | None:
    """Whole utterances, evenly spread over the store, of about SAMPLE_FRAMES frames."""
    if not data_dir.is_dir():
        logger.warning("%s: its data %s is not there any more", store.path, data_dir)
        return None
    every = max(1, store.header.num_frames // SAMPLE_FRAMES)
    offsets = store.utt_offsets.tolist()
    spans = list(pairwise(offsets))[::every]
    return torch.cat([torch.arange(*span) for span in spans])


@torch.inference_mode()
def _entropies(
    teacher: AcousticModel, store: LabelStore, sample: Int64[Tensor, " frames"]
) -> list[float] | None:
    """Mean entropy of the tempered, unpruned posteriors at each planned temperature."""
    inputs = load_features(Path(store.header.data), splice=teacher.splice)
    if inputs.sha256 != store.header.data_sha256:
        logger.warning("%s: the features of %s are others by now", store.path, store.header.data)
        return None
    sums = np.zeros(len(store.header.temperatures))
    for frame_index in sample.split(1024):  # type: ignore[no-untyped-call]
        logits = teacher.logits_of_spliced(inputs.spliced(frame_index))
        for column, temperature in enumerate(store.header.temperatures):
            log_posteriors = temper(logits, temperature).double()
            sums[column] -= float((log_posteriors.exp() * log_posteriors).sum())
    return [rounded(value) for value in sums / len(sample)]


@torch.inference_mode()
def _example(teacher: AcousticModel, store: LabelStore, dev: DevSet) -> list[list[str]]:
    """Labels of the example as a student would see them, at each planned temperature."""
    inputs = replace(dev.frames.inputs, **vars(teacher.splice))
    logits = teacher.logits_of_spliced(inputs.spliced(dev.example_frames))
    examples = []
    for temperature in store.header.temperatures:
        labels = prune_and_renormalise(temper(logits, temperature), prune_below=store.header.prune_below)
        dense = torch.zeros_like(logits).scatter_add(1, labels.pdf_ids, labels.posteriors)
        examples.append(dev.example_rows(dense))
    return examples
