"""Decodes a data directory with a GMM and fMLLR into a decode directory: lat.N.gz and trans.N.

Jobs are whole speakers. A job that is finished is not done again; the same command continues.
"""

import importlib.metadata
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from hybrid_kd.archives.data_dir import DataDir, read_data_dir
from hybrid_kd.archives.lattice4 import lattice_to_bytes
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.decoding.decode_record import (
    count_jobs,
    is_finished,
    job_log,
    lattice_file,
    read_job_stats,
    write_job_stats,
)
from hybrid_kd.decoding.embedded import PROGRAM, open_lattice_archive
from hybrid_kd.decoding.graph import check_graph, decompressed_graph, find_graph_file, load_graph
from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.decoding.summary import SUMMARY, log_summary, summarise, write_summary
from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.model_dir import (
    read_gmm_model_dir,
    split_by_speaker,
    write_speaker_transforms,
    write_text,
)
from hybrid_kd.gmm.options import DecodeFmllrOptions
from hybrid_kd.gmm.shards import load_shard, shard_features
from hybrid_kd.gmm.speaker_decoding import DecodedSpeaker, SpeakerDecoder
from hybrid_kd.gmm.stage_dir import NOT_COMPARED, stage_record
from hybrid_kd.log_file import log_to_file
from hybrid_kd.option_ranges import check_ranges
from hybrid_kd.processes import Report, run_jobs
from hybrid_kd.run_record import RunRecord
from hybrid_kd.tally import MAX_LEFT_OUT_RANGE
from hybrid_kd.text_files import read_text

logger = logging.getLogger(__name__)


def decode_fmllr(options: DecodeFmllrOptions) -> None:
    """Decode; continue a decoding that was begun, do nothing if it is done.

    Raises: HybridKdError, also if more than --max-left-out of the utterances got no lattice.
    """
    check_ranges(options, {"max_left_out": MAX_LEFT_OUT_RANGE})
    with log_to_file(options.out / "log" / "decode_fmllr.log"):
        data = read_data_dir(options.data)
        finished = (options.out / SUMMARY).is_file()
        record = stage_record(options, not_compared=NOT_COMPARED - (frozenset() if finished else {"nj"}))
        if is_finished(record):
            return
        record.write()
        jobs = split_by_speaker(data, options.nj)
        _decode_pending(options, data, jobs)
        _finish(options, len(jobs), record)


def _decode_pending(options: DecodeFmllrOptions, data: DataDir, jobs: Sequence[tuple[str, ...]]) -> None:
    """Run the jobs that are not finished."""
    pending = [job for job in range(1, len(jobs) + 1) if read_job_stats(options.out, job) is None]
    if not pending:
        return
    model_dir = read_gmm_model_dir(options.model)
    words = read_symbol_table(options.graph / "words.txt")
    with decompressed_graph(find_graph_file(options.graph)) as fst_file:
        check_graph(options.graph, fst_file, model_dir.model)
        decoder = SpeakerDecoder(
            model_dir,
            load_graph(fst_file),
            read_silence_phones(options.graph),
            options.silence_weight,
            SearchOptions(options.acoustic_scale, options.first_beam, options.lattice_beam),
            SearchOptions(options.acoustic_scale, options.beam, options.lattice_beam),
        )
        write_text(options.out / "num_jobs", f"{len(jobs)}\n")
        worker = _Job(decoder, data, jobs, words, options.out)
        num_utts = sum(len(jobs[job - 1]) for job in pending)
        run_jobs(worker.run, pending, log=partial(job_log, options.out), total=num_utts, what="decoding")


def read_silence_phones(graph_dir: Path) -> tuple[int, ...]:
    """The phones of a graph directory's phones/silence.csl (``1:2:3``).

    Raises: HybridKdError if it is missing or malformed.
    """
    path = graph_dir / "phones" / "silence.csl"
    fix = "make the graph again (hybrid-kd graph hclg, or utils/mkgraph.sh)"
    try:
        return tuple(int(phone) for phone in read_text(path, fix=fix).split(":"))
    except ValueError as error:
        raise HybridKdError.at(path, f"not a list of phones: {error}", fix=fix) from error


@dataclass(frozen=True)
class _Job:
    """What a process decodes."""

    decoder: SpeakerDecoder
    data: DataDir
    jobs: Sequence[tuple[str, ...]]
    words: dict[int, str]
    out: Path

    def run(self, job: int, report: Report) -> None:
        """Write lat.JOB.gz and trans.JOB, then the mark that the job is finished."""
        stats = JobStats(decoder_version=importlib.metadata.version("kaldi_decoder"))
        start, before = time.monotonic(), time.process_time()
        transforms = {}
        with open_lattice_archive(lattice_file(self.out, job)) as archive:
            for speaker, frames in self._speakers(self.jobs[job - 1], stats):
                decoded = self.decoder.decode(speaker, frames, report)
                transforms[speaker] = decoded.transform
                for utt_id, lattice in decoded.lattices.items():
                    archive.write(utt_id.encode() + b" " + lattice_to_bytes(lattice))
                self._count(decoded, frames, stats)
        write_speaker_transforms(self.out / f"trans.{job}", transforms)
        stats.search_cpu_s = time.process_time() - before
        stats.wall_s = time.monotonic() - start
        write_job_stats(self.out, job, stats)

    def _speakers(
        self, utt_ids: Sequence[str], stats: JobStats
    ) -> Iterator[tuple[str, dict[str, Float32[np.ndarray, "_ _"]]]]:
        """Each speaker's unadapted frames."""
        for speaker in dict.fromkeys(self.data.utt2spk[utt_id] for utt_id in utt_ids):
            own = [utt_id for utt_id in utt_ids if self.data.utt2spk[utt_id] == speaker]
            shard = load_shard(self.data, own)
            stats.left_out |= shard.left_out
            frames = shard_features(shard, self.decoder.model_dir.kind)
            yield speaker, {shard.utt_ids[index]: frames[span] for index, span in shard.spans()}

    def _count(self, decoded: DecodedSpeaker, frames: dict[str, Any], stats: JobStats) -> None:
        for utt_id, search in decoded.searches.items():
            if search is None:
                stats.left_out[utt_id] = "no path through the graph"
                logger.warning("left out '%s': no path through the graph", utt_id)
                continue
            stats.num_done += 1
            stats.num_frames += len(frames[utt_id])
            if search.partial:
                stats.partial.append(utt_id)
                logger.warning("partial output for '%s': no final state was reached", utt_id)
            words = " ".join(self.words[word_id] for word_id in search.best_word_ids)
            logger.info("%s %s", utt_id, words)


def _finish(options: DecodeFmllrOptions, num_jobs: int, record: RunRecord) -> None:
    """Write decode.json if what the jobs did is good enough.

    Raises: HybridKdError if more than 1 % of the utterances got no lattice.
    """
    summary = summarise(
        count_jobs(options.out, num_jobs, max_left_out=options.max_left_out),
        SearchOptions(options.acoustic_scale, options.beam, options.lattice_beam),
        decoder="embedded",
        program=f"{PROGRAM}, two passes with fMLLR",
        model_sha256=record.provenance["inputs"]["model"],
    )
    summary = replace(summary, first_beam=options.first_beam)
    write_summary(options.out, summary)
    log_summary(options.out, summary)
