"""Forced alignment of a data directory by a finished model; with fMLLR where the model is speaker-adapted.

An adapted model's alignment model (final.alimdl) aligns the unadapted frames first; from that each speaker's
transform is estimated, and the model itself aligns the adapted frames.
Source: Kaldi steps/align_si.sh, steps/align_fmllr.sh.
"""

import logging
import operator
import time
from functools import reduce

import numpy as np

from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm import steps
from hybrid_kd.gmm.fmllr import FmllrEstimate, mean_gain
from hybrid_kd.gmm.model_dir import (
    FEATURE_FILES,
    MODEL_FILES,
    GmmModelDir,
    copy_files,
    read_gmm_model_dir,
    split_by_speaker,
    write_alignments,
    write_transforms,
)
from hybrid_kd.gmm.options import AlignOptions
from hybrid_kd.gmm.pool import ShardPool
from hybrid_kd.gmm.shards import Shard, load_shard, partition_by_speaker
from hybrid_kd.gmm.stage_dir import MEND_DATA, check_phones, count_aligned, read_data_and_lang, stage_record
from hybrid_kd.gmm.steps import AlignmentReport
from hybrid_kd.gmm.training import boost_silence, describe_alignments
from hybrid_kd.graph.lang_dir import LangDir
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from hybrid_kd.graph.transition_table import transition_costs
from hybrid_kd.log_file import log_to_file
from hybrid_kd.option_ranges import check_ranges
from hybrid_kd.tally import MAX_LEFT_OUT_RANGE

logger = logging.getLogger(__name__)


def align_directory(options: AlignOptions) -> None:
    """Write an alignment directory; nothing is done if it is there already.

    Raises: HybridKdError, also if more than --max-left-out of the utterances could not be aligned.
    """
    check_ranges(options, {"max_left_out": MAX_LEFT_OUT_RANGE})
    with log_to_file(options.out / "log" / "align.log"):
        data, lang = read_data_and_lang(options.data, options.lang)
        check_phones(lang, options.model)
        record = stage_record(options)
        if record.is_finished(options.out / "num_jobs"):
            return
        record.write()
        start = time.monotonic()
        model_dir = read_gmm_model_dir(options.model)
        partition = partition_by_speaker(data)
        with ShardPool(
            lambda index: load_shard(data, partition.parts[index]), partition.sizes, num_processes=options.nj
        ) as pool:
            estimates, reports = _align(pool, model_dir, lang, options)
            measured = pool.map(steps.measure, what="sizes")
            parts = pool.map(steps.give_alignments, what="alignments")
        alignments = {utt_id: ali for part in parts for utt_id, ali in part.items()}
        failed: dict[str, str] = reduce(
            operator.or_, [*(size.left_out for size in measured), *(r.failed for r in reports)], {}
        )
        fix = f"{MEND_DATA}, or widen --retry-beam"
        count_aligned(options.data, len(alignments), failed, max_left_out=options.max_left_out, fix=fix)
        copy_files(options.model, options.out, [*MODEL_FILES, *FEATURE_FILES])
        jobs = split_by_speaker(data, options.nj)
        if estimates:
            transforms = {speaker: estimate.transform for speaker, estimate in estimates.items()}
            write_transforms(options.out, transforms, data, jobs)
        write_alignments(options.out, alignments, jobs)
        logger.info("%s: aligned in %.0f s", options.out, time.monotonic() - start)


def _align(
    pool: ShardPool[Shard], model_dir: GmmModelDir, lang: LangDir, options: AlignOptions
) -> tuple[dict[str, FmllrEstimate], list[AlignmentReport]]:
    """Align once, or for an adapted model twice, with the speakers' transforms estimated in between."""
    model, kind = model_dir.model, model_dir.kind
    pool.map(steps.set_features, kind, None, what="features")
    _check_dim(pool, model_dir, options)
    pool.map(steps.compile_graphs, TrainingGraphCompiler(model_dir.tree, model, lang), what="graphs")
    silence, beams = lang.optional_silence, (options.beam, options.retry_beam)
    ali_gmm = boost_silence(model_dir.ali_gmm, model, silence, options.boost_silence)
    reports = pool.map(steps.align, ali_gmm, transition_costs(model_dir.ali_model), *beams, what="aligning")
    logger.info("%s: %s", options.out, describe_alignments(reports))
    if not model_dir.is_adapted:
        return {}, reports
    estimates = _estimate(pool, model_dir, lang)
    transforms = {speaker: e.transform.astype(np.float32) for speaker, e in estimates.items()}
    pool.map(steps.set_features, kind, transforms, what="features")
    gmm = boost_silence(model_dir.gmm, model, silence, options.boost_silence)
    reports = pool.map(steps.align, gmm, transition_costs(model), *beams, what="aligning")
    gain = mean_gain(list(estimates.values()))
    logger.info("%s: fMLLR gains %.3f a frame; %s", options.out, gain, describe_alignments(reports))
    return estimates, reports


def _estimate(pool: ShardPool[Shard], model_dir: GmmModelDir, lang: LangDir) -> dict[str, FmllrEstimate]:
    """Each speaker's transform; Gaussians share frames as the alignment model sees it."""
    parts = pool.map(
        steps.estimate_transforms,
        model_dir.gmm,
        model_dir.ali_gmm,
        model_dir.model,
        lang.silence_phones,
        what="fMLLR",
    )
    return {speaker: estimate for part in parts for speaker, estimate in part.items()}


def _check_dim(pool: ShardPool[Shard], model_dir: GmmModelDir, options: AlignOptions) -> None:
    for size in pool.map(steps.measure, what="sizes"):
        if size.num_frames and size.dim != model_dir.gmm.dim:
            problem = f"features of {size.dim} dimensions, {model_dir.path} takes {model_dir.gmm.dim}"
            raise HybridKdError.at(options.data, problem, fix="give the MFCC that it was trained on")
