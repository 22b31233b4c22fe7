"""What a decode directory says of itself, so that the same command continues it and another one is refused.

config.yaml (options, with the decoder that runs), provenance.json (sha256 of the inputs), utt_ids (what is
to be decoded, by job), num_jobs, log/decode.JOB.{log,json}, and, when all is done, decode.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hybrid_kd.atomic import replace_file
from hybrid_kd.config import read_yaml
from hybrid_kd.decoding.graph import find_graph_file
from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.decoding.kaldi import PROGRAM, find_kaldi
from hybrid_kd.decoding.options import DecodeOptions
from hybrid_kd.decoding.summary import SUMMARY
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_record, write_json
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import CONFIG, RunRecord
from hybrid_kd.tally import Tally

UTT_IDS = "utt_ids"
MODEL_FILES = ("final.safetensors", "final.mdl", "ali_train_pdf.counts")
COMPARED = frozenset({"decoder", "nj", "acoustic_scale", "beam", "lattice_beam", "logit_scale", "max_utts"})


def choose_decoder(options: DecodeOptions) -> DecodeOptions:
    """Replace ``auto``: by the decoder that ``out`` was begun with, else Kaldi's where it is on the PATH.

    Raises: HybridKdError if Kaldi's decoder is asked for, or was begun with, and is not on the PATH.
    """
    decoder = options.decoder
    if decoder == "auto" and (options.out / CONFIG).is_file():
        decoder = read_yaml(options.out / CONFIG).get("decoder", "auto")
    if decoder == "auto":
        decoder = "embedded" if find_kaldi() is None else "kaldi"
    if decoder == "kaldi" and find_kaldi() is None:
        raise HybridKdError.at(
            "--decoder kaldi",
            f"{PROGRAM} is not on the PATH",
            fix="source path.sh of Kaldi, or use --decoder embedded",
        )
    return replace(options, decoder=decoder)


def read_inputs(options: DecodeOptions, num_utts: int) -> dict[str, Any]:
    """Provenance of a decoding (argv, version, commit, sha256 of the inputs).

    Raises: HybridKdError if a file of the model or the graph is missing.
    """
    for name in MODEL_FILES:
        if not (options.model / name).is_file():
            raise HybridKdError.at(
                options.model, f"it holds no {name}", fix="give a model directory whose training has finished"
            )
    provenance = collect_provenance(
        {
            "model": [options.model / name for name in MODEL_FILES],
            "graph": [find_graph_file(options.graph), options.graph / "words.txt"],
            "features": options.data / "feats.scp",
        }
    )
    provenance["inputs"]["num_utts"] = num_utts
    return provenance


def make_record(options: DecodeOptions, provenance: Mapping[str, Any]) -> RunRecord:
    """What a decoding is made of; into how many jobs it is cut matters only until it is finished."""
    compared = COMPARED - {"nj"} if (options.out / SUMMARY).is_file() else COMPARED
    return RunRecord.of_options(replace(options, job=None), provenance, compared=compared)


def is_finished(record: RunRecord) -> bool:
    """Whether all is decoded and the lattices are still there (`hybrid-kd sweep` deletes scored ones).

    Raises: HybridKdError that names what differs, or for lattices of which nothing says what they are of.
    """
    mark = record.out / SUMMARY
    has_lattices = bool(list(record.out.glob("lat.*.gz")))
    if has_lattices or mark.exists():
        record.refuse_other()
    return has_lattices and record.is_finished(mark)


def write_record(record: RunRecord, jobs: Sequence[tuple[str, ...]]) -> None:
    """Record options, inputs and utterances in ``out``."""
    _write_lines(record.out / UTT_IDS, [utt_id for job in jobs for utt_id in job])
    _write_lines(record.out / "num_jobs", [str(len(jobs))])
    record.write()


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    with replace_file(path, "w") as file:
        file.writelines(f"{line}\n" for line in lines)


def lattice_file(out: Path, job: int) -> Path:
    """The lattices of a job (1-based)."""
    return out / f"lat.{job}.gz"


def job_log(out: Path, job: int) -> Path:
    """The log of a job (1-based)."""
    return out / "log" / f"decode.{job}.log"


def write_job_stats(out: Path, job: int, stats: JobStats) -> None:
    """Mark a job as finished; its lattices are there already."""
    write_json(job_log(out, job).with_suffix(".json"), asdict(stats))


def read_job_stats(out: Path, job: int) -> JobStats | None:
    """What a finished job did; None if it is not finished."""
    path = job_log(out, job).with_suffix(".json")
    if not path.is_file() or not lattice_file(out, job).is_file():
        return None
    return read_record(path, JobStats, fix=f"delete it; the same command then decodes job {job} again")


def count_jobs(out: Path, num_jobs: int, *, max_left_out: float) -> list[JobStats]:
    """What all jobs did, where that is good enough.

    Raises: HybridKdError if more than ``max_left_out`` of the utterances got no lattice; the next call tries
    them again.
    """
    all_stats = [read_job_stats(out, job) for job in range(1, num_jobs + 1)]
    stats = [job_stats for job_stats in all_stats if job_stats is not None]
    assert len(stats) == num_jobs, "a job ended without its mark"
    tally = Tally(out, max_left_out=max_left_out)
    tally.done(sum(job_stats.num_done for job_stats in stats))
    for utt_id, reason in (item for job_stats in stats for item in job_stats.left_out.items()):
        tally.left_out(utt_id, reason)
    try:
        tally.close(fix="see the logs for each reason; mend the features, or widen --beam")
    except HybridKdError:
        forget_jobs(out, num_jobs)
        raise
    return stats


def forget_jobs(out: Path, num_jobs: int) -> None:
    """Take the marks of finished jobs away, so that the next run does them again."""
    for job in range(1, num_jobs + 1):
        job_log(out, job).with_suffix(".json").unlink(missing_ok=True)
