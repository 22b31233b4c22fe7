"""Where a minibatch's teacher labels come from: a label store, or the teacher itself on the same frames.

Axis letters: batch = frames of a minibatch; entries = states kept, padded to the widest frame.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, Int16, Int64
from torch import Tensor

from hybrid_kd.distill.label_store import LabelStore
from hybrid_kd.distill.labels import SparsePosteriors, prune_and_renormalise, temper
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.network.model_dir import AcousticModel


@runtime_checkable
class TeacherLabels(Protocol):
    """A teacher's labels of any frames of the training set, at one temperature."""

    def posteriors(self, frame_index: Int64[Tensor, " batch"]) -> SparsePosteriors:
        """Tempered, pruned, renormalised posteriors of these frames."""
        ...


@runtime_checkable
class Teacher(Protocol):
    """Gives labels at the temperatures that it supports."""

    def check_temperature(self, temperature: float) -> None:
        """Raises: HybridKdError if the teacher has no labels at this temperature."""
        ...

    def at_temperature(self, temperature: float) -> TeacherLabels:
        """Make its labels at this temperature ready for use."""
        ...


@dataclass(frozen=True)
class RunningTeacher:
    """Runs the teacher on the features that it sees: its row in them for each frame of a training set."""

    model: AcousticModel
    inputs: SplicedFeatures  # spliced as the model's own
    row_of_frame: Int64[Tensor, " frames"]
    prune_below: float

    def check_temperature(self, temperature: float) -> None:
        """Any temperature will do."""

    def at_temperature(self, temperature: float) -> "RunningTeacherLabels":
        """Remember it."""
        return RunningTeacherLabels(self, temperature)


@dataclass(frozen=True)
class RunningTeacherLabels:
    """A running teacher at one temperature."""

    teacher: RunningTeacher
    temperature: float

    def posteriors(self, frame_index: Int64[Tensor, " batch"]) -> SparsePosteriors:
        """Forward, temper, prune, renormalise."""
        teacher = self.teacher
        logits = teacher.model.logits_of_spliced(teacher.inputs.spliced(teacher.row_of_frame[frame_index]))
        return prune_and_renormalise(temper(logits, self.temperature), prune_below=teacher.prune_below)


@dataclass(frozen=True)
class StoredTeacher:
    """A label store and, for each frame of a training set, its row in the store."""

    store: LabelStore
    row_of_frame: Int64[Tensor, " frames"]
    prune_below: float
    device: torch.device

    def check_temperature(self, temperature: float) -> None:
        """Raises: HybridKdError for a temperature or threshold that the store was not written for."""
        _temperature_column(self.store, temperature)
        _check_prune_below(self.store, self.prune_below)

    def at_temperature(self, temperature: float) -> "StoredTeacherLabels":
        """Temper all labels at once and keep them in memory, on the device."""
        ragged = tempered_posteriors(self.store, temperature, prune_below=self.prune_below)
        return StoredTeacherLabels(
            self.row_of_frame.to(self.device),
            torch.from_numpy(ragged.offsets).to(self.device),
            torch.from_numpy(ragged.pdf_ids).to(self.device),
            torch.from_numpy(ragged.posteriors).to(self.device),
            widest=int(np.diff(ragged.offsets).max()),
        )


@dataclass(frozen=True)
class StoredTeacherLabels:
    """A store's labels at one temperature: row r has the entries offsets[r] to offsets[r + 1]."""

    row_of_frame: Int64[Tensor, " frames"]
    offsets: Int64[Tensor, " rows_and_end"]
    pdf_ids: Int16[Tensor, " entries"]
    values: Float32[Tensor, " entries"]
    widest: int

    def posteriors(self, frame_index: Int64[Tensor, " batch"]) -> SparsePosteriors:
        """Gather the rows of these frames, padded to the widest row of the store (a fixed shape, no sync)."""
        rows = self.row_of_frame[frame_index]
        begin, end = self.offsets[rows][:, None], self.offsets[rows + 1][:, None]
        entry = begin + torch.arange(self.widest, device=begin.device)
        inside = entry < end
        entry = torch.where(inside, entry, begin)
        return SparsePosteriors(
            torch.where(inside, self.pdf_ids[entry].long(), 0), torch.where(inside, self.values[entry], 0.0)
        )


@dataclass(frozen=True)
class RaggedPosteriors:
    """Posteriors of consecutive frames: frame f has the entries offsets[f] to offsets[f + 1], falling."""

    offsets: Int64[np.ndarray, " frames_and_end"]
    pdf_ids: Int16[np.ndarray, " entries"]
    posteriors: Float32[np.ndarray, " entries"]


def tempered_posteriors(
    store: LabelStore,
    temperature: float,
    *,
    prune_below: float,
    frames: slice = slice(None),
) -> RaggedPosteriors:
    """Labels of a range of frames at a planned temperature: t = exp(z / T - log Z_T), pruned, renormalised.

    Raises: HybridKdError for a temperature or threshold that the store was not written for.
    """
    column = _temperature_column(store, temperature)
    _check_prune_below(store, prune_below)
    first, end, _ = frames.indices(store.header.num_frames)
    offsets = np.asarray(store.frame_offsets[first : end + 1])
    entries = slice(int(offsets[0]), int(offsets[-1]))
    counts = np.diff(offsets)
    starts = offsets[:-1] - offsets[0]
    log_z = np.repeat(store.log_z[first:end, column], counts)
    posteriors = np.exp(store.logits[entries] / np.float32(temperature) - log_z)
    kept = posteriors >= prune_below
    kept[starts] = True  # the argmax, since the largest logit comes first
    posteriors[~kept] = 0.0
    posteriors /= np.repeat(np.add.reduceat(posteriors, starts), counts)
    kept_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)])
    return RaggedPosteriors(
        kept_before[np.append(starts, len(kept))], np.asarray(store.pdf_ids[entries])[kept], posteriors[kept]
    )


def _temperature_column(store: LabelStore, temperature: float) -> int:
    stored = store.header.temperatures
    for column, candidate in enumerate(stored):
        if abs(candidate - temperature) < 1e-6:
            return column
    planned = ",".join(f"{value:g}" for value in stored)
    raise HybridKdError.at(
        store.path,
        f"has no labels at temperature {temperature:g}, only at {planned}",
        fix=f"write them: hybrid-kd label ... --temperatures {planned},{temperature:g}",
    )


def _check_prune_below(store: LabelStore, prune_below: float) -> None:
    if prune_below < store.header.prune_below:
        raise HybridKdError.at(
            store.path,
            f"was pruned below {store.header.prune_below:g}, but --prune-below is {prune_below:g}",
            fix="write it again with that threshold, or run the teacher on the fly with --teacher",
        )
