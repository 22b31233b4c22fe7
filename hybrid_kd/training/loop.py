"""The training loop: epochs over a permutation of frames, validation, the schedule, checkpoints.

One epoch is ``train_epoch``; what is decided between epochs is in newbob.py and in the temperature schedule.
Several students are trained side by side as one is: those that have come equally far share each minibatch.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from hybrid_kd.distill.mixing import MixedLabels, mixed_cross_entropy
from hybrid_kd.distill.teachers import TeacherLabels
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.log_file import about_directory
from hybrid_kd.network.dnn import Dnn, DropoutDraws
from hybrid_kd.progress import track
from hybrid_kd.seeds import torch_generator
from hybrid_kd.training.averaging import best_epochs, forget_epochs, keep_epoch, mean_of_epochs
from hybrid_kd.training.checkpoint import (
    TrainingState,
    broken_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from hybrid_kd.training.cuda_graph import GraphedStep, Step
from hybrid_kd.training.distributed import ALONE, World
from hybrid_kd.training.epoch_labels import TeacherTemperatures, Temperatures, epoch_labels
from hybrid_kd.training.frame_order import frame_order
from hybrid_kd.training.judging import (
    DivergedError,
    diverged_error,
    divergence,
    judge_epoch,
    refuse_untrained,
)
from hybrid_kd.training.learner import Learner
from hybrid_kd.training.metrics import FrameMetrics, RunningMetrics
from hybrid_kd.training.newbob import NewbobState
from hybrid_kd.training.plan import TrainingPlan
from hybrid_kd.training.run_log import log_average, log_epoch, write_records
from hybrid_kd.training.stack_learner import StackLearner, joined

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 4096
CHECKPOINT = "checkpoint.safetensors"


@dataclass(eq=False)
class Training:
    """A student in training, with the directory of its checkpoint and records.

    is_named: whether its name stands in its log messages, since others train beside it. is_retrained: whether
    all of it was trained before (--init).
    """

    learner: Learner
    plan: TrainingPlan
    directory: Path
    is_named: bool = False
    is_retrained: bool = False

    def begin(self) -> TrainingState:
        """The state to go on from: that of the checkpoint, or before the first epoch.

        Raises: HybridKdError if the checkpoint is broken or of another network, or the loss not finite.
        """
        learner, path = self.learner, self.directory / CHECKPOINT
        checkpoint = learner.world.by_first(lambda: load_checkpoint(path) if path.is_file() else None)
        if checkpoint is not None:
            state, tensors = checkpoint
            try:
                learner.load(tensors)
            except RuntimeError as error:
                raise broken_checkpoint(path, error) from error
            about = about_directory(self.directory)
            logger.info("%s: continuing after epoch %d", self.directory, state.epoch, extra=about)
            return state
        dev = evaluate(learner.network, self.plan.dev, world=learner.world)
        if not math.isfinite(dev.cross_entropy):
            raise HybridKdError.at(
                self.directory,
                f"the dev cross-entropy is {dev.cross_entropy} before the first epoch",
                fix="check the values of the features and, where it is given, the network of --init",
            )
        record: dict[str, Any] = {
            "epoch": 0,
            "dev_cross_entropy": dev.cross_entropy,
            "dev_frame_accuracy": dev.frame_accuracy,
        }
        log_epoch(record, self.directory, is_named=self.is_named)
        return TrainingState(0, NewbobState(self.plan.newbob.learning_rate, dev.cross_entropy), (record,))

    def keep(self, state: TrainingState) -> None:
        """Write the state, as that of the learner."""
        if self.learner.world.is_first:
            tensors, best = self.learner.state(), self._averaged_epochs(state)
            if state.epoch in best:
                keep_epoch(self.directory, state.epoch, tensors)
            save_checkpoint(self.directory / CHECKPOINT, state, tensors)
            write_records(self.directory, state.records)
            forget_epochs(self.directory, but=best)
        log_epoch(state.records[-1], self.directory, is_named=self.is_named)

    def end(self, state: TrainingState) -> None:
        """Take the mean of the best epochs, if that is asked for; its dev metrics join the last record.

        Raises: HybridKdError if no epoch of a new network was accepted.
        """
        refuse_untrained(
            self.directory,
            state.records,
            is_retrained=self.is_retrained,
            learning_rate=self.plan.newbob.learning_rate,
        )
        epochs = self._averaged_epochs(state)
        if not epochs or not self.learner.world.is_first:
            return
        self.learner.load(mean_of_epochs(self.directory, epochs))
        dev = evaluate(self.learner.network, self.plan.dev)
        metrics = {"dev_cross_entropy": dev.cross_entropy, "dev_frame_accuracy": dev.frame_accuracy}
        last = state.records[-1] | {"average": {"epochs": epochs, **metrics}}
        write_records(self.directory, (*state.records[:-1], last))
        log_average(last["average"], self.directory, is_named=self.is_named)

    def _averaged_epochs(self, state: TrainingState) -> list[int]:
        return best_epochs(state.records, self.plan.average) if self.plan.average > 1 else []


def train(trainings: Sequence[Training]) -> Iterator[Training]:
    """Train until newbob stops each, continuing from checkpoints; yield each when it has ended.

    Then its learner holds the accepted network, or the mean of the best. Students that have come equally far
    learn together.

    Raises: HybridKdError, when the others have ended, if some diverged or no epoch of theirs was accepted.
    """
    states = {training: training.begin() for training in trainings}
    teacher, failures = TeacherTemperatures(), list[HybridKdError]()
    while True:
        for training in [training for training, state in states.items() if state.newbob.finished]:
            try:
                training.end(states.pop(training))
            except HybridKdError as error:
                failures.append(error)
            else:
                yield training
        if not states:
            break
        epoch = 1 + min(state.epoch for state in states.values())
        together = {training: state for training, state in states.items() if state.epoch == epoch - 1}
        for training, outcome in _train_together(together, epoch, teacher).items():
            if isinstance(outcome, HybridKdError):
                del states[training]
                failures.append(outcome)
            else:
                states[training] = outcome
    if failures:
        raise HybridKdError("\n".join(map(str, failures))) from failures[0]


def train_epoch(
    learner: Learner | StackLearner,
    plans: Sequence[TrainingPlan],
    epoch: int,
    teacher_labels: Mapping[Temperatures, TeacherLabels],
) -> list[FrameMetrics]:
    """One pass over the training frames in a seeded order; of each minibatch a process takes its rows.

    The plans' students are those of the learner. They share data and order; labels are by temperature. Until
    the epoch ends the host waits for nothing.
    """
    frames, network = plans[0].train, learner.network
    device = frames.pdf_ali.device
    metrics = RunningMetrics(device, learner.students)
    labels = epoch_labels(plans, epoch, teacher_labels, students=learner.students)
    size = learner.options.minibatch_size
    rows = learner.world.rows(size)
    dropout = [torch_generator(plan.seed, "dropout", epoch=epoch, device=device.type) for plan in plans]
    draws = [DropoutDraws(generator, size, rows) for generator in dropout]
    order = frame_order(
        frames.inputs,
        seed=plans[0].order_seed,
        epoch=epoch,
        randomizer_size=plans[0].randomizer_size,
    )
    what = f"epoch {epoch}" if len(plans) == 1 else f"epoch {epoch} of {len(plans)} students"

    def step(frame_index: Int64[Tensor, " batch"]) -> None:
        spliced = frames.inputs.spliced(frame_index)
        learner.step(spliced, labels.of_frames(frame_index), metrics, dropout_draws=draws)

    network.train()
    take_step: Step = GraphedStep(step, dropout) if plans[0].cuda_graph else step
    for minibatch in track(full_minibatches(order, size), total=frames.num_frames // size, what=what):
        take_step(minibatch[rows])
    return metrics.means(learner.world)


def full_minibatches(order: Int64[Tensor, " frames"], size: int) -> Iterator[Int64[Tensor, " batch"]]:
    """Cut into minibatches; frames left over below a full one are dropped, as in Kaldi's nnet1."""
    yield from order[: len(order) // size * size].split(size)  # type: ignore[no-untyped-call]


@torch.no_grad()
def evaluate(network: Dnn, frames: LabelledFrames, *, world: World = ALONE) -> FrameMetrics:
    """Cross-entropy and frame accuracy with the reference labels, over all frames, without dropout."""
    network.eval()
    device = frames.pdf_ali.device
    metrics = RunningMetrics(device)
    own = torch.arange(frames.num_frames, device=device)[world.rows(frames.num_frames)]
    for frame_index in own.split(EVALUATION_BATCH):  # type: ignore[no-untyped-call]
        logits = network(frames.inputs.spliced(frame_index))
        pdf_ali = frames.pdf_ali[frame_index]
        loss, hard_loss = mixed_cross_entropy(logits, MixedLabels(pdf_ali))
        metrics.add(logits, pdf_ali, loss, hard_loss)
    (means,) = metrics.means(world)
    return means


def _train_together(
    states: Mapping[Training, TrainingState], epoch: int, labels: TeacherTemperatures
) -> dict[Training, TrainingState | HybridKdError]:
    """One epoch of all, each judged by itself: its state after it, or why it cannot go on."""
    plans = [training.plan for training in states]
    teacher_labels = labels.of_epoch(plans, epoch)
    before = [training.learner.state() for training in states]
    start = time.monotonic()
    for training, state in states.items():
        training.learner.set_learning_rate(state.newbob.learning_rate)
    learner = joined([training.learner for training in states])
    train_metrics = train_epoch(learner, plans, epoch, teacher_labels)
    dev_metrics = [
        evaluate(training.learner.network, training.plan.dev, world=learner.world) for training in states
    ]
    shared = {"seconds": round((time.monotonic() - start) / len(plans), 2)}
    if len(plans) > 1:
        shared["students"] = len(plans)
    outcomes: dict[Training, TrainingState | HybridKdError] = {}
    for training, old, train_, dev in zip(states, before, train_metrics, dev_metrics, strict=True):
        state = states[training]
        try:
            newbob = judge_epoch(
                state.newbob,
                dev.cross_entropy,
                training.plan.newbob,
                is_timed=training.plan.is_timed(epoch),
                diverged=divergence(train_, dev, training.learner.network),
            )
        except DivergedError as error:
            outcomes[training] = diverged_error(training.directory, epoch, error)
            continue
        if not newbob.accepted:
            training.learner.load(old)
        record = _epoch_record(epoch, training.plan, state.newbob, train_, dev)
        record |= {"accepted": newbob.accepted} | shared
        outcomes[training] = state = TrainingState(epoch, newbob, (*state.records, record))
        training.keep(state)
    return outcomes


def _epoch_record(
    epoch: int, plan: TrainingPlan, newbob: NewbobState, train: FrameMetrics, dev: FrameMetrics
) -> dict[str, Any]:
    return {
        "epoch": epoch,
        **_temperatures(plan.temperatures_of_epoch(epoch)),
        "learning_rate": newbob.learning_rate,
        **{f"train_{name}": value for name, value in asdict(train).items()},
        "dev_cross_entropy": dev.cross_entropy,
        "dev_frame_accuracy": dev.frame_accuracy,
    }


def _temperatures(of_teachers: tuple[float, ...]) -> dict[str, Any]:
    """That of all teachers, or those of each where they differ."""
    if len(set(of_teachers)) > 1:
        return {"temperature": None, "teacher_temperatures": list(of_teachers)}
    return {"temperature": of_teachers[0] if of_teachers else None}
