"""Which clean recording stands in which noise: mix.tsv of a data directory, noise.tsv of the recordings."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hybrid_kd.corpus.tables import read_table, write_table
from hybrid_kd.errors import HybridKdError

TRAIN_SHARE = 0.6  # of a noise recording, from its start; dt and et have the rest
FIX = "write the list again"


@dataclass(frozen=True)
class MixItem:
    """One noisy utterance: the recipe that makes its audio again."""

    utt_id: str
    clean: str  # path within the directory of clean audio
    noise_id: str
    noise_offset: int  # samples from the start of the recording
    snr_db: float


@dataclass(frozen=True)
class NoiseRecording:
    """A recording of one environment; training has its first ``train_share``, dt and et the rest."""

    noise_id: str
    path: Path
    environment: str
    train_share: float = TRAIN_SHARE

    def border(self, num_samples: int) -> int:
        """First sample that does not belong to training."""
        return int(self.train_share * num_samples)


def read_mix_list(path: Path) -> list[MixItem]:
    """Read mix.tsv.

    Raises: HybridKdError if it cannot be read or a line is malformed or comes twice.
    """
    items = [_mix_item(path, row) for row in read_table(path, [field.name for field in fields(MixItem)])]
    seen: set[str] = set()
    for item in items:
        if item.utt_id in seen:
            raise HybridKdError.at(path, "comes twice", fix=FIX, key=item.utt_id)
        seen.add(item.utt_id)
    return items


def _mix_item(path: Path, row: dict[str, str]) -> MixItem:
    try:
        offset, snr_db = int(row["noise_offset"]), float(row["snr_db"])
    except ValueError as error:
        raise HybridKdError.at(path, str(error), fix=FIX, key=row["utt_id"]) from error
    if offset < 0 or not math.isfinite(snr_db):
        problem = f"noise_offset {offset} or snr_db {snr_db} is out of range"
        raise HybridKdError.at(path, problem, fix=FIX, key=row["utt_id"])
    return MixItem(row["utt_id"], row["clean"], row["noise_id"], offset, snr_db)


def write_mix_list(path: Path, items: Iterable[MixItem]) -> None:
    """Write mix.tsv, atomically."""
    write_table(path, map(asdict, items), [field.name for field in fields(MixItem)])


def read_noise_list(noise_dir: Path) -> dict[str, NoiseRecording]:
    """Read noise.tsv of a directory: noise_id, path (within it), environment; train_share if it is there.

    Raises: HybridKdError if it cannot be read, or a line is malformed or comes twice.
    """
    path = noise_dir / "noise.tsv"
    recordings: dict[str, NoiseRecording] = {}
    for row in read_table(path, ["noise_id", "path", "environment"]):
        noise_id = row["noise_id"]
        share = row.get("train_share", str(TRAIN_SHARE))
        try:
            train_share = float(share)
        except ValueError:
            train_share = math.nan
        if not 0 <= train_share <= 1:
            raise HybridKdError.at(path, f"train_share is {share!r}, not 0 to 1", fix=FIX, key=noise_id)
        if noise_id in recordings:
            raise HybridKdError.at(path, "comes twice", fix=FIX, key=noise_id)
        recordings[noise_id] = NoiseRecording(
            noise_id, noise_dir / row["path"], row["environment"], train_share
        )
    return recordings
