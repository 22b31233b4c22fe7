"""A feature directory: a copy of a data directory with MFCC and CMVN statistics, or a GMM model's frames.

It holds feats.{ark,scp}, utt2num_frames, cmvn.{ark,scp} (MFCC only), what was copied, and features.json: what
it was made from and how. utt2spk is written last; until then ``.parts`` holds what is finished.
"""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hybrid_kd.archives.data_dir import read_lines, write_data_dir
from hybrid_kd.archives.matrices import parse_double_matrix
from hybrid_kd.archives.tables import read_archive
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import Statistics, write_cmvn
from hybrid_kd.frontend.feature_parts import FeatureSource, PartRecord, read_part_record, split_into_parts
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import RunRecord
from hybrid_kd.tally import Tally

logger = logging.getLogger(__name__)

RECORD, PARTS, MARK = "features.json", ".parts", "utt2spk"
INPUT_TABLES = ("utt2spk", "wav.scp", "segments", "feats.scp", "cmvn.scp")
UTT_TABLES = ("text", "segments", "utt2dur", "utt2uniq", "utt2lang")  # one line for each utterance
SPEAKER_TABLES = ("spk2gender",)
COPIED = ("reco2file_and_channel", "stm", "glm", "ctm", "lang", "mix.tsv")


@dataclass(frozen=True, eq=False)
class FeatureDir:
    """A feature directory that is to be made at ``path``; ``parts`` are utt_ids."""

    path: Path
    source: FeatureSource
    parts: tuple[tuple[str, ...], ...]
    compress: bool
    record: RunRecord

    def part(self, index: int) -> Path:
        """Where a part's files are, without their endings."""
        return self.path / PARTS / str(index)

    def is_finished(self) -> bool:
        """Whether it is there as a whole.

        Raises: HybridKdError if it holds other data, or was begun with other inputs or options.
        """
        return self.record.is_finished(self.path / MARK)


def plan_feature_dir(
    path: Path, source: FeatureSource, *, compress: bool, inputs: Mapping[str, list[Path]]
) -> FeatureDir:
    """Describe what is to be made; ``inputs`` are further files that the result depends on.

    Raises: HybridKdError if ``path`` is the data directory itself.
    """
    data_path = source.data.path
    if path.resolve() == data_path.resolve():
        raise HybridKdError.at(path, "--out is --data", fix="give another --out: a copy is written there")
    tables = [data_path / name for name in INPUT_TABLES if (data_path / name).is_file()]
    provenance = collect_provenance({"data": tables, **inputs})
    record = RunRecord(path, path / RECORD, provenance, _options(source, compress=compress))
    return FeatureDir(path, source, tuple(split_into_parts(source)), compress, record)


def _options(source: FeatureSource, *, compress: bool) -> dict[str, Any]:
    """What the values depend on beside the inputs."""
    options: dict[str, Any] = {"compress": compress}
    if source.recordings is not None:
        options |= asdict(source.mfcc) | asdict(source.audio) | {"seed": source.seed}
        del options["allow_pipes"]
    return options


def begin(target: FeatureDir) -> list[int]:
    """Write down what the directory is made from; the parts that are not finished yet."""
    (target.path / PARTS).mkdir(parents=True, exist_ok=True)
    target.record.write()
    pending = [index for index in range(len(target.parts)) if read_part_record(target.part(index)) is None]
    if len(pending) < len(target.parts):
        done = len(target.parts) - len(pending)
        logger.info("%s: %d of %d parts are done already", target.path, done, len(target.parts))
    return pending


def finish(target: FeatureDir, *, max_left_out: float) -> None:
    """Join the parts.

    Raises: HybridKdError if more than ``max_left_out`` of the utterances were left out; the next call then
    makes their parts again.
    """
    records = [_finished(target, index) for index in range(len(target.parts))]
    tally = Tally(target.source.data.path, max_left_out=max_left_out)
    for record in records:
        tally.done(len(record.num_frames))
        for utt_id, reason in record.left_out.items():
            tally.left_out(utt_id, reason)
    try:
        tally.close(fix="correct what is named above, then give the same command again")
    except HybridKdError:
        for index, record in enumerate(records):
            if record.left_out:
                target.part(index).with_name(f"{index}.json").unlink()
        raise
    locations = _join_archives(target)
    num_frames = {utt_id: str(count) for record in records for utt_id, count in record.num_frames.items()}
    tables = {"feats.scp": locations, "utt2num_frames": num_frames, **_copied_tables(target, set(num_frames))}
    if seconds := {utt_id: f"{value:.6g}" for record in records for utt_id, value in record.seconds.items()}:
        tables["utt2dur"] = seconds
    _copy_files(target)
    if target.source.kind is None:
        _write_statistics(target)
    utt2spk = {utt_id: target.source.data.utt2spk[utt_id] for utt_id in num_frames}
    write_data_dir(target.path, utt2spk=utt2spk, tables=tables)
    shutil.rmtree(target.path / PARTS)


def _finished(target: FeatureDir, index: int) -> PartRecord:
    record = read_part_record(target.part(index))
    assert record is not None, f"part {index} is not finished"
    return record


def _join_archives(target: FeatureDir) -> dict[str, str]:
    """Write feats.ark; where each utterance lies in it."""
    locations: dict[str, str] = {}
    archive = target.path / "feats.ark"
    with replace_file(archive) as output:
        for index in range(len(target.parts)):
            start = output.tell()
            with target.part(index).with_name(f"{index}.ark").open("rb") as part:
                shutil.copyfileobj(part, output, 1 << 20)
            for line in target.part(index).with_name(f"{index}.scp").read_text().splitlines():
                utt_id, _, location = line.partition(" ")
                locations[utt_id] = f"{archive}:{start + int(location.rpartition(':')[2])}"
    return locations


def _copied_tables(target: FeatureDir, utt_ids: set[str]) -> dict[str, dict[str, str]]:
    """The data directory's own tables, without what was left out."""
    data = target.source.data
    speakers = {data.utt2spk[utt_id] for utt_id in utt_ids}
    kept = dict.fromkeys(UTT_TABLES, utt_ids) | dict.fromkeys(SPEAKER_TABLES, speakers)
    if not (data.path / "segments").exists():
        kept["wav.scp"] = utt_ids
    return {
        name: {key: rest for key, rest in read_lines(data.path / name) if key in ids}
        for name, ids in kept.items()
        if (data.path / name).is_file()
    }


def _copy_files(target: FeatureDir) -> None:
    data_path = target.source.data.path
    for name in (*COPIED, *(["wav.scp"] if (data_path / "segments").exists() else [])):
        if (data_path / name).is_file():
            with replace_file(target.path / name) as file:
                file.write((data_path / name).read_bytes())


def _write_statistics(target: FeatureDir) -> None:
    statistics: dict[str, Statistics] = {}
    for index in range(len(target.parts)):
        file = target.part(index).with_name(f"{index}.cmvn.ark")
        for speaker, value in read_archive(str(file), parse_double_matrix):
            statistics[speaker] = statistics[speaker] + value if speaker in statistics else value
    path = target.path
    write_cmvn(f"ark,scp:{path}/cmvn.ark,{path}/cmvn.scp", dict(sorted(statistics.items())))
