"""The features that a GMM model was trained on, from MFCC: found out as Kaldi's scripts do.

cmvn_opts say how MFCC are normalised; with a final.mat they are spliced (splice_opts) and transformed by it
(LDA + MLLT), otherwise deltas are added (delta_opts); last, a speaker's fMLLR transform is applied.
Axis letters: frames; ceps = of MFCC; dim = of what results.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from hybrid_kd.archives.matrices import read_matrix
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import CmvnOptions, apply_cmvn
from hybrid_kd.frontend.dynamics import add_deltas, splice_frames
from hybrid_kd.frontend.kaldi_options import read_kaldi_opts
from hybrid_kd.frontend.transforms import apply_transform

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


def features_of_utterance(
    place: str | Path,
    utt_id: str,
    mfccs: Float32[np.ndarray, "frames ceps"],
    statistics: Float64[np.ndarray, "2 ceps_and_count"],
    *,
    kind: FeatureKind,
    transform: Float32[np.ndarray, "dim columns"] | None,
) -> Float32[np.ndarray, "frames dim"]:
    """`model_features`, with an error that names ``place`` and utterance.

    Raises: HybridKdError where dimensions do not fit.
    """
    try:
        return model_features(mfccs, statistics, kind=kind, transform=transform)
    except ValueError as error:
        fix = "give the MFCC and transforms that belong to this model"
        raise HybridKdError.at(place, str(error), fix=fix, key=utt_id) from error


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
