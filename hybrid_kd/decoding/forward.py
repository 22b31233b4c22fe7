"""A network over the utterances of a data directory."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from hybrid_kd.archives.data_dir import FIX, DataDir, read_features
from hybrid_kd.decoding.loglikes import NetworkOutput, network_output
from hybrid_kd.errors import HybridKdError
from hybrid_kd.tally import Tally
from hybrid_kd.text_files import read_word_lines


@runtime_checkable
class Model(Protocol):
    """What is asked of an acoustic model (network.model_dir.AcousticModel, or a stand-in for it)."""

    @property
    def log_priors(self) -> Float32[Tensor, " pdfs"]: ...

    @property
    def num_pdfs(self) -> int: ...

    @property
    def feature_dim(self) -> int: ...

    def logits(self, features: Float[Tensor, "frames dim"], /) -> Float[Tensor, "frames pdfs"]: ...


def forward_utterances(
    model: Model, data: DataDir, tally: Tally, *, output: NetworkOutput = "loglikes"
) -> Iterator[tuple[str, Float32[np.ndarray, "frames pdfs"]]]:
    """Give each utterance's output, in the directory's order; ``tally`` counts those that are left out.

    Left out are utterances without frames and those with NaN or infinity in features or output.

    Raises: HybridKdError if the features have another dimension than the model takes, or cannot be read.
    """
    for utt_id, features in read_features(data):
        if features.shape[1] != model.feature_dim and len(features):
            raise HybridKdError.at(
                data.path,
                f"features have {features.shape[1]} coefficients, the model takes {model.feature_dim}",
                fix="give the kind of features that the model was trained on",
                key=utt_id,
            )
        if problem := _problem(features, "features"):
            tally.left_out(utt_id, *problem)
            continue
        logits = model.logits(torch.from_numpy(features))
        values = network_output(logits, model.log_priors, output=output)
        array = values.float().cpu().numpy()
        if problem := _problem(array, "network output"):
            tally.left_out(utt_id, *problem)
            continue
        tally.done()
        yield utt_id, array


def _problem(matrix: Float32[np.ndarray, "frames dim"], what: str) -> tuple[str, str] | None:
    """A reason and its detail, or None for a good matrix."""
    if not len(matrix):
        return "no frames", ""
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        return (
            f"NaN or infinity in {what}",
            f"{bad.sum()} of {len(matrix)} frames, the first is {bad.argmax()}",
        )
    return None


def select_utterances(data: DataDir, *, max_utts: int | None, utt_list: Path | None) -> tuple[str, ...]:
    """The utterances to decode: those of a list (first word of each line), of them the first ``max_utts``.

    Raises: HybridKdError if the list names an utterance that the data lacks, or if nothing is left.
    """
    utt_ids = data.utt_ids
    if utt_list is not None:
        wanted = {words[0] for words in read_word_lines(utt_list, fix="list one utt_id a line") if words}
        if unknown := sorted(wanted - set(utt_ids)):
            raise HybridKdError.at(
                utt_list,
                f"{len(unknown)} of {len(wanted)} utterances are not in {data.path}",
                fix="list utterances of this data directory",
                key=unknown[0],
            )
        utt_ids = tuple(utt_id for utt_id in utt_ids if utt_id in wanted)
    if max_utts is not None:
        utt_ids = utt_ids[: max(max_utts, 0)]
    if not utt_ids:
        raise HybridKdError.at(
            data.path, "no utterance is left to decode", fix="check --max-utts and --utt-list"
        )
    return utt_ids


def split_utterances(
    utt_ids: tuple[str, ...], *, num_jobs: int, num_frames: Mapping[str, int] | None
) -> tuple[tuple[str, ...], ...]:
    """Cut into contiguous parts of about as many frames each, or utterances where frames are not known.

    An utterance goes to the job in which its middle frame falls; no part is empty, so that there are at
    most as many parts as utterances.
    """
    weights = [1 if num_frames is None else max(num_frames[utt_id], 1) for utt_id in utt_ids]
    num_jobs = min(num_jobs, len(utt_ids))
    middles = np.cumsum(weights) - np.array(weights) / 2
    ideal = np.searchsorted(middles, sum(weights) * np.arange(1, num_jobs) / num_jobs)
    cuts = [0]
    for job, cut in enumerate(ideal, start=1):
        cuts.append(min(max(int(cut), cuts[-1] + 1), len(utt_ids) - (num_jobs - job)))
    return tuple(utt_ids[first:last] for first, last in zip(cuts, [*cuts[1:], len(utt_ids)], strict=True))


def part_of_data(data: DataDir, *, num_jobs: int, job: int | None) -> DataDir:
    """The ``job``-th (1-based) of ``num_jobs`` parts, empty if there are fewer utterances; all for None."""
    if job is None:
        return data
    parts = split_utterances(data.utt_ids, num_jobs=num_jobs, num_frames=read_num_frames(data))
    utt_ids = parts[job - 1] if job <= len(parts) else ()
    return replace(data, utt_ids=utt_ids, feats={utt_id: data.feats[utt_id] for utt_id in utt_ids})


def read_num_frames(data: DataDir) -> dict[str, int] | None:
    """Frames by utterance from utt2num_frames; None where that is absent or incomplete."""
    path = data.path / "utt2num_frames"
    if not path.is_file():
        return None
    table = {words[0]: words[-1] for words in read_word_lines(path, fix=FIX) if words}
    if not all(table.get(utt_id, "").isdecimal() for utt_id in data.utt_ids):
        return None
    return {utt_id: int(table[utt_id]) for utt_id in data.utt_ids}
