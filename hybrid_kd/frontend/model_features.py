"""The features that a GMM model was trained on, from MFCC: found out as Kaldi's scripts do.

cmvn_opts say how MFCC are normalised; with a final.mat they are spliced (splice_opts) and transformed by it
(LDA + MLLT), otherwise deltas are added (delta_opts); last, a speaker's fMLLR transform is applied.
Axis letters: frames; ceps = of MFCC; dim = of what results.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from hybrid_kd.archives.data_dir import DataDir, read_features
from hybrid_kd.archives.matrices import read_matrix
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import CmvnOptions, apply_cmvn, read_cmvn
from hybrid_kd.frontend.dynamics import add_deltas, splice_frames
from hybrid_kd.frontend.kaldi_options import read_kaldi_opts
from hybrid_kd.frontend.transforms import apply_transform
from hybrid_kd.tally import Tally

MODEL_FILES = ("final.mat", "cmvn_opts", "splice_opts", "delta_opts")  # what decides the kind

Transforms = Mapping[str, Float32[np.ndarray, "_ _"]]


@dataclass(frozen=True)
class SpliceOptions:
    """What ``splice_opts`` may hold (options of splice-feats): frames before and after."""

    left_context: int = 4
    right_context: int = 4


@dataclass(frozen=True)
class DeltaOptions:
    """What ``delta_opts`` may hold (options of add-deltas)."""

    delta_order: int = 2
    delta_window: int = 2


@dataclass(frozen=True, eq=False)
class FeatureKind:
    """How frames are made of MFCC: ``matrix`` (linear or affine) comes after splicing or deltas."""

    dynamics: Literal["none", "deltas", "splice"] = "deltas"
    cmvn: CmvnOptions = field(default_factory=CmvnOptions)
    splice: SpliceOptions = field(default_factory=lambda: SpliceOptions(3, 3))
    delta: DeltaOptions = field(default_factory=DeltaOptions)
    matrix: Float32[np.ndarray, "_ _"] | None = None


def read_feature_kind(model_dir: Path) -> FeatureKind:
    """What kind of features a model directory is for.

    Raises: HybridKdError for files that cannot be read.
    """
    if not model_dir.is_dir():
        raise HybridKdError.at(model_dir, "no such directory", fix="give the directory of a GMM model")
    has_matrix = (model_dir / "final.mat").exists()
    return FeatureKind(
        dynamics="splice" if has_matrix else "deltas",
        cmvn=read_kaldi_opts(CmvnOptions, model_dir / "cmvn_opts"),
        splice=_contexts(model_dir / "splice_opts"),
        delta=read_kaldi_opts(DeltaOptions, model_dir / "delta_opts"),
        matrix=read_matrix(str(model_dir / "final.mat")) if has_matrix else None,
    )


def _contexts(path: Path) -> SpliceOptions:
    options = read_kaldi_opts(SpliceOptions, path)
    if not (0 <= options.left_context < 100 and 0 <= options.right_context < 100):
        raise HybridKdError.at(path, "a context out of range", fix="give 0 to 99 frames on each side")
    return options


def model_features(
    mfccs: Float32[np.ndarray, "frames ceps"],
    statistics: Float64[np.ndarray, "2 ceps_and_count"],
    *,
    kind: FeatureKind,
    transform: Float32[np.ndarray, "dim columns"] | None = None,
) -> Float32[np.ndarray, "frames dim"]:
    """Make one utterance's frames; ``statistics`` are its speaker's, ``transform`` is the speaker's fMLLR.

    Raises: ValueError where dimensions do not fit.
    """
    frames = apply_cmvn(mfccs, statistics, options=kind.cmvn)
    if kind.dynamics == "deltas":
        frames = add_deltas(frames, order=kind.delta.delta_order, window=kind.delta.delta_window)
    elif kind.dynamics == "splice":
        context = kind.splice
        frames = splice_frames(frames, left_context=context.left_context, right_context=context.right_context)
    for matrix in (kind.matrix, transform):
        frames = frames if matrix is None else apply_transform(frames, matrix)
    return frames


def read_model_features(
    data: DataDir,
    model_dir: Path | None,
    *,
    kind: FeatureKind | None = None,
    transforms: Transforms | None = None,
    tally: Tally | None = None,
) -> Iterator[tuple[str, Float32[np.ndarray, "frames dim"]]]:
    """Read a data directory's MFCC as the features of a model, in the directory's order.

    ``kind`` stands instead of what ``model_dir`` says; without either, deltas. With ``transforms`` (fMLLR by
    speaker) every speaker needs one. An utterance without frames, with NaN, or whose speaker has no
    transform is left out and counted by ``tally``, or without that an error.

    Raises: HybridKdError.
    """
    if kind is None:
        kind = FeatureKind() if model_dir is None else read_feature_kind(model_dir)
    statistics = read_cmvn(data.path / "cmvn.scp")
    for utt_id, mfccs in read_features(data):
        speaker = data.utt2spk[utt_id]
        problem = mfcc_problem(mfccs, speaker, transforms)
        if problem is not None and tally is not None:
            tally.left_out(utt_id, problem)
            continue
        transform = None if transforms is None else transforms.get(speaker)
        try:
            if problem is not None:
                raise ValueError(problem)
            yield utt_id, model_features(mfccs, statistics[speaker], kind=kind, transform=transform)
        except ValueError as error:
            raise HybridKdError.at(
                data.path,
                str(error),
                fix="give the MFCC and transforms that belong to this model",
                key=utt_id,
            ) from error


def mfcc_problem(
    mfccs: Float32[np.ndarray, "frames ceps"], speaker: str, transforms: Transforms | None
) -> str | None:
    """Why no features can be made of an utterance, in a few words; None for a good one."""
    if not len(mfccs):
        return "no frames"
    if not np.isfinite(mfccs).all():
        return "NaN or infinity in features"
    if transforms is not None and speaker not in transforms:
        return "no transform of its speaker"
    return None
