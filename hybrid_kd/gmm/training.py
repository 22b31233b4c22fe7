"""The iterations that all GMM stages share: realign, estimate transforms, update, mix up.

Source: Kaldi steps/train_mono.sh, train_deltas.sh, train_lda_mllt.sh, train_sat.sh.
"""

import logging
import operator
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.frontend.model_features import FeatureKind
from hybrid_kd.frontend.transforms import compose_transforms
from hybrid_kd.gmm import steps
from hybrid_kd.gmm.fmllr import compose_fmllr, mean_gain
from hybrid_kd.gmm.mixing_up import mix_up
from hybrid_kd.gmm.mllt import estimate_mllt, transform_means
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.pool import ShardPool
from hybrid_kd.gmm.shards import Shard
from hybrid_kd.gmm.statistics import pdf_occupancies, sum_statistics
from hybrid_kd.gmm.steps import AlignmentReport
from hybrid_kd.gmm.training_state import TrainingState, save_checkpoint
from hybrid_kd.gmm.updating import MIN_GAUSSIAN_OCCUPANCY, update_gmm, update_transitions
from hybrid_kd.gmm.viterbi import BEAM, RETRY_BEAM
from hybrid_kd.graph.lang_dir import LangDir
from hybrid_kd.graph.transition_table import transition_costs

logger = logging.getLogger(__name__)

SpeakerTransforms = Mapping[str, Float[np.ndarray, "_ _"]]

FIRST_BEAM = 6.0  # of the first realignment of monophones


@dataclass(frozen=True)
class Schedule:
    """What happens in which iteration, 1 to ``num_iters`` - 1; Gaussians grow until ``last_growth``."""

    num_iters: int
    last_growth: int
    realign: frozenset[int]
    power: float  # of the pdfs' frames, in sharing Gaussians
    transform: Literal["none", "mllt", "fmllr"] = "none"
    transform_iters: frozenset[int] = frozenset()
    first_beam: float = BEAM


_MONO_REALIGN = [*range(1, 11), 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38]
MONO = Schedule(40, 30, frozenset(_MONO_REALIGN), 0.25, first_beam=FIRST_BEAM)
DELTAS = Schedule(35, 25, frozenset([10, 20, 30]), 0.25)
LDA_MLLT = replace(DELTAS, transform="mllt", transform_iters=frozenset([2, 4, 6, 12]))
SAT = replace(LDA_MLLT, transform="fmllr", power=0.2)


@dataclass(frozen=True)
class Trainer:
    """What stays the same over the iterations; ``kind`` is without the matrix that training estimates."""

    pool: ShardPool[Shard]
    schedule: Schedule
    lang: LangDir
    kind: FeatureKind
    out: Path
    start_gaussians: int
    num_gaussians: int
    boost_silence: float

    def kind_with(self, matrix: Float[np.ndarray, "dim columns"] | None) -> FeatureKind:
        """The features with a matrix."""
        return self.kind if matrix is None else replace(self.kind, matrix=matrix.astype(np.float32))

    def target_gaussians(self, iteration: int) -> int:
        """How many Gaussians there should be after an iteration."""
        growth = (self.num_gaussians - self.start_gaussians) // self.schedule.last_growth
        return self.start_gaussians + growth * min(iteration - 1, self.schedule.last_growth)


def run_iterations(trainer: Trainer, state: TrainingState) -> TrainingState:
    """Train from ``state.iteration`` to the end, with a checkpoint after each iteration.

    The shards have the features and alignments of the state, and graphs.
    """
    schedule = trainer.schedule
    for iteration in range(state.iteration, schedule.num_iters):
        start = time.monotonic()
        told = ""
        if iteration in schedule.realign:
            beam = schedule.first_beam if iteration == 1 else BEAM
            state, told = realign(trainer, state, beam=beam)
        if iteration in schedule.transform_iters:
            state, more = _transform(trainer, state)
            told += more
        state, more = update(trainer, replace(state, iteration=iteration))
        state = replace(state, iteration=iteration + 1)
        save_checkpoint(trainer.out, state)
        seconds = time.monotonic() - start
        last = schedule.num_iters - 1
        logger.info("iteration %d of %d: %s%s; %.1f s", iteration, last, told, more, seconds)
    return state


def realign(trainer: Trainer, state: TrainingState, *, beam: float) -> tuple[TrainingState, str]:
    """Align anew with the model as it is; also says how it went."""
    boosted = boost_silence(state.gmm, state.model, trainer.lang.optional_silence, trainer.boost_silence)
    costs = transition_costs(state.model)
    reports = trainer.pool.map(steps.align, boosted, costs, beam, RETRY_BEAM, what="aligning")
    return with_alignments(state, reports), describe_alignments(reports) + "; "


def with_alignments(state: TrainingState, reports: Sequence[AlignmentReport]) -> TrainingState:
    """The state with new alignments."""
    failed = {utt_id: reason for report in reports for utt_id, reason in report.failed.items()}
    alignments = tuple(report.transition_ali for report in reports)
    return replace(state, alignments=alignments, failed=failed)


def describe_alignments(reports: Sequence[AlignmentReport]) -> str:
    """How many utterances were retried and failed, and the log-likelihood a frame of the paths."""
    num_frames = sum(report.num_frames for report in reports)
    loglike = sum(report.loglike for report in reports) / max(num_frames, 1)
    num_retried = sum(len(report.retried) for report in reports)
    num_failed = sum(len(report.failed) for report in reports)
    return f"realigned ({loglike:.3f} a frame, retried {num_retried}, failed {num_failed})"


def boost_silence(gmm: StackedGmm, model: TransitionModel, phone: int | None, factor: float) -> StackedGmm:
    """Multiply the weights of a phone's pdfs, so that it is likelier in alignments.

    Source: Kaldi gmmbin/gmm-boost-silence.cc.
    """
    if phone is None or factor == 1:
        return gmm
    pdf_ids = np.unique(model.triples[model.triples[:, 0] == phone, 2:])
    is_silence = np.isin(gmm.pdf_of_gaussian, pdf_ids)
    return replace(gmm, weights=np.where(is_silence, gmm.weights * factor, gmm.weights))


def update(
    trainer: Trainer, state: TrainingState, *, min_occupancy: float = MIN_GAUSSIAN_OCCUPANCY
) -> tuple[TrainingState, str]:
    """Re-estimate Gaussians and transitions from the alignments, and mix up; also says how it went."""
    parts = trainer.pool.map(steps.accumulate_statistics, state.gmm, state.model, what="statistics")
    statistics = sum_statistics(parts)
    occupancies = pdf_occupancies(state.gmm, statistics)
    updated = update_gmm(state.gmm, statistics, min_occupancy=min_occupancy)
    target = trainer.target_gaussians(max(state.iteration, 1))
    gmm = mix_up(updated.gmm, occupancies, target, power=trainer.schedule.power, iteration=state.iteration)
    model = update_transitions(state.model, statistics.transition_counts)
    frames = statistics.num_frames
    told = (
        f"loglike {statistics.loglike / max(frames, 1):.4f} a frame over {frames} frames, "
        f"{gmm.num_gaussians} Gaussians (removed {updated.num_removed}, floored {updated.num_floored})"
    )
    return replace(state, gmm=gmm, model=model, occupancies=occupancies), told


def _transform(trainer: Trainer, state: TrainingState) -> tuple[TrainingState, str]:
    """Estimate MLLT or fMLLR on top of what there is; the shards get their new frames."""
    if trainer.schedule.transform == "mllt":
        state, gain = _estimate_mllt(trainer, state)
        told = f"MLLT gains {gain:.3f}; "
    else:
        transforms, gain = estimate_speakers(trainer, state.gmm, state.model, before=state.transforms)
        state, told = replace(state, transforms=transforms), f"fMLLR gains {gain:.3f}; "
    set_features(trainer, state.matrix, state.transforms)
    return state, told


def _estimate_mllt(trainer: Trainer, state: TrainingState) -> tuple[TrainingState, float]:
    silence = trainer.lang.silence_phones
    parts = trainer.pool.map(steps.accumulate_for_mllt, state.gmm, state.model, silence, what="MLLT")
    estimate = estimate_mllt(reduce(operator.add, parts), state.gmm)
    assert state.matrix is not None
    matrix = compose_transforms(estimate.transform, state.matrix)
    gmm = transform_means(state.gmm, estimate.transform)
    return replace(state, gmm=gmm, matrix=matrix), estimate.gain


def estimate_speakers(
    trainer: Trainer, gmm: StackedGmm, model: TransitionModel, *, before: SpeakerTransforms | None
) -> tuple[SpeakerTransforms, float]:
    """Each speaker's fMLLR, on top of the transforms ``before``; also gives the gain a frame."""
    silence = trainer.lang.silence_phones
    parts = trainer.pool.map(steps.estimate_transforms, gmm, None, model, silence, what="fMLLR")
    estimates = {speaker: estimate for part in parts for speaker, estimate in part.items()}
    transforms = {speaker: estimate.transform for speaker, estimate in estimates.items()}
    if before is not None:
        transforms = {speaker: compose_fmllr(new, before[speaker]) for speaker, new in transforms.items()}
    return transforms, mean_gain(list(estimates.values()))


def set_features(
    trainer: Trainer,
    matrix: Float[np.ndarray, "dim columns"] | None,
    transforms: SpeakerTransforms | None,
) -> None:
    """Let the shards compute the frames with a matrix and transforms."""
    if transforms is not None:
        transforms = {speaker: transform.astype(np.float32) for speaker, transform in transforms.items()}
    trainer.pool.map(steps.set_features, trainer.kind_with(matrix), transforms, what="features")
