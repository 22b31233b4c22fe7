"""The training stages: monophones, triphones on deltas, on LDA + MLLT, and speaker-adaptive training.

Each begins with a model and alignments of its own kind, goes through the iterations of `training`, and leaves
a model directory. A stage that was stopped goes on after its last iteration, one that is finished is left
alone.
Source: Kaldi steps/train_mono.sh, train_deltas.sh, train_lda_mllt.sh, train_sat.sh.
"""

import logging
import operator
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial, reduce

from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.model_features import FeatureKind, SpliceOptions, read_feature_kind
from hybrid_kd.gmm import steps
from hybrid_kd.gmm.first_models import begin_mono, begin_triphones
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.options import MonoOptions, TriphoneOptions
from hybrid_kd.gmm.pool import ShardPool
from hybrid_kd.gmm.shards import load_shard, partition_by_speaker
from hybrid_kd.gmm.stage_dir import (
    check_phones,
    count_aligned,
    read_data_and_lang,
    stage_record,
    write_feature_files,
    write_stage,
)
from hybrid_kd.gmm.statistics import sum_statistics
from hybrid_kd.gmm.training import (
    DELTAS,
    LDA_MLLT,
    MONO,
    SAT,
    Schedule,
    Trainer,
    run_iterations,
    set_features,
)
from hybrid_kd.gmm.training_state import TrainingState, load_checkpoint, save_checkpoint
from hybrid_kd.gmm.updating import update_gmm, update_transitions
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from hybrid_kd.log_file import log_to_file
from hybrid_kd.option_ranges import check_ranges
from hybrid_kd.run_record import RunRecord
from hybrid_kd.tally import MAX_LEFT_OUT_RANGE

logger = logging.getLogger(__name__)

SPLICE = SpliceOptions(3, 3)

Begin = Callable[[Trainer, DataDir], TrainingState]


def train_mono(options: MonoOptions) -> None:
    """Flat start: equal alignments, one Gaussian a state, realigned often.

    Raises: HybridKdError.
    """
    _run(options, MONO, FeatureKind(), begin_mono, start_gaussians=0)


def train_deltas(options: TriphoneOptions) -> None:
    """Triphones on MFCC with deltas.

    Raises: HybridKdError.
    """
    _train_triphones(options, DELTAS, FeatureKind())


def train_lda_mllt(options: TriphoneOptions) -> None:
    """Triphones on spliced MFCC under LDA, with MLLT estimated on the way.

    Raises: HybridKdError.
    """
    _train_triphones(options, LDA_MLLT, FeatureKind(dynamics="splice", splice=SPLICE))


def train_sat(options: TriphoneOptions) -> None:
    """Triphones on the features of ``options.ali`` under fMLLR, estimated for each speaker on the way.

    Raises: HybridKdError.
    """
    _train_triphones(options, SAT, read_feature_kind(options.ali))


def _train_triphones(options: TriphoneOptions, schedule: Schedule, kind: FeatureKind) -> None:
    begin_here = partial(begin_triphones, ali=options.ali, num_leaves=options.num_leaves)
    _run(options, schedule, kind, begin_here, start_gaussians=options.num_leaves)


def _run(
    options: MonoOptions | TriphoneOptions,
    schedule: Schedule,
    kind: FeatureKind,
    begin_stage: Begin,
    *,
    start_gaussians: int,
) -> None:
    """Read the inputs, start the processes and train; what the stage says goes to log/train.log too."""
    check_train_options(options)
    with log_to_file(options.out / "log" / "train.log"):
        data, lang = read_data_and_lang(options.data, options.lang)
        ali = options.ali if isinstance(options, TriphoneOptions) else None
        if ali is not None:
            check_phones(lang, ali)
        record = stage_record(options)
        if record.is_finished(options.out / "final.mdl"):
            return
        splice = (SPLICE.left_context, SPLICE.right_context) if schedule is LDA_MLLT else None
        write_feature_files(options.out, lang, splice=splice, source=ali if schedule is SAT else None)
        partition = partition_by_speaker(data)
        with ShardPool(
            lambda index: load_shard(data, partition.parts[index]), partition.sizes, num_processes=options.nj
        ) as pool:
            trainer = Trainer(
                pool=pool,
                schedule=schedule,
                lang=lang,
                kind=kind,
                out=options.out,
                start_gaussians=start_gaussians,
                num_gaussians=options.num_gauss,
                boost_silence=options.boost_silence,
            )
            _train(trainer, data, begin_stage, options, record)


def check_train_options(options: MonoOptions | TriphoneOptions) -> None:
    """Raises: HybridKdError for a value out of its range."""
    check_ranges(options, {"max_left_out": MAX_LEFT_OUT_RANGE})
    least = {"nj": 1, "num_gauss": 1, "num_leaves": 1, "boost_silence": 1e-6}
    if isinstance(options, TriphoneOptions):
        least["num_gauss"] = options.num_leaves
    for name, bound in least.items():
        value = getattr(options, name, bound)
        if not bound <= value < float("inf"):
            flag = f"--{name.replace('_', '-')}"
            raise HybridKdError.at(flag, f"{value} is out of range", fix=f"give at least {bound:g}")


def _train(
    trainer: Trainer,
    data: DataDir,
    begin_stage: Begin,
    options: MonoOptions | TriphoneOptions,
    record: RunRecord,
) -> None:
    start = time.monotonic()
    state = load_checkpoint(trainer.out, trainer.lang.topology)
    if state is None:
        state = begin_stage(trainer, data)
        # Before anything is recorded or trained: utterances that cannot be aligned now never will be.
        _count(trainer, state, options)
        record.write()
        save_checkpoint(trainer.out, state)
    else:
        logger.info("%s: goes on with iteration %d", trainer.out, state.iteration)
        _take_up(trainer, state)
    if trainer.start_gaussians == 0:
        trainer = replace(trainer, start_gaussians=state.gmm.num_pdfs)
    state = run_iterations(trainer, state)
    ali_model = estimate_alignment_model(trainer, state) if trainer.schedule is SAT else None
    parts = trainer.pool.map(steps.give_alignments, what="alignments")
    alignments = {utt_id: ali for part in parts for utt_id, ali in part.items()}
    _count(trainer, state, options)
    write_stage(trainer.out, state, data, alignments, nj=options.nj, ali_model=ali_model)
    logger.info(
        "%s: trained %d pdfs, %d Gaussians in %.0f s",
        trainer.out,
        state.gmm.num_pdfs,
        state.gmm.num_gaussians,
        time.monotonic() - start,
    )


def _count(trainer: Trainer, state: TrainingState, options: MonoOptions | TriphoneOptions) -> None:
    """Count the utterances without alignment.

    Raises: HybridKdError if there are too many.
    """
    sizes = trainer.pool.map(steps.measure, what="sizes")
    failed = reduce(operator.or_, [size.left_out for size in sizes], state.failed)
    num_utts = sum(size.num_utts for size in sizes)
    count_aligned(trainer.out, num_utts - len(state.failed), failed, max_left_out=options.max_left_out)


def _take_up(trainer: Trainer, state: TrainingState) -> None:
    """Bring the shards to where the state is.

    Raises: HybridKdError if the features have other numbers of frames than before.
    """
    sizes = trainer.pool.map(steps.measure, what="sizes")
    if [size.num_frames for size in sizes] != [len(part) for part in state.alignments]:
        fix = "delete the output directory and train again"
        raise HybridKdError.at(trainer.out, "the features are not those that it was begun with", fix=fix)
    set_features(trainer, state.matrix, state.transforms)
    compiler = TrainingGraphCompiler(state.tree, state.model, trainer.lang)
    trainer.pool.map(steps.compile_graphs, compiler, what="graphs")
    trainer.pool.map(steps.set_alignments, each=state.alignments, what="alignments")


def estimate_alignment_model(trainer: Trainer, state: TrainingState) -> tuple[TransitionModel, StackedGmm]:
    """The model of the frames without fMLLR that matches the adapted one Gaussian for Gaussian.

    Source: Kaldi gmmbin/gmm-acc-stats-twofeats.cc.
    """
    kind = trainer.kind_with(state.matrix)
    parts = trainer.pool.map(steps.accumulate_statistics, state.gmm, state.model, kind, what="final.alimdl")
    statistics = sum_statistics(parts)
    gmm = update_gmm(state.gmm, statistics, remove_low_count=False).gmm
    return update_transitions(state.model, statistics.transition_counts), gmm
