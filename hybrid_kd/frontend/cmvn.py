"""Cepstral mean and variance normalisation: Kaldi's statistics, by speaker, and their application.

Statistics: row 0 sums x, row 1 sums x^2, both over frames; the last column of row 0 is the number of frames.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from hybrid_kd.archives.matrices import matrix_to_bytes, parse_double_matrix
from hybrid_kd.archives.tables import open_table_writer, read_table
from hybrid_kd.errors import HybridKdError

VARIANCE_FLOOR = 1e-20

Statistics = Float64[np.ndarray, "2 dim_and_count"]


@dataclass(frozen=True)
class CmvnOptions:
    """What a model directory's ``cmvn_opts`` may hold (options of apply-cmvn)."""

    norm_vars: bool = False
    norm_means: bool = True


def cmvn_statistics(features: Float32[np.ndarray, "frames dim"]) -> Float64[np.ndarray, "2 dim_and_count"]:
    """Sum one utterance; the statistics of several are their sum.

    Source: Kaldi transform/cmvn.cc, AccCmvnStats.
    """
    statistics = np.zeros((2, features.shape[1] + 1))
    exact = features.astype(np.float64)
    statistics[0, :-1] = exact.sum(axis=0)
    statistics[1, :-1] = np.square(exact).sum(axis=0)
    statistics[0, -1] = len(features)
    return statistics


def apply_cmvn(
    features: Float32[np.ndarray, "frames dim"],
    statistics: Float64[np.ndarray, "2 dim_and_count"],
    *,
    options: CmvnOptions = CmvnOptions(),
) -> Float32[np.ndarray, "frames dim"]:
    """Subtract the mean, and with ``norm_vars`` divide by the standard deviation.

    Raises: ValueError for statistics of another dimension, of no frames, or where only variances are to be
    normalised. Source: Kaldi transform/cmvn.cc, ApplyCmvn.
    """
    if options.norm_vars and not options.norm_means:
        raise ValueError("--norm-vars=true with --norm-means=false: a variance needs its mean")
    if statistics.shape != (2, features.shape[1] + 1):
        shape = " x ".join(map(str, statistics.shape))
        raise ValueError(f"CMVN statistics are {shape}, features have {features.shape[1]} coefficients")
    if not (count := float(statistics[0, -1])) >= 1:
        raise ValueError(f"CMVN statistics of {count:g} frames")
    if not options.norm_means:
        return features
    mean = statistics[0, :-1] / count
    if not options.norm_vars:
        return features + (-mean).astype(np.float32)
    scale = 1 / np.sqrt(np.maximum(statistics[1, :-1] / count - mean**2, VARIANCE_FLOOR))
    return features * scale.astype(np.float32) + (-mean * scale).astype(np.float32)


def read_cmvn(path: Path) -> dict[str, Statistics]:
    """Read a cmvn.scp: statistics by speaker.

    Raises: HybridKdError.
    """
    if not path.is_file():
        raise HybridKdError.at(
            path.parent,
            "it holds no cmvn.scp",
            fix="make MFCC with `hybrid-kd features` (or compute_cmvn_stats.sh)",
        )
    return dict(read_table(f"scp:{path}", parse_double_matrix))


def write_cmvn(
    wspecifier: str, statistics: Mapping[str, Statistics] | Iterable[tuple[str, Statistics]]
) -> None:
    """Write statistics by speaker (DM, as Kaldi does)."""
    entries = statistics.items() if isinstance(statistics, Mapping) else statistics
    with open_table_writer(wspecifier, matrix_to_bytes) as write:
        for speaker, value in entries:
            write(speaker, value)
