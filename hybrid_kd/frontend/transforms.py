"""Linear and affine feature transforms: LDA + MLLT (final.mat) and fMLLR by speaker (trans.N).

A matrix of as many columns as features have coefficients is linear, with one more it is affine: the last
column is added.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.errors import HybridKdError

_TRANS = re.compile(r"trans\.[0-9]+")


def apply_transform(
    features: Float32[np.ndarray, "frames dim"], matrix: Float32[np.ndarray, "new_dim columns"]
) -> Float32[np.ndarray, "frames new_dim"]:
    """Transform each frame: A x, or A x + b.

    Raises: ValueError for a matrix of another number of columns.
    Source: Kaldi featbin/transform-feats.cc.
    """
    dim = features.shape[1]
    if matrix.shape[1] not in (dim, dim + 1):
        shape = " x ".join(map(str, matrix.shape))
        raise ValueError(f"a transform of {shape}, but the features have {dim} coefficients")
    transformed: Float32[np.ndarray, "frames new_dim"] = features @ matrix[:, :dim].T
    if matrix.shape[1] > dim:
        transformed += matrix[:, dim]
    return transformed


def compose_transforms(
    second: Float[np.ndarray, "new_dim columns"], first: Float[np.ndarray, "dim old_columns"]
) -> Float[np.ndarray, "new_dim new_columns"]:
    """The transform that is ``first`` and then ``second``; ``first`` is linear.

    Raises: ValueError where ``second`` does not take what ``first`` gives.
    Source: Kaldi transform/transform-common.cc, ComposeTransforms with b_is_affine=false.
    """
    dim = len(first)
    if second.shape[1] not in (dim, dim + 1):
        shape = " x ".join(map(str, second.shape))
        raise ValueError(f"a transform of {shape} after one to {dim} dimensions")
    return np.concatenate([second[:, :dim] @ first, second[:, dim:]], axis=1)


def read_transforms(path: Path) -> dict[str, Float32[np.ndarray, "dim columns"]]:
    """Read trans.1, trans.2, ... of a directory (aligned or decoded with fMLLR), by speaker.

    Raises: HybridKdError if there are none, one cannot be read, or a speaker comes twice.
    """
    transforms: dict[str, Float32[np.ndarray, "dim columns"]] = {}
    for file in find_transforms(path):
        for speaker, matrix in read_matrices(f"ark:{file}"):
            if speaker in transforms:
                raise HybridKdError.at(file, f"speaker '{speaker}' comes twice", fix="estimate them again")
            transforms[speaker] = matrix
    return transforms


def find_transforms(path: Path) -> list[Path]:
    """The files trans.1, trans.2, ... of a directory.

    Raises: HybridKdError if there are none.
    """
    if not path.is_dir():
        raise HybridKdError.at(path, "no such directory", fix="give a directory with trans.1, trans.2, ...")
    files = sorted(file for file in path.iterdir() if _TRANS.fullmatch(file.name))
    if not files:
        fix = "give a directory of `gmm align` or `gmm decode-fmllr` (align_fmllr.sh, decode_fmllr.sh)"
        raise HybridKdError.at(path, "it holds no trans.1", fix=fix)
    return files
