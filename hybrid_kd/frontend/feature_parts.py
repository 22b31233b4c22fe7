"""The features of a data directory, made part by part: what a process does, and what it leaves for the end.

How the utterances are cut does not depend on the number of processes, so that the result does not either.
A part's files are N.ark, N.cmvn.ark and, when it is finished, N.json (`PartRecord`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices, read_matrices_at
from hybrid_kd.archives.recordings import Recording
from hybrid_kd.frontend.audio import AudioOptions, read_waveforms
from hybrid_kd.frontend.cmvn import Statistics, cmvn_statistics, write_cmvn
from hybrid_kd.frontend.mfcc import RECIPE_OPTIONS, MfccOptions, add_dither, mfcc
from hybrid_kd.frontend.model_features import (
    FeatureKind,
    Transforms,
    features_of_utterance,
    mfcc_problem,
)
from hybrid_kd.json_files import read_record, write_json
from hybrid_kd.tally import Tally

PART_UTTS = 64

Matrix = Float32[np.ndarray, "frames dim"]


@dataclass(frozen=True, eq=False)
class FeatureSource:
    """What features are made of, and how.

    recordings: audio by utterance; None where MFCC are read from ``data.feats``. kind: what is made of the
    MFCC; None leaves them as they are. statistics: for CMVN by speaker; None sums them up.
    """

    data: DataDir
    recordings: Mapping[str, Recording] | None
    audio: AudioOptions = field(default_factory=AudioOptions)
    mfcc: MfccOptions = RECIPE_OPTIONS
    seed: int = 0
    kind: FeatureKind | None = None
    transforms: Transforms | None = None
    statistics: Mapping[str, Statistics] | None = None


@dataclass(frozen=True)
class PartRecord:
    """What a finished part holds by utterance: frames, seconds (if audio was read), or why it is missing."""

    num_frames: dict[str, int]
    seconds: dict[str, float]
    left_out: dict[str, str]


def split_into_parts(source: FeatureSource) -> list[tuple[str, ...]]:
    """Cut the utterances into parts of 64, or of whole speakers where their statistics are not known yet."""
    data = source.data
    if source.kind is None or source.statistics is not None:
        ids = data.utt_ids
        return [ids[first : first + PART_UTTS] for first in range(0, len(ids), PART_UTTS)]
    by_speaker: dict[str, list[str]] = {}
    for utt_id in data.utt_ids:
        by_speaker.setdefault(data.utt2spk[utt_id], []).append(utt_id)
    parts: list[tuple[str, ...]] = [()]
    for _, utt_ids in sorted(by_speaker.items()):
        if len(parts[-1]) >= PART_UTTS:
            parts.append(())
        parts[-1] += tuple(utt_ids)
    return parts


def make_part(
    source: FeatureSource,
    utt_ids: Sequence[str],
    path: Path,
    *,
    compress: bool,
    report: Callable[[str], None],
) -> None:
    """Write the features of some utterances to ``path``.ark, of MFCC also the statistics as they are stored.

    Raises: HybridKdError for what no utterance is left out for.
    """
    tally = Tally(source.data.path)
    mfccs = {utt_id: (matrix, seconds) for utt_id, matrix, seconds in _mfccs(source, utt_ids, tally)}
    record = PartRecord({}, {}, {})
    with open_matrix_writer(f"ark,scp:{path}.ark,{path}.scp", compress=compress) as write:
        for utt_id, matrix in _features(source, {key: matrix for key, (matrix, _) in mfccs.items()}, tally):
            write(utt_id, matrix)
            record.num_frames[utt_id] = len(matrix)
            if (seconds := mfccs[utt_id][1]) is not None:
                record.seconds[utt_id] = seconds
    for utt_id in utt_ids:
        report(utt_id)
    if source.kind is None:
        write_cmvn(f"ark:{path}.cmvn.ark", sum_by_speaker(read_matrices(f"ark:{path}.ark"), source.data))
    record.left_out.update(tally.reason_of)
    write_json(path.with_name(f"{path.name}.json"), asdict(record))


def read_part_record(path: Path) -> PartRecord | None:
    """What a finished part holds; None if it is not finished."""
    file = path.with_name(f"{path.name}.json")
    fix = "delete it, and the same command makes this part again"
    return read_record(file, PartRecord, fix=fix) if file.is_file() else None


def _mfccs(
    source: FeatureSource, utt_ids: Sequence[str], tally: Tally
) -> Iterator[tuple[str, Matrix, float | None]]:
    """MFCC and seconds of each good utterance."""
    for utt_id, matrix, seconds in _all_mfccs(source, utt_ids, tally):
        problem = mfcc_problem(matrix, source.data.utt2spk[utt_id], source.transforms)
        if problem is not None:
            tally.left_out(utt_id, problem)
        else:
            yield utt_id, matrix, seconds


def _all_mfccs(
    source: FeatureSource, utt_ids: Sequence[str], tally: Tally
) -> Iterator[tuple[str, Matrix, float | None]]:
    if source.recordings is None:
        for utt_id, matrix in read_matrices_at((utt_id, source.data.feats[utt_id]) for utt_id in utt_ids):
            yield utt_id, matrix, None
        return
    recordings = {utt_id: source.recordings[utt_id] for utt_id in utt_ids}
    for utt_id, samples in read_waveforms(recordings, tally, options=source.audio):
        noisy = add_dither(samples, dither=source.mfcc.dither, seed=source.seed, utt_id=utt_id)
        yield utt_id, mfcc(noisy, options=source.mfcc), len(samples) / source.audio.sampling_rate


def _features(
    source: FeatureSource, mfccs: Mapping[str, Matrix], tally: Tally
) -> Iterator[tuple[str, Matrix]]:
    """The features of each utterance: MFCC as they are, or what ``source.kind`` makes of them."""
    if source.kind is None:
        yield from mfccs.items()
        return
    statistics = source.statistics
    if statistics is None:
        statistics = sum_by_speaker(mfccs.items(), source.data)
    for utt_id, matrix in mfccs.items():
        speaker = source.data.utt2spk[utt_id]
        transform = None if source.transforms is None else source.transforms[speaker]
        features = features_of_utterance(
            source.data.path, utt_id, matrix, statistics[speaker], kind=source.kind, transform=transform
        )
        if np.isfinite(features).all():
            yield utt_id, features
        else:
            tally.left_out(utt_id, "NaN or infinity in features")


def sum_by_speaker(mfccs: Iterable[tuple[str, Matrix]], data: DataDir) -> dict[str, Statistics]:
    """CMVN statistics by speaker."""
    statistics: dict[str, Statistics] = {}
    for utt_id, matrix in mfccs:
        of_utterance, speaker = cmvn_statistics(matrix), data.utt2spk[utt_id]
        statistics[speaker] = statistics[speaker] + of_utterance if speaker in statistics else of_utterance
    return statistics
