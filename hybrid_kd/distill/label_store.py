"""A teacher's labels on disk: written once, exact at every planned temperature.

For each frame the store holds, largest first, the logits of every state that reaches ``prune_below`` at any
planned temperature (and the argmax), and log Z_T of the full softmax for each planned T. The files are flat
arrays in C order, whose lengths follow from labels.json, and are memory-mapped:

    labels.json           LabelStoreHeader
    utt_ids               one a line, in the order of the data directory
    utt_offsets.int64     [utts + 1], in frames        frame_offsets.int64   [frames + 1], in entries
    log_z.float32         [frames, temperatures]       pdf_ids.int16, logits.float32   [entries]

An entry takes 6 bytes, a frame 8 + 4 x temperatures more. If the teacher has an uncertainty head:

    noise_axes.float32    [1 + rank, pdfs]             the mean direction of sigma, its principal axes
    noise.float16         [frames, rank]               coordinates of each frame's direction
    noise_norm.float32    [frames]                     length of each frame's sigma
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from jaxtyping import Float, Float16, Float32, Float64, Int16, Int64, Shaped
from torch import Tensor

from hybrid_kd.atomic import replace_directory
from hybrid_kd.distill.label_header import (
    FIX_BROKEN,
    HEADER,
    MAX_PDFS,
    VERSION,
    LabelStoreHeader,
    LabelStorePlan,
    read_label_header,
    write_label_header,
)
from hybrid_kd.distill.labels import MIN_TEMPERATURE, survives_pruning, temper
from hybrid_kd.distill.noise import NoiseAxes, NoiseProjection
from hybrid_kd.errors import HybridKdError
from hybrid_kd.provenance import sha256_of_file
from hybrid_kd.text_files import read_lines

UTT_IDS = "utt_ids"
ARRAYS = ("pdf_ids.int16", "logits.float32", "log_z.float32", "frame_offsets.int64", "utt_offsets.int64")
NOISE_ARRAYS = ("noise_axes.float32", "noise.float16", "noise_norm.float32")
BLOCK = 1 << 20  # rows of an array that are checked at a time


@dataclass(frozen=True)
class StoredNoise:
    """Sigma of a teacher with an uncertainty head: its direction (NoiseAxes) and its length."""

    axes: Float32[np.ndarray, "rank_and_mean pdfs"]
    coordinates: Float16[np.ndarray, "frames rank"]
    norms: Float32[np.ndarray, " frames"]


@dataclass(frozen=True)
class LabelStore:
    """An opened store; the arrays are memory-mapped."""

    path: Path
    header: LabelStoreHeader
    utt_ids: tuple[str, ...]
    utt_offsets: Int64[np.ndarray, " utts_and_end"]
    frame_offsets: Int64[np.ndarray, " frames_and_end"]
    log_z: Float32[np.ndarray, "frames temperatures"]
    pdf_ids: Int16[np.ndarray, " entries"]
    logits: Float32[np.ndarray, " entries"]
    noise: StoredNoise | None = None


@dataclass(frozen=True)
class TeacherOutputs:
    """What a teacher says of an utterance; sigma if it has an uncertainty head."""

    utt_id: str
    logits: Float[Tensor, "frames pdfs"]
    sigma: Float[Tensor, "frames pdfs"] | None = None


def write_label_store(
    path: Path,
    utterances: Iterable[TeacherOutputs],
    plan: LabelStorePlan,
    axes: NoiseAxes | None = None,
) -> LabelStoreHeader:
    """Write the labels of each utterance; the directory appears whole or not at all.

    Raises: HybridKdError if the plan cannot be stored (threshold 0, T too small, more than 32,768 pdfs).
    """
    _check_plan(path, plan)
    with replace_directory(path) as directory:
        return write_label_header(directory, _write_arrays(directory, utterances, plan, axes))


def read_label_store(path: Path) -> LabelStore:
    """Open a store and check its files: their sizes, the sha256 of labels.json, and every value.

    All of it is read once: 0.2 s for 140 MB, a tenth of what tempering it for an epoch takes.

    Raises: HybridKdError if it is not a label store, is of another version, or is damaged.
    """
    header = read_label_header(path)
    store = LabelStore(
        path,
        header,
        _read_utt_ids(path / UTT_IDS, header.num_utterances),
        _map(path / "utt_offsets.int64", (header.num_utterances + 1,)),
        _map(path / "frame_offsets.int64", (header.num_frames + 1,)),
        _map(path / "log_z.float32", (header.num_frames, len(header.temperatures))),
        _map(path / "pdf_ids.int16", (header.num_entries,)),
        _map(path / "logits.float32", (header.num_entries,)),
        _stored_noise(path, header) if header.uncertainty_rank else None,
    )
    if _sha256_of_arrays(path, header.uncertainty_rank) != header.sha256:
        raise HybridKdError.at(path, f"is damaged: its sha256 is not that of {HEADER}", fix=FIX_BROKEN)
    _check_arrays(store)
    return store


def _read_utt_ids(path: Path, number: int) -> tuple[str, ...]:
    utt_ids = tuple(line for line in read_lines(path, fix=FIX_BROKEN) if line)
    if len(utt_ids) != number:
        raise HybridKdError.at(path, f"{len(utt_ids)} utterances instead of {number}", fix=FIX_BROKEN)
    return utt_ids


def _check_arrays(store: LabelStore) -> None:
    """Check every value, whatever wrote it: an index beyond its array, or a NaN, would show only in a loss.

    Raises: HybridKdError that names the array.
    """
    header = store.header
    ends = {"utt_offsets": header.num_frames, "frame_offsets": header.num_entries}
    if len(set(store.utt_ids)) < len(store.utt_ids):
        raise _impossible(store, UTT_IDS, "an utterance comes twice")
    for name, end in ends.items():
        offsets = getattr(store, name)
        if offsets[0] != 0 or offsets[-1] != end or not all((np.diff(o) > 0).all() for o in _blocks(offsets)):
            raise _impossible(store, f"{name}.int64", f"does not rise from 0 to {end}")
    if any(ids.min() < 0 or ids.max() >= header.num_pdfs for ids in _blocks(store.pdf_ids)):
        raise _impossible(store, "pdf_ids.int16", f"holds what is not a pdf_id (0 to {header.num_pdfs - 1})")
    noise = {} if store.noise is None else dict(zip(NOISE_ARRAYS, vars(store.noise).values(), strict=True))
    for name, array in {"logits.float32": store.logits, "log_z.float32": store.log_z, **noise}.items():
        if not all(np.isfinite(block).all() for block in _blocks(array)):
            raise _impossible(store, name, "holds NaN or infinity")


def _blocks(array: Shaped[np.ndarray, "..."]) -> Iterator[Shaped[np.ndarray, "..."]]:
    """Parts of an array that overlap by one row, so that memory stays bounded and no difference is missed."""
    for first in range(0, len(array), BLOCK):
        yield array[first : first + BLOCK + 1]


def _impossible(store: LabelStore, name: str, problem: str) -> HybridKdError:
    return HybridKdError.at(store.path / name, problem, fix=FIX_BROKEN)


def _stored_noise(path: Path, header: LabelStoreHeader) -> StoredNoise:
    rank = header.uncertainty_rank
    return StoredNoise(
        _map(path / "noise_axes.float32", (1 + rank, header.num_pdfs)),
        _map(path / "noise.float16", (header.num_frames, rank)),
        _map(path / "noise_norm.float32", (header.num_frames,)),
    )


def _check_plan(path: Path, plan: LabelStorePlan) -> None:
    if plan.prune_below <= 0:
        raise HybridKdError.at(
            path,
            "a store without pruning would hold every state of every frame",
            fix="give --prune-below above 0, or train with --teacher to run the teacher on the fly",
        )
    if plan.num_pdfs > MAX_PDFS:
        raise HybridKdError.at(path, f"{plan.num_pdfs} pdfs do not fit 16 bits", fix="train with --teacher")
    if not plan.temperatures or min(plan.temperatures) < MIN_TEMPERATURE:
        fix = f"give one or more, each at least {MIN_TEMPERATURE}"
        raise HybridKdError.at(path, f"temperatures {plan.temperatures}", fix=fix)


@dataclass(frozen=True)
class _UtteranceEntries:
    counts: Int64[np.ndarray, " frames"]
    pdf_ids: Int16[np.ndarray, " entries"]
    logits: Float32[np.ndarray, " entries"]
    log_z: Float32[np.ndarray, "frames temperatures"]
    discarded_mass: Float64[np.ndarray, " temperatures"]


def _select_entries(logits: Float[Tensor, "frames pdfs"], plan: LabelStorePlan) -> _UtteranceEntries:
    logits = logits.float()
    kept = torch.zeros_like(logits, dtype=torch.bool)
    log_z, discarded = [], []
    for temperature in plan.temperatures:
        log_posteriors = temper(logits, temperature)
        survivors = survives_pruning(log_posteriors, plan.prune_below)
        kept |= survivors
        discarded.append(log_posteriors.exp().masked_fill(survivors, 0.0).double().sum())
        log_z.append((logits / temperature).logsumexp(dim=1))
    sorted_logits, pdf_ids = torch.where(kept, logits, -torch.inf).sort(dim=1, descending=True)
    in_order = sorted_logits > -torch.inf
    return _UtteranceEntries(
        kept.sum(dim=1).cpu().numpy(),
        pdf_ids[in_order].short().cpu().numpy(),
        sorted_logits[in_order].cpu().numpy(),
        torch.stack(log_z, dim=1).cpu().numpy(),
        torch.stack(discarded).cpu().numpy(),
    )


def _write_arrays(
    directory: Path, utterances: Iterable[TeacherOutputs], plan: LabelStorePlan, axes: NoiseAxes | None
) -> LabelStoreHeader:
    utt_ids: list[str] = []
    num_frames = num_entries = 0
    discarded_mass = np.zeros(len(plan.temperatures))
    noise = None if axes is None else NoiseProjection(axes)
    with ExitStack() as stack:
        names = _arrays(plan.uncertainty_rank)
        files = {name: stack.enter_context((directory / name).open("wb")) for name in names}
        _append(files, "utt_offsets.int64", np.zeros(1))
        _append(files, "frame_offsets.int64", np.zeros(1))
        if axes is not None:
            _append(files, "noise_axes.float32", torch.cat([axes.mean[None], axes.axes]).cpu().numpy())
        for outputs in utterances:
            entries = _select_entries(outputs.logits, plan)
            _append(files, "pdf_ids.int16", entries.pdf_ids)
            _append(files, "logits.float32", entries.logits)
            _append(files, "log_z.float32", entries.log_z)
            _append(files, "frame_offsets.int64", num_entries + entries.counts.cumsum())
            if noise is not None and outputs.sigma is not None:
                _append(files, "noise.float16", noise.coordinates(outputs.sigma).cpu().numpy())
                _append(files, "noise_norm.float32", outputs.sigma.norm(dim=1).cpu().numpy())
            utt_ids.append(outputs.utt_id)
            num_entries += len(entries.pdf_ids)
            num_frames += len(entries.counts)
            _append(files, "utt_offsets.int64", np.array([num_frames]))
            discarded_mass += entries.discarded_mass
    (directory / UTT_IDS).write_text("".join(f"{utt_id}\n" for utt_id in utt_ids), encoding="utf-8")
    return LabelStoreHeader(
        version=VERSION,
        **asdict(plan) | {"temperatures": list(plan.temperatures)},
        num_utterances=len(utt_ids),
        num_frames=num_frames,
        num_entries=num_entries,
        discarded_mass=(discarded_mass / max(1, num_frames)).tolist(),
        sha256=_sha256_of_arrays(directory, plan.uncertainty_rank),
        uncertainty_lost=None if noise is None else noise.share_lost,
    )


def _append(files: Mapping[str, IO[bytes]], name: str, array: Shaped[np.ndarray, "..."]) -> None:
    files[name].write(np.ascontiguousarray(array, dtype=_dtype(name)).tobytes())


def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(name.partition(".")[2]).newbyteorder("<")


def _arrays(uncertainty_rank: int) -> tuple[str, ...]:
    return ARRAYS + NOISE_ARRAYS if uncertainty_rank else ARRAYS


def _sha256_of_arrays(directory: Path, uncertainty_rank: int) -> str:
    parts = [(directory / UTT_IDS).read_bytes().decode()]
    parts += [sha256_of_file(directory / name) for name in _arrays(uncertainty_rank)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _map(path: Path, shape: tuple[int, ...]) -> Shaped[np.ndarray, "..."]:
    dtype = _dtype(path.name)
    expected = math.prod(shape) * dtype.itemsize
    found = path.stat().st_size if path.is_file() else None
    if found != expected:
        size = "is absent" if found is None else f"holds {found} bytes instead of {expected}"
        raise HybridKdError.at(path, size, fix=FIX_BROKEN)
    return np.memmap(path, dtype, "r", shape=shape) if expected else np.zeros(shape, dtype)
