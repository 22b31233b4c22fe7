"""Decodes a data directory into a decode directory, in parallel processes, and says how it went."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from hybrid_kd.archives.data_dir import DataDir, read_data_dir
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.decoding import embedded, kaldi
from hybrid_kd.decoding.decode_record import (
    choose_decoder,
    count_jobs,
    is_finished,
    job_log,
    lattice_file,
    make_record,
    read_inputs,
    read_job_stats,
    write_job_stats,
    write_record,
)
from hybrid_kd.decoding.embedded import EmbeddedDecoder
from hybrid_kd.decoding.forward import (
    Model,
    forward_utterances,
    read_num_frames,
    select_utterances,
    split_utterances,
)
from hybrid_kd.decoding.graph import check_graph, decompressed_graph, find_graph_file, load_graph
from hybrid_kd.decoding.kaldi import KaldiDecoder, find_kaldi, latgen_command
from hybrid_kd.decoding.options import DecodeOptions, SearchOptions
from hybrid_kd.decoding.summary import log_summary, read_summary, summarise, write_summary
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.model_dir import load_model
from hybrid_kd.option_ranges import check_ranges
from hybrid_kd.processes import Report, run_jobs
from hybrid_kd.run_record import RunRecord
from hybrid_kd.tally import MAX_LEFT_OUT_RANGE, Tally

logger = logging.getLogger(__name__)


def decode_directory(options: DecodeOptions) -> None:
    """Decode ``options.data`` into ``options.out``; continue there if it was begun, do nothing if it is done.

    Raises: HybridKdError for bad options or inputs, or if more than 1 % of the utterances got no lattice.
    """
    check_options(options)
    data = read_data_dir(options.data)
    utt_ids = select_utterances(data, max_utts=options.max_utts, utt_list=options.utt_list)
    jobs = split_utterances(utt_ids, num_jobs=options.nj, num_frames=read_num_frames(data))
    options = choose_decoder(options)
    record = make_record(options, read_inputs(options, len(utt_ids)))
    if not is_finished(record):
        logger.info("%s: decoding %d utterances, %s decoder", options.out, len(utt_ids), options.decoder)
        _decode_pending(options, data, jobs, record)
        if options.job is not None:
            return
        _finish(options, len(jobs), record)
    if (summary := read_summary(options.out)) is not None:
        log_summary(options.out, summary)


def check_options(options: DecodeOptions) -> None:
    """Raises: HybridKdError for a value out of its range."""
    check_ranges(options, {"max_left_out": MAX_LEFT_OUT_RANGE})
    for name in ("acoustic_scale", "beam", "lattice_beam", "logit_scale", "nj", "job", "max_utts"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise HybridKdError.at(
                f"--{name.replace('_', '-')}", f"{value} is out of range", fix="give more than 0"
            )


def _decode_pending(
    options: DecodeOptions, data: DataDir, jobs: Sequence[tuple[str, ...]], record: RunRecord
) -> None:
    """Run the jobs that are not finished."""
    pending = [job for job in range(1, len(jobs) + 1) if read_job_stats(options.out, job) is None]
    if len(pending) < len(jobs):
        logger.info("%s: %d of %d jobs are done already", options.out, len(jobs) - len(pending), len(jobs))
    if options.job is not None:
        pending = [job for job in pending if job == options.job]
    if not pending:
        return
    transition_model = read_transition_model(options.model / "final.mdl")
    with decompressed_graph(find_graph_file(options.graph)) as fst_file:
        check_graph(options.graph, fst_file, transition_model)
        decoder = _make_decoder(options, fst_file, transition_model)
        write_record(record, jobs)

        def work(job: int, report: Report) -> None:
            part = replace(
                data, utt_ids=jobs[job - 1], feats={utt_id: data.feats[utt_id] for utt_id in jobs[job - 1]}
            )
            model = _load_model(options, transition_model)
            tally = Tally(options.data)
            utterances = forward_utterances(model, part, tally)
            stats = decoder.decode_job(
                utterances, lattice_file(options.out, job), job_log(options.out, job), report
            )
            stats.left_out |= tally.reason_of
            write_job_stats(options.out, job, stats)

        if options.job is not None:  # in this process, whose log is the cluster's
            work(options.job, lambda _: None)
            return
        num_utts = sum(len(jobs[job - 1]) for job in pending)
        run_jobs(work, pending, log=partial(job_log, options.out), total=num_utts, what="decoding")


def _load_model(options: DecodeOptions, transition_model: TransitionModel) -> Model:
    torch.set_num_threads(1)
    model = load_model(options.model, logit_scale=options.logit_scale)
    if model.num_pdfs != transition_model.num_pdfs:
        raise HybridKdError.at(
            options.model,
            f"network of {model.num_pdfs} pdfs, its final.mdl has {transition_model.num_pdfs}",
            fix="restore the final.mdl that it was trained with",
        )
    return model


def _make_decoder(
    options: DecodeOptions, fst_file: Path, transition_model: TransitionModel
) -> KaldiDecoder | EmbeddedDecoder:
    search = _search_options(options)
    words_file = options.graph / "words.txt"
    if options.decoder == "kaldi":
        program, model_file = find_kaldi(), options.model / "final.mdl"
        assert program is not None
        return KaldiDecoder(
            latgen_command(program, search, model_file=model_file, graph_file=fst_file, words_file=words_file)
        )
    graph, words = load_graph(fst_file), read_symbol_table(words_file)
    return EmbeddedDecoder(graph, transition_model.transition_id_to_pdf_id, words, search)


def _finish(options: DecodeOptions, num_jobs: int, record: RunRecord) -> None:
    """Write decode.json if what the jobs did is good enough.

    Raises: HybridKdError as `count_jobs`.
    """
    summary = summarise(
        count_jobs(options.out, num_jobs, max_left_out=options.max_left_out),
        _search_options(options),
        decoder=options.decoder,
        program=embedded.PROGRAM if options.decoder == "embedded" else kaldi.PROGRAM,
        model_sha256=record.provenance["inputs"]["model"],
        logit_scale=options.logit_scale,
    )
    write_summary(options.out, summary)


def _search_options(options: DecodeOptions) -> SearchOptions:
    return SearchOptions(options.acoustic_scale, options.beam, options.lattice_beam)
