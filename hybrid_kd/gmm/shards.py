"""A fixed part of a data directory in memory: some speakers with their features, graphs and alignments.

How a corpus is cut does not depend on the number of processes. Alignments of all utterances of a shard stand
in one array; 0 is the transition_id of frames whose utterance is not aligned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64

from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.archives.matrices import read_matrices_at
from hybrid_kd.current_input import note_input
from hybrid_kd.decoding.forward import read_num_frames
from hybrid_kd.frontend.cmvn import read_cmvn
from hybrid_kd.frontend.model_features import FeatureKind, features_of_utterance, mfcc_problem
from hybrid_kd.gmm.viterbi import AlignmentGraph

SHARD_FRAMES = 30_000
MAX_SHARDS = 64
UNKNOWN_FRAMES = 300  # of an utterance, where utt2num_frames does not tell

Transforms = Mapping[str, Float32[np.ndarray, "dim columns"]]


@dataclass(frozen=True)
class Partition:
    """Utterances by shard (whole speakers each), and about how many frames each shard has."""

    parts: tuple[tuple[str, ...], ...]
    sizes: tuple[int, ...]


@dataclass
class Shard:
    """Some speakers' utterances; utterance i has the frames offsets[i] to offsets[i + 1]."""

    utt_ids: tuple[str, ...]
    speakers: tuple[str, ...]  # by utterance
    words: tuple[list[str], ...]  # by utterance
    mfccs: list[Float32[np.ndarray, "_ _"]]
    cmvn: dict[str, Float64[np.ndarray, "2 _"]]
    offsets: Int64[np.ndarray, " utts_and_1"]
    left_out: dict[str, str]  # utterances without good features, and why
    transition_ali: Int32[np.ndarray, " frames"]
    frames: Float32[np.ndarray, "frames dim"] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    graphs: list[AlignmentGraph] = field(default_factory=list)

    def spans(self) -> Iterator[tuple[int, slice]]:
        """Each utterance's index and frames."""
        for index, (start, stop) in enumerate(zip(self.offsets[:-1], self.offsets[1:], strict=True)):
            note_input(self.utt_ids[index])
            yield index, slice(int(start), int(stop))

    def aligned_spans(self) -> Iterator[tuple[int, slice]]:
        """Index and frames of the utterances that are aligned."""
        return ((index, span) for index, span in self.spans() if self.transition_ali[span.start])


def partition_by_speaker(data: DataDir, *, shard_frames: int = SHARD_FRAMES) -> Partition:
    """Cut a data directory into parts of whole speakers with about ``shard_frames`` each, at most 64."""
    num_frames = read_num_frames(data) or dict.fromkeys(data.utt_ids, UNKNOWN_FRAMES)
    speakers: dict[str, list[str]] = {}
    for utt_id in data.utt_ids:
        speakers.setdefault(data.utt2spk[utt_id], []).append(utt_id)
    target = max(shard_frames, -(-sum(num_frames[utt_id] for utt_id in data.utt_ids) // MAX_SHARDS))
    parts: list[list[str]] = [[]]
    sizes = [0]
    for utt_ids in speakers.values():
        if sizes[-1] >= target:
            parts.append([])
            sizes.append(0)
        parts[-1] += utt_ids
        sizes[-1] += sum(num_frames[utt_id] for utt_id in utt_ids)
    return Partition(tuple(map(tuple, parts)), tuple(sizes))


def load_shard(data: DataDir, utt_ids: Sequence[str]) -> Shard:
    """Read the MFCC of some utterances; those without good features are left out.

    Raises: HybridKdError for what cannot be read.
    """
    statistics = read_cmvn(data.path / "cmvn.scp")
    good: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    for utt_id, mfccs in read_matrices_at((utt_id, data.feats[utt_id]) for utt_id in utt_ids):
        if problem := mfcc_problem(mfccs, data.utt2spk[utt_id], None):
            left_out[utt_id] = problem
        else:
            good[utt_id] = mfccs
    speakers = tuple(data.utt2spk[utt_id] for utt_id in good)
    offsets = np.cumsum([0, *map(len, good.values())], dtype=np.int64)
    return Shard(
        utt_ids=tuple(good),
        speakers=speakers,
        words=tuple(data.text[utt_id] if data.text else [] for utt_id in good),
        mfccs=list(good.values()),
        cmvn={speaker: statistics[speaker] for speaker in set(speakers)},
        offsets=offsets,
        left_out=left_out,
        transition_ali=np.zeros(int(offsets[-1]), np.int32),
    )


def shard_features(
    shard: Shard, kind: FeatureKind, transforms: Transforms | None = None
) -> Float32[np.ndarray, "frames dim"]:
    """The frames of all utterances as a model takes them; ``transforms`` are fMLLR by speaker.

    Raises: HybridKdError where dimensions do not fit.
    """
    frames = []
    for utt_id, speaker, mfccs in zip(shard.utt_ids, shard.speakers, shard.mfccs, strict=True):
        transform = None if transforms is None else transforms[speaker]
        statistics = shard.cmvn[speaker]
        frames.append(
            features_of_utterance("features", utt_id, mfccs, statistics, kind=kind, transform=transform)
        )
    return np.concatenate(frames) if frames else np.zeros((0, 0), np.float32)
