"""Groups of frames: by environment, signal-to-noise ratio, phone and pdf.

Axis letters: frames; utts = utterances; groups; rows = values of a frame.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.archives.data_dir import read_lines
from hybrid_kd.corpus.mix_list import read_mix_list
from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.utterances import ENVIRONMENTS, environment

UTT2SNR, MIX_LIST = "utt2snr", "mix.tsv"
SNR_WIDTH = 2.0  # dB


@dataclass(frozen=True)
class FrameGroups:
    """For each frame the index of its group in ``names``, -1 for none."""

    names: list[str]
    group_of_frame: Int64[np.ndarray, " frames"]


@dataclass(frozen=True)
class GroupMeans:
    """Of every group: frames, and the means of some values over them, 0 where there is no frame."""

    names: list[str]
    num_frames: Int64[np.ndarray, " groups"]
    means: Float64[np.ndarray, "groups rows"]

    def told(self, min_frames: int = 1) -> list[tuple[str, int, list[float]]]:
        """Those of so many frames."""
        rows = zip(self.names, self.num_frames.tolist(), self.means.tolist(), strict=True)
        return [row for row in rows if row[1] >= min_frames]


def means_by_group(groups: FrameGroups, values: Float64[np.ndarray, "rows frames"]) -> GroupMeans:
    """Each row's mean over the frames of every group."""
    inside, num_groups = groups.group_of_frame >= 0, len(groups.names)
    index = groups.group_of_frame[inside]
    count = np.bincount(index, minlength=num_groups)
    sums = np.stack([np.bincount(index, weights=row[inside], minlength=num_groups) for row in values])
    return GroupMeans(groups.names, count, (sums / np.maximum(count, 1)).T)


def snr_file(data_dir: Path) -> Path | None:
    """Where a data directory's signal-to-noise ratios are: utt2snr, else mix.tsv."""
    return next((data_dir / name for name in (UTT2SNR, MIX_LIST) if (data_dir / name).is_file()), None)


def read_snr(data_dir: Path) -> dict[str, float]:
    """Signal-to-noise ratio in dB by utt_id, of utt2snr (lines `<utt_id> <dB>`) or mix.tsv; {} without them.

    Raises: HybridKdError if the table is broken.
    """
    file = snr_file(data_dir)
    if file is None:
        return {}
    if file.name == MIX_LIST:
        return {item.utt_id: item.snr_db for item in read_mix_list(file)}
    return {utt_id: _decibels(file, utt_id, rest) for utt_id, rest in read_lines(file)}


def _decibels(file: Path, utt_id: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HybridKdError.at(
            file, f"'{text}' is no number of dB", fix="write lines `<utt_id> <dB>`", key=utt_id
        )
    return value


def by_environment(utt_ids: Sequence[str], utt_of_frame: Int64[np.ndarray, " frames"]) -> FrameGroups:
    """BUS, CAF, PED, STR, as far as utterance ids name them."""
    found = [environment(utt_id) for utt_id in utt_ids]
    names = [name for name in ENVIRONMENTS if name in found]
    groups = [names.index(name) if name is not None else -1 for name in found]
    return FrameGroups(names, np.array(groups)[utt_of_frame])


def by_snr(
    utt_ids: Sequence[str], utt_of_frame: Int64[np.ndarray, " frames"], snr_db: Mapping[str, float]
) -> FrameGroups:
    """Bins of SNR_WIDTH from multiples of it, rising; the last one has both its ends."""
    known = [snr_db[utt_id] for utt_id in utt_ids if utt_id in snr_db]
    if not known:
        return FrameGroups([], np.full(len(utt_of_frame), -1))
    first = math.floor(min(known) / SNR_WIDTH)
    num_bins = max(1, math.ceil(max(known) / SNR_WIDTH) - first)
    edges = [(first + index) * SNR_WIDTH for index in range(num_bins + 1)]
    names = [f"{low:g} to {low + SNR_WIDTH:g} dB" for low in edges[:-1]]
    groups = [
        min(math.floor(snr_db[utt_id] / SNR_WIDTH) - first, num_bins - 1) if utt_id in snr_db else -1
        for utt_id in utt_ids
    ]
    return FrameGroups(names, np.array(groups)[utt_of_frame])


def by_phone(phone_of_pdf: Sequence[str], pdf_ali: Int64[np.ndarray, " frames"]) -> FrameGroups:
    """The phone of each frame's pdf, by name."""
    names = sorted(set(phone_of_pdf))
    groups = np.array([names.index(phone) for phone in phone_of_pdf])
    return FrameGroups(names, groups[pdf_ali])


def by_pdf(phone_of_pdf: Sequence[str], pdf_ali: Int64[np.ndarray, " frames"]) -> FrameGroups:
    """Each pdf, named with its phone."""
    return FrameGroups([f"{pdf_id} ({phone})" for pdf_id, phone in enumerate(phone_of_pdf)], pdf_ali)
