"""Training frames a second beside the time of the bare matrix products.

The loop is the real one (``training.loop.train_epoch``) on synthetic frames. The products are those that no
implementation can do without: forward, weight gradients and input gradients (but for the first layer's), into
memory that is there already. Both take turns, round by round, so that a busy machine slows both.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from hybrid_kd.distill.label_header import LabelStorePlan
from hybrid_kd.distill.label_store import TeacherOutputs, read_label_store, write_label_store
from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.noise import fit_noise_axes
from hybrid_kd.distill.teachers import StoredTeacher, TeacherLabels, Teachers
from hybrid_kd.distill.temperature_schedule import TemperatureStage
from hybrid_kd.distill.views import match_view, view_of_store
from hybrid_kd.frames.features import SplicedFeatures, join_utterances
from hybrid_kd.frames.labelled import LabelledFrames
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.initialisation import initialise, new_uncertainty_head
from hybrid_kd.training.epoch_labels import Temperatures
from hybrid_kd.training.learner import Learner, SgdOptions
from hybrid_kd.training.loop import train_epoch
from hybrid_kd.training.newbob import NewbobOptions
from hybrid_kd.training.plan import Distillation, TrainingPlan, Uncertainty

FEATURE_DIM = 40
UTT_FRAMES = 256
LEARNING_RATE = 1e-5
MAX_BATCHES = 200
PRUNE_BELOW = 0.01
SAMPLES, RANK = 8, 64
HARD, STORED, UNCERTAIN = "hard", "stored teacher", "stored teacher, uncertainty head"
SYSTEMS = {
    "student 4x512, 384 pdfs": NetworkShape(440, 4, 512, 384),
    "student 4x512, 1987 pdfs": NetworkShape(440, 4, 512, 1987),
    "teacher 4x1024 ReLU, 384 pdfs": NetworkShape(440, 4, 1024, 384, "relu", batch_norm=True, dropout=0.3),
    "teacher 7x2048, 1987 pdfs": NetworkShape(440, 7, 2048, 1987),
}


@dataclass(frozen=True)
class LoopSpeed:
    """frames/s of the loop and of the bare products, and the share of that limit that the loop reaches."""

    system: str
    labels: str
    frames_per_s: float
    limit_frames_per_s: float
    share_of_limit: float


def measure_training(*, minibatch_size: int, num_rounds: int, round_s: float) -> Iterator[LoopSpeed]:
    """Measure each system with hard labels and with a label store, and students with an uncertainty head too.

    A round takes about ``round_s``. The head's own products do not count among the bare ones.
    """
    for system, shape in SYSTEMS.items():
        products = BareProducts(shape, minibatch_size)
        products.run(2)
        seconds = seconds_of(lambda: products.run(2)) / 2  # noqa: B023
        num_batches = min(MAX_BATCHES, max(2, round(round_s / seconds)))
        train = synthetic_frames(num_batches * minibatch_size, shape.num_pdfs)
        for labels in (HARD, STORED, UNCERTAIN) if system.startswith("student") else (HARD, STORED):
            with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
                store = Path(directory) / "labels" if labels != HARD else None
                epoch = _epoch(shape, train, store, minibatch_size, is_uncertain=labels == UNCERTAIN)
                epoch()
                rounds = [
                    (seconds_of(epoch), seconds_of(lambda: products.run(num_batches)))  # noqa: B023
                    for _ in range(num_rounds)
                ]
            yield LoopSpeed(
                system,
                labels,
                train.num_frames / statistics.median(loop for loop, _ in rounds),
                train.num_frames / statistics.median(limit for _, limit in rounds),
                statistics.median(limit / loop for loop, limit in rounds),
            )


class BareProducts:
    """The matrix products of a step, on operands as large as the network's (what comes in stays the same)."""

    def __init__(self, shape: NetworkShape, minibatch_size: int) -> None:
        dims = [shape.input_dim, *[shape.hidden_dim] * shape.hidden_layers, shape.num_pdfs]
        self.weights = [torch.randn(out, inp) for inp, out in pairwise(dims)]
        self.weight_gradients = [torch.empty_like(weight) for weight in self.weights]
        self.activations = [torch.randn(minibatch_size, dim) for dim in dims]
        self.gradients = [torch.randn(minibatch_size, dim) for dim in dims]

    def run(self, num_batches: int) -> None:
        """Forward, then weight and input gradients from the top."""
        layers = range(len(self.weights))
        for _ in range(num_batches):
            for layer in layers:
                torch.mm(self.activations[layer], self.weights[layer].T, out=self.activations[layer + 1])
            for layer in reversed(layers):
                gradient = self.gradients[layer + 1]
                torch.mm(gradient.T, self.activations[layer], out=self.weight_gradients[layer])
                if layer:
                    torch.mm(gradient, self.weights[layer], out=self.gradients[layer])


def synthetic_frames(num_frames: int, num_pdfs: int) -> LabelledFrames:
    """Random frames in utterances of 256, random alignment."""
    generator = torch.Generator().manual_seed(0)
    num_utts = num_frames // UTT_FRAMES
    lengths = [UTT_FRAMES] * num_utts + [num_frames - UTT_FRAMES * num_utts] * (num_frames % UTT_FRAMES > 0)
    features = torch.randn(num_frames, FEATURE_DIM, generator=generator)
    inputs = join_utterances(
        [f"u{index:06d}" for index in range(len(lengths))],
        [utterance.numpy() for utterance in features.split(lengths)],  # type: ignore[no-untyped-call]
        left_context=5,
        right_context=5,
    )
    return LabelledFrames(inputs, torch.randint(0, num_pdfs, (num_frames,), generator=generator))


def _epoch(
    shape: NetworkShape,
    train: LabelledFrames,
    store: Path | None,
    minibatch_size: int,
    *,
    is_uncertain: bool,
) -> Callable[[], object]:
    network = Dnn(shape)
    initialise(network, seed=0)
    if is_uncertain:
        network.uncertainty = new_uncertainty_head(network, "softplus", seed=0)
    learner = Learner(network, SgdOptions(minibatch_size))
    learner.set_learning_rate(LEARNING_RATE)
    distillation = None
    labels: dict[Temperatures, TeacherLabels] = {}
    uncertainty = Uncertainty(shape.num_pdfs, SAMPLES, "sigma") if is_uncertain else None
    if store is not None:
        teachers = stored_teacher(store, train.inputs, shape.num_pdfs)
        rule, schedules = MixingRule("si", 0.5), ((TemperatureStage(1.0, None),),)
        distillation = Distillation(teachers, rule, schedules, uncertainty_weight=0.5 * is_uncertain)
        labels = {(1.0,): teachers.at_temperatures((1.0,))}
    plan = TrainingPlan(train, train, NewbobOptions(), 0, 0, distillation, uncertainty=uncertainty)
    return lambda: train_epoch(learner, [plan], 1, labels)


def stored_teacher(path: Path, inputs: SplicedFeatures, num_pdfs: int) -> Teachers:
    """Labels as sharp as a real teacher's: about four states a frame, 30 in the widest; and its noise."""
    generator = torch.Generator().manual_seed(1)

    def utterances() -> Iterator[TeacherOutputs]:
        for utt_id, length in zip(inputs.utt_ids, inputs.utt_offsets.diff().tolist(), strict=True):
            sharpness = 2.0 + 4.0 * torch.rand(length, 1, generator=generator)
            logits = sharpness * torch.randn(length, num_pdfs, generator=generator)
            yield TeacherOutputs(utt_id, logits, torch.rand(length, num_pdfs, generator=generator))

    axes = fit_noise_axes(torch.rand(2048, num_pdfs), RANK)
    plan = LabelStorePlan("synthetic", "", "synthetic", "", num_pdfs, (1.0,), PRUNE_BELOW, len(axes.axes))
    write_label_store(path, utterances(), plan, axes)
    store = read_label_store(path)
    row_of_frame = match_view(inputs, view_of_store(store)).row_of_frame
    return Teachers((StoredTeacher(store, row_of_frame, PRUNE_BELOW, torch.device("cpu")),), (1.0,))


def seconds_of(work: Callable[[], object]) -> float:
    """The time that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
