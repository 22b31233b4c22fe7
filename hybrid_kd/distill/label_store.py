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
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from jaxtyping import Float, Float16, Float32, Float64, Int16, Int64, Shaped
from torch import Tensor

from hybrid_kd.atomic import replace_directory
from hybrid_kd.distill.labels import MIN_TEMPERATURE, survives_pruning, temper
from hybrid_kd.distill.noise import NoiseAxes, NoiseProjection
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.provenance import sha256_of_file
from hybrid_kd.text_files import read_text

VERSION = 1
HEADER = "labels.json"
UTT_IDS = "utt_ids"
ARRAYS = ("pdf_ids.int16", "logits.float32", "log_z.float32", "frame_offsets.int64", "utt_offsets.int64")
NOISE_ARRAYS = ("noise_axes.float32", "noise.float16", "noise_norm.float32")
MAX_PDFS = 2**15  # a pdf_id is an int16
FIX_BROKEN = "write the labels again with `hybrid-kd label`"


@dataclass(frozen=True)
class LabelStorePlan:
    """What a store is written for.

    teacher_sha256: of the teacher's final.safetensors. data_sha256: of the utterances and their features.
    uncertainty_rank: principal axes of the noise, 0 for none; uncertainty_sha256: of the teacher's head.
    """

    teacher: str
    teacher_sha256: str
    data: str
    data_sha256: str
    num_pdfs: int
    temperatures: tuple[float, ...]
    prune_below: float
    uncertainty_rank: int = 0
    uncertainty_sha256: str | None = None


@dataclass(frozen=True)
class LabelStoreHeader:
    """What ``labels.json`` says.

    discarded_mass: per temperature, the mean posterior mass of the states below the threshold.
    uncertainty_lost: the share of the variance of sigma's direction that the principal axes do not show.
    sha256: of utt_ids and all arrays.
    """

    version: int
    teacher: str
    teacher_sha256: str
    data: str
    data_sha256: str
    num_pdfs: int
    temperatures: list[float]
    prune_below: float
    num_utterances: int
    num_frames: int
    num_entries: int
    discarded_mass: list[float]
    sha256: str
    uncertainty_rank: int = 0
    uncertainty_sha256: str | None = None
    uncertainty_lost: float | None = None


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
        header = _write_arrays(directory, utterances, plan, axes)
        write_json(directory / HEADER, asdict(header))
    return header


def read_label_store(path: Path) -> LabelStore:
    """Open a store and check its files against the sizes and the sha256 of labels.json.

    Raises: HybridKdError if it is not a label store, is of another version, or is damaged.
    """
    if not (path / HEADER).is_file():
        raise HybridKdError.at(path, f"not a label store: it has no {HEADER}", fix=FIX_BROKEN)
    try:
        header = LabelStoreHeader(**read_json(path / HEADER))
    except TypeError as error:
        raise HybridKdError.at(
            path / HEADER, f"not a label store's header: {error}", fix=FIX_BROKEN
        ) from error
    if header.version != VERSION:
        raise HybridKdError.at(
            path, f"version {header.version}, this program reads {VERSION}", fix=FIX_BROKEN
        )
    utt_ids = tuple(read_text(path / UTT_IDS, fix=FIX_BROKEN).split())
    if len(utt_ids) != header.num_utterances:
        raise HybridKdError.at(
            path / UTT_IDS, f"{len(utt_ids)} utterances instead of {header.num_utterances}", fix=FIX_BROKEN
        )
    store = LabelStore(
        path,
        header,
        utt_ids,
        _map(path / "utt_offsets.int64", (header.num_utterances + 1,)),
        _map(path / "frame_offsets.int64", (header.num_frames + 1,)),
        _map(path / "log_z.float32", (header.num_frames, len(header.temperatures))),
        _map(path / "pdf_ids.int16", (header.num_entries,)),
        _map(path / "logits.float32", (header.num_entries,)),
        _stored_noise(path, header) if header.uncertainty_rank else None,
    )
    if _sha256_of_arrays(path, header.uncertainty_rank) != header.sha256:
        raise HybridKdError.at(path, f"is damaged: its sha256 is not that of {HEADER}", fix=FIX_BROKEN)
    return store


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
    parts = [(directory / UTT_IDS).read_text(encoding="utf-8")]
    parts += [sha256_of_file(directory / name) for name in _arrays(uncertainty_rank)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _map(path: Path, shape: tuple[int, ...]) -> Shaped[np.ndarray, "..."]:
    dtype = _dtype(path.name)
    expected = int(np.prod(shape)) * dtype.itemsize
    found = path.stat().st_size if path.is_file() else None
    if found != expected:
        size = "is absent" if found is None else f"holds {found} bytes instead of {expected}"
        raise HybridKdError.at(path, size, fix=FIX_BROKEN)
    return np.memmap(path, dtype, "r", shape=shape) if expected else np.zeros(shape, dtype)
