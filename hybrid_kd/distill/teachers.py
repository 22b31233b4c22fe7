"""Where a minibatch's teacher labels come from: a label store, or the teacher itself on the same frames.

Axis letters: batch = frames of a minibatch; entries = states kept, padded to the widest frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float16, Float32, Int16, Int64
from torch import Tensor
from torch.nn import functional

from hybrid_kd.distill.label_store import LabelStore, StoredNoise
from hybrid_kd.distill.labels import SparsePosteriors, prune_and_renormalise, temper
from hybrid_kd.distill.noise import NoiseAxes
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.network.model_dir import AcousticModel


@dataclass(frozen=True)
class Wanted:
    """What of a teacher's labels is used: what has weight 0 is not computed."""

    posteriors: bool = True
    noise: bool = False


@dataclass(frozen=True)
class TeacherFrames:
    """A minibatch's labels; ``directions`` are those of sigma, one array for each teacher."""

    posteriors: SparsePosteriors | None = None
    directions: tuple[Float32[Tensor, "batch pdfs"], ...] = ()


@runtime_checkable
class TeacherLabels(Protocol):
    """A teacher's labels of any frames of the training set, at one temperature."""

    def of_frames(self, frame_index: Int64[Tensor, " batch"], wanted: Wanted) -> TeacherFrames:
        """Tempered, pruned, renormalised posteriors of these frames, and the direction of sigma."""
        ...


@runtime_checkable
class Teacher(Protocol):
    """Gives labels at the temperatures that it supports."""

    def check(self, temperatures: Sequence[float], wanted: Wanted) -> None:
        """Raises: HybridKdError if it has no labels at one of these temperatures, or not all wanted."""
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

    def check(self, temperatures: Sequence[float], wanted: Wanted) -> None:  # noqa: ARG002
        """Any temperature will do. Raises: HybridKdError if there is no uncertainty head."""
        if wanted.noise and self.model.uncertainty is None:
            raise _no_noise(self.model.path)

    def at_temperature(self, temperature: float) -> "RunningTeacherLabels":
        """Remember it."""
        return RunningTeacherLabels(self, temperature)


@dataclass(frozen=True)
class RunningTeacherLabels:
    """A running teacher at one temperature."""

    teacher: RunningTeacher
    temperature: float

    def of_frames(self, frame_index: Int64[Tensor, " batch"], wanted: Wanted) -> TeacherFrames:
        """Forward, temper, prune, renormalise."""
        teacher = self.teacher
        spliced = teacher.inputs.spliced(teacher.row_of_frame[frame_index])
        logits, sigma = teacher.model.outputs_of_spliced(spliced)
        return TeacherFrames(
            prune_and_renormalise(temper(logits, self.temperature), prune_below=teacher.prune_below)
            if wanted.posteriors
            else None,
            (functional.normalize(sigma),) if wanted.noise and sigma is not None else (),
        )


@dataclass(frozen=True)
class StoredTeacher:
    """A label store and, for each frame of a training set, its row in the store."""

    store: LabelStore
    row_of_frame: Int64[Tensor, " frames"]
    prune_below: float
    device: torch.device

    def check(self, temperatures: Sequence[float], wanted: Wanted) -> None:
        """Raises: HybridKdError for what the store was not written with."""
        for temperature in temperatures:
            _temperature_column(self.store, temperature)
        _check_prune_below(self.store, self.prune_below)
        if wanted.noise and self.store.noise is None:
            raise _no_noise(self.store.path)

    def at_temperature(self, temperature: float) -> "StoredTeacherLabels":
        """Temper all labels at once and keep them in memory, on the device."""
        ragged = tempered_posteriors(self.store, temperature, prune_below=self.prune_below)
        return StoredTeacherLabels(
            self.row_of_frame.to(self.device),
            torch.from_numpy(ragged.offsets).to(self.device),
            torch.from_numpy(ragged.pdf_ids).to(self.device),
            torch.from_numpy(ragged.posteriors).to(self.device),
            widest=int(np.diff(ragged.offsets).max()),
            noise=None if self.store.noise is None else _noise_on(self.device, self.store.noise),
        )


@dataclass(frozen=True)
class NoiseCoordinates:
    """Where the direction of each row's sigma lies."""

    axes: NoiseAxes
    coordinates: Float16[Tensor, "rows rank"]


def _noise_on(device: torch.device, noise: StoredNoise) -> NoiseCoordinates:
    axes = torch.from_numpy(np.array(noise.axes)).to(device)
    coordinates = torch.from_numpy(np.array(noise.coordinates)).to(device)
    return NoiseCoordinates(NoiseAxes(axes[0], axes[1:]), coordinates)


@dataclass(frozen=True)
class StoredTeacherLabels:
    """A store's labels at one temperature: row r has the entries offsets[r] to offsets[r + 1]."""

    row_of_frame: Int64[Tensor, " frames"]
    offsets: Int64[Tensor, " rows_and_end"]
    pdf_ids: Int16[Tensor, " entries"]
    values: Float32[Tensor, " entries"]
    widest: int
    noise: NoiseCoordinates | None = None

    def of_frames(self, frame_index: Int64[Tensor, " batch"], wanted: Wanted) -> TeacherFrames:
        """Gather the rows of these frames."""
        rows = self.row_of_frame[frame_index]
        directions: tuple[Tensor, ...] = ()
        if wanted.noise and self.noise is not None:
            directions = (self.noise.axes.directions(self.noise.coordinates[rows]),)
        return TeacherFrames(self._posteriors(rows) if wanted.posteriors else None, directions)

    def _posteriors(self, rows: Int64[Tensor, " batch"]) -> SparsePosteriors:
        """Padded to the widest row of the store (a fixed shape, no sync)."""
        begin, end = self.offsets[rows][:, None], self.offsets[rows + 1][:, None]
        entry = begin + torch.arange(self.widest, device=begin.device)
        inside = entry < end
        entry = torch.where(inside, entry, begin)
        return SparsePosteriors(
            torch.where(inside, self.pdf_ids[entry].long(), 0), torch.where(inside, self.values[entry], 0.0)
        )


@dataclass(frozen=True)
class Teachers:
    """One or more teachers over the same pdfs, whose posteriors are mixed: t = sum_n weights[n] t_n."""

    members: tuple[Teacher, ...]
    weights: tuple[float, ...]

    def check(self, temperatures: Sequence[Sequence[float]], wanted: Wanted) -> None:
        """Raises: HybridKdError if one cannot give its labels at all of its own temperatures."""
        for member, own in zip(self.members, temperatures, strict=True):
            member.check(own, wanted)

    def at_temperatures(self, temperatures: Sequence[float]) -> TeacherLabels:
        """The labels of all, each at its own temperature."""
        labels = tuple(t.at_temperature(own) for t, own in zip(self.members, temperatures, strict=True))
        return labels[0] if len(labels) == 1 else TeachersLabels(labels, self.weights)


@dataclass(frozen=True)
class TeachersLabels:
    """Several teachers' labels, each at one temperature, and their weights."""

    members: tuple[TeacherLabels, ...]
    weights: tuple[float, ...]

    def of_frames(self, frame_index: Int64[Tensor, " batch"], wanted: Wanted) -> TeacherFrames:
        """Entries of all side by side: a pdf may come once for each teacher."""
        frames = [member.of_frames(frame_index, wanted) for member in self.members]
        directions = tuple(direction for of_one in frames for direction in of_one.directions)
        found = [of_one.posteriors for of_one in frames if of_one.posteriors is not None]
        if not found:
            return TeacherFrames(None, directions)
        weighted = [
            weight * posteriors.posteriors for weight, posteriors in zip(self.weights, found, strict=True)
        ]
        pdf_ids = torch.cat([posteriors.pdf_ids for posteriors in found], dim=1)
        return TeacherFrames(SparsePosteriors(pdf_ids, torch.cat(weighted, dim=1)), directions)


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


def _no_noise(path: Path) -> HybridKdError:
    return HybridKdError.at(
        path,
        "says nothing of its uncertainty, which --uncertainty-weight is to match",
        fix="train the teacher with --uncertainty (a single network, no ensemble) and label again",
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
