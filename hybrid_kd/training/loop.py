"""The training loop: epochs over a permutation of frames, validation, the schedule, checkpoints.

One epoch is ``train_epoch``; what is decided between epochs is in newbob.py and in the temperature schedule.
"""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from hybrid_kd.distill.mixing import MixedLabels, MixingRule, mixed_cross_entropy
from hybrid_kd.distill.teachers import Teacher, TeacherLabels
from hybrid_kd.distill.temperature_schedule import TemperatureStage
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.progress import track
from hybrid_kd.seeds import torch_generator
from hybrid_kd.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from hybrid_kd.training.frame_order import frame_order
from hybrid_kd.training.learner import Learner
from hybrid_kd.training.metrics import FrameMetrics, RunningMetrics
from hybrid_kd.training.newbob import NewbobOptions, NewbobState, after_epoch, after_timed_epoch
from hybrid_kd.training.run_log import log_epoch, write_records

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 4096
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Distillation:
    """A teacher, how its labels are mixed with the reference, and the temperatures of its labels."""

    teacher: Teacher
    rule: MixingRule
    stages: tuple[TemperatureStage, ...]


@dataclass(frozen=True)
class TrainingPlan:
    """Data and rules of one training; ``distillation`` is None for hard labels only."""

    train: LabelledFrames
    dev: LabelledFrames
    newbob: NewbobOptions
    seed: int
    distillation: Distillation | None = None
    randomizer_size: int = 0

    def stage_of_epoch(self, epoch: int) -> TemperatureStage:
        """The temperature stage that epoch (1-based) belongs to."""
        if self.distillation is None:
            return TemperatureStage(1.0, None)
        for stage in self.distillation.stages:
            if stage.num_epochs is None or epoch <= stage.num_epochs:
                return stage
            epoch -= stage.num_epochs
        raise AssertionError("the last stage is untimed")


def train(learner: Learner, plan: TrainingPlan, directory: Path) -> NewbobState:
    """Train until newbob stops, continuing from ``directory``'s checkpoint if it has one.

    After it the learner holds the accepted network.
    """
    state = _start(learner, plan, directory)
    labels_at: tuple[float, TeacherLabels] | None = None
    while not state.newbob.finished:
        epoch = state.epoch + 1
        stage = plan.stage_of_epoch(epoch)
        if plan.distillation is not None and (labels_at is None or labels_at[0] != stage.temperature):
            labels_at = (stage.temperature, plan.distillation.teacher.at_temperature(stage.temperature))
        before = learner.state()
        start = time.monotonic()
        learner.set_learning_rate(state.newbob.learning_rate)
        train_metrics = train_epoch(learner, plan, epoch, None if labels_at is None else labels_at[1])
        dev_metrics = evaluate(learner.network, plan.dev)
        newbob = _decide(state.newbob, stage, dev_metrics, plan)
        if not newbob.accepted:
            learner.load(before)
        record = _epoch_record(epoch, plan, state.newbob, train_metrics, dev_metrics)
        record |= {"accepted": newbob.accepted, "seconds": round(time.monotonic() - start, 2)}
        state = TrainingState(epoch, newbob, (*state.records, record))
        save_checkpoint(directory / CHECKPOINT, state, learner.state())
        write_records(directory, state.records)
        log_epoch(record)
    return state.newbob


def train_epoch(
    learner: Learner, plan: TrainingPlan, epoch: int, teacher_labels: TeacherLabels | None
) -> FrameMetrics:
    """One pass over the training frames in a seeded order."""
    frames, network = plan.train, learner.network
    device = frames.pdf_ali.device
    metrics = RunningMetrics(device)
    utterance_weights = _utterance_hard_weights(plan, epoch)
    dropout = torch_generator(plan.seed, "dropout", epoch=epoch, device=device.type)
    size = learner.options.minibatch_size
    order = frame_order(frames.inputs, seed=plan.seed, epoch=epoch, randomizer_size=plan.randomizer_size)
    network.train()
    for frame_index in track(
        full_minibatches(order, size), total=frames.num_frames // size, what=f"epoch {epoch}"
    ):
        labels = MixedLabels(frames.pdf_ali[frame_index])
        if teacher_labels is not None and utterance_weights is not None:
            hard_weights = utterance_weights[frames.inputs.utt_of_frame[frame_index]]
            labels = replace(
                labels, hard_weights=hard_weights, teacher=teacher_labels.posteriors(frame_index)
            )
        learner.step(frames.inputs.spliced(frame_index), labels, metrics, dropout_generator=dropout)
    return metrics.means()


def full_minibatches(order: Int64[Tensor, " frames"], size: int) -> Iterator[Int64[Tensor, " batch"]]:
    """Cut into minibatches; frames left over below a full one are dropped, as in Kaldi's nnet1."""
    yield from order[: len(order) // size * size].split(size)  # type: ignore[no-untyped-call]


@torch.no_grad()
def evaluate(network: Dnn, frames: LabelledFrames) -> FrameMetrics:
    """Cross-entropy and frame accuracy with the reference labels, over all frames, without dropout."""
    network.eval()
    device = frames.pdf_ali.device
    metrics = RunningMetrics(device)
    for frame_index in torch.arange(frames.num_frames, device=device).split(EVALUATION_BATCH):  # type: ignore[no-untyped-call]
        logits = network(frames.inputs.spliced(frame_index))
        pdf_ali = frames.pdf_ali[frame_index]
        loss, hard_loss = mixed_cross_entropy(logits, MixedLabels(pdf_ali))
        metrics.add(logits, pdf_ali, loss, hard_loss)
    return metrics.means()


def _start(learner: Learner, plan: TrainingPlan, directory: Path) -> TrainingState:
    if (directory / CHECKPOINT).is_file():
        state, tensors = load_checkpoint(directory / CHECKPOINT)
        learner.load(tensors)
        logger.info("%s: continuing after epoch %d", directory, state.epoch)
        return state
    dev = evaluate(learner.network, plan.dev)
    record: dict[str, Any] = {
        "epoch": 0,
        "dev_cross_entropy": dev.cross_entropy,
        "dev_frame_accuracy": dev.frame_accuracy,
    }
    log_epoch(record)
    return TrainingState(0, NewbobState(plan.newbob.learning_rate, dev.cross_entropy), (record,))


def _decide(
    state: NewbobState, stage: TemperatureStage, dev: FrameMetrics, plan: TrainingPlan
) -> NewbobState:
    if stage.num_epochs is None:
        return after_epoch(state, dev.cross_entropy, plan.newbob)
    if not math.isfinite(dev.cross_entropy):
        raise HybridKdError.at(
            f"temperature {stage.temperature:g}",
            "training diverged: the dev cross-entropy is not a number",
            fix="lower --learning-rate; in a timed stage no epoch is undone",
        )
    return after_timed_epoch(state, dev.cross_entropy)


def _epoch_record(
    epoch: int, plan: TrainingPlan, newbob: NewbobState, train: FrameMetrics, dev: FrameMetrics
) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "temperature": None if plan.distillation is None else plan.stage_of_epoch(epoch).temperature,
        "learning_rate": newbob.learning_rate,
        **{f"train_{name}": value for name, value in asdict(train).items()},
        "dev_cross_entropy": dev.cross_entropy,
        "dev_frame_accuracy": dev.frame_accuracy,
    }


def _utterance_hard_weights(plan: TrainingPlan, epoch: int) -> Float32[Tensor, " utts"] | None:
    if plan.distillation is None:
        return None
    weights = plan.distillation.rule.utterance_hard_weights(
        plan.train.inputs.utt_ids, seed=plan.seed, epoch=epoch
    )
    return weights.to(plan.train.pdf_ali.device)
