"""What a stage's iterations begin with: tree, single Gaussians, alignments, and for some kinds a transform.

Source: Kaldi gmmbin/gmm-init-mono.cc, gmm-init-model.cc; the first steps of steps/train_*.sh.
"""

import logging
import operator
import time
from collections import Counter
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.archives.transition_model import (
    TransitionModel,
    initial_transition_model,
    read_transition_model,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import read_transforms
from hybrid_kd.gmm import steps
from hybrid_kd.gmm.convert_alignments import AlignmentConverter
from hybrid_kd.gmm.lda import LdaStatistics, estimate_lda
from hybrid_kd.gmm.mixing_up import mix_up
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.model_dir import read_gmm
from hybrid_kd.gmm.questions import cluster_phones, compile_questions, write_questions
from hybrid_kd.gmm.shards import load_shard, shard_features
from hybrid_kd.gmm.training import (
    SpeakerTransforms,
    Trainer,
    estimate_speakers,
    set_features,
    update,
    with_alignments,
)
from hybrid_kd.gmm.training_state import TrainingState
from hybrid_kd.gmm.tree_building import build_tree, monophone_tree
from hybrid_kd.gmm.tree_statistics import TreeStatistics, join_tree_statistics, sum_by_pdf
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler

logger = logging.getLogger(__name__)

FIRST_UTTERANCES = 10  # whose mean and variance monophones begin with
FIRST_MIN_OCCUPANCY = 3.0
VARIANCE_FLOOR = 0.01
FIRST_POWER = 0.2  # gmm-mixup's
FEW_FRAMES = 100


def begin_mono(trainer: Trainer, data: DataDir) -> TrainingState:
    """The same Gaussian for every state, then one update from equal alignments.

    Raises: HybridKdError.
    """
    start = time.monotonic()
    topology = trainer.lang.topology
    tree = monophone_tree(trainer.lang.sets, topology)
    model = initial_transition_model(topology, tree)
    gmm = _global_gaussians(trainer, data, tree.num_pdfs)
    state = TrainingState(1, tree, model, gmm, np.zeros(tree.num_pdfs), ())
    trainer = replace(trainer, start_gaussians=tree.num_pdfs)
    set_features(trainer, None, None)
    trainer.pool.map(steps.compile_graphs, TrainingGraphCompiler(tree, model, trainer.lang), what="graphs")
    logger.info("training graphs: %.1f s", time.monotonic() - start)
    state = with_alignments(state, trainer.pool.map(steps.align_equally_all, what="equal alignments"))
    state, told = update(trainer, state, min_occupancy=FIRST_MIN_OCCUPANCY)
    logger.info("flat start: %s; %.1f s", told, time.monotonic() - start)
    return state


def _global_gaussians(trainer: Trainer, data: DataDir, num_pdfs: int) -> StackedGmm:
    """Mean and variance of the first utterances, for every pdf."""
    shard = load_shard(data, data.utt_ids[:FIRST_UTTERANCES])
    frames = shard_features(shard, trainer.kind).astype(np.float64)
    variances = frames.var(axis=0) if len(frames) else np.zeros(0)
    if not len(frames) or variances.min() <= 0:
        raise HybridKdError.at(
            data.path,
            f"the features of the first {FIRST_UTTERANCES} utterances do not vary",
            fix="listen to the audio; make the features again",
        )
    rows = np.ones((num_pdfs, 1))
    return StackedGmm.from_parts(
        np.arange(num_pdfs),
        np.ones(num_pdfs),
        rows * frames.mean(axis=0),
        rows * variances,
        num_pdfs=num_pdfs,
    )


def begin_triphones(trainer: Trainer, data: DataDir, *, ali: Path, num_leaves: int) -> TrainingState:
    """A tree from the statistics of earlier alignments, one Gaussian a leaf, and these alignments converted.

    With an LDA + MLLT schedule the LDA matrix is estimated first, with a SAT schedule the fMLLR transforms
    (or those of ``ali`` are taken, where it has them).

    Raises: HybridKdError.
    """
    start = time.monotonic()
    old_model = read_transition_model(ali / "final.mdl")
    failed = _take_alignments(trainer, data, ali, old_model)
    matrix, transforms = _begin_features(trainer, data, old_model, ali)
    logger.info("alignments and features: %.1f s", time.monotonic() - start)
    silence = trainer.lang.silence_phones
    parts = trainer.pool.map(steps.accumulate_for_tree, old_model, silence, what="tree statistics")
    statistics = join_tree_statistics([part for part in parts if len(part.events)])
    tree = _build_tree(trainer, statistics, num_leaves)
    logger.info("tree of %d leaves: %.1f s", tree.num_pdfs, time.monotonic() - start)
    model = initial_transition_model(trainer.lang.topology, tree)
    sums = sum_by_pdf(statistics, tree)
    gmm = single_gaussians(sums)
    if trainer.schedule.transform == "none":
        gmm = mix_up(gmm, sums[:, 0], num_leaves, power=FIRST_POWER, iteration=0)
    converter = AlignmentConverter(old_model, model, tree)
    for part in trainer.pool.map(steps.convert_alignments, converter, what="converting alignments"):
        failed |= part
    trainer.pool.map(steps.compile_graphs, TrainingGraphCompiler(tree, model, trainer.lang), what="graphs")
    logger.info("training graphs: %.1f s", time.monotonic() - start)
    alignments = tuple(trainer.pool.map(steps.alignment_array, what="alignments"))
    return TrainingState(1, tree, model, gmm, sums[:, 0], alignments, failed, matrix, transforms)


def _take_alignments(trainer: Trainer, data: DataDir, ali: Path, model: TransitionModel) -> dict[str, str]:
    """Give the shards the alignments of a directory; returns why some utterances have none.

    Raises: HybridKdError if none fits.
    """
    alignments = dict(read_alignment_dir(ali))
    parts = trainer.pool.map(steps.take_alignments, alignments, model, what="alignments")
    failed = {utt_id: reason for part in parts for utt_id, reason in part.items()}
    if len(failed) >= len(data.utt_ids):
        reason = Counter(failed.values()).most_common(1)[0][0]
        problem = f"none of its alignments fits {data.path}: {reason}"
        raise HybridKdError.at(ali, problem, fix="align this data directory first (hybrid-kd gmm align)")
    return failed


def lda_matrix(statistics: LdaStatistics, ali: Path) -> Float64[np.ndarray, "dim columns"]:
    """The LDA matrix.

    Raises: HybridKdError if the model of ``ali`` has too few states.
    """
    try:
        return estimate_lda(statistics)
    except ValueError as error:
        fix = "give alignments of a model with more states, or more data"
        raise HybridKdError.at(ali, str(error), fix=fix) from error


def with_identities(
    transforms: dict[str, Float32[np.ndarray, "_ _"]], speakers: set[str]
) -> dict[str, Float32[np.ndarray, "_ _"]]:
    """Add the identity for speakers that have no transform."""
    shape = next(iter(transforms.values())).shape
    missing = sorted(speakers - set(transforms))
    for speaker in missing:
        logger.warning("speaker '%s' has no fMLLR transform: the identity is taken", speaker)
    return transforms | {speaker: np.eye(*shape, dtype=np.float32) for speaker in missing}


def _begin_features(
    trainer: Trainer, data: DataDir, old_model: TransitionModel, ali: Path
) -> tuple[Float64[np.ndarray, "dim columns"] | None, SpeakerTransforms | None]:
    """LDA for a schedule with MLLT, fMLLR transforms for one with fMLLR; the shards get their frames."""
    matrix: Float64[np.ndarray, "dim columns"] | None = None
    transforms: SpeakerTransforms | None = None
    if trainer.schedule.transform == "mllt":
        silence = trainer.lang.silence_phones
        found = trainer.pool.map(steps.accumulate_for_lda, trainer.kind, old_model, silence, what="LDA")
        matrix = lda_matrix(reduce(operator.add, [part for part in found if part is not None]), ali)
    elif trainer.schedule.transform == "fmllr":
        matrix = None if trainer.kind.matrix is None else trainer.kind.matrix.astype(np.float64)
        set_features(trainer, matrix, None)
        if (ali / "trans.1").is_file():
            transforms = with_identities(read_transforms(ali), set(data.utt2spk.values()))
        else:
            _, gmm = read_gmm(ali / "final.mdl")
            transforms, gain = estimate_speakers(trainer, gmm, old_model, before=None)
            logger.info("fMLLR on the model of %s gains %.3f a frame", ali, gain)
    set_features(trainer, matrix, transforms)
    return matrix, transforms


def _build_tree(trainer: Trainer, statistics: TreeStatistics, num_leaves: int) -> ContextTree:
    """Questions by clustering phones, and the tree that they give; questions.qst is written."""
    lang = trainer.lang
    asked = [*cluster_phones(statistics, lang.sets), *lang.extra_questions]
    questions = compile_questions(asked, lang.topology)
    write_questions(trainer.out / "questions.qst", questions)
    return build_tree(statistics, questions, lang.roots, lang.topology, max_leaves=num_leaves)


def single_gaussians(sums: Float64[np.ndarray, "pdfs columns"]) -> StackedGmm:
    """One Gaussian for each pdf from (frames; sums; sums of squares); a pdf without frames gets that of all.

    Source: Kaldi gmmbin/gmm-init-model.cc, InitAmGmm.
    """
    counts = sums[:, 0]
    if len(unseen := np.flatnonzero(counts == 0)):
        logger.warning("no frames for pdfs %s: they get the Gaussian of all frames", unseen.tolist())
    if len(rare := np.flatnonzero((counts > 0) & (counts < FEW_FRAMES))):
        logger.info("%d pdfs have fewer than %d frames", len(rare), FEW_FRAMES)
    sums = np.where(counts[:, None] > 0, sums, sums.sum(axis=0))
    dim = (sums.shape[1] - 1) // 2
    means = sums[:, 1 : 1 + dim] / sums[:, :1]
    variances = np.maximum(sums[:, 1 + dim :] / sums[:, :1] - means**2, VARIANCE_FLOOR)
    num_pdfs = len(sums)
    return StackedGmm.from_parts(np.arange(num_pdfs), np.ones(num_pdfs), means, variances, num_pdfs=num_pdfs)
