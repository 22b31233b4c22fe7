"""Stacked networks: each computes, passes gradients and learns as it does alone."""

import copy
from collections.abc import Sequence

import pytest
import torch

from hybrid_kd.distill.labels import SparsePosteriors
from hybrid_kd.distill.mixing import MixedLabels
from hybrid_kd.network.affine import Affine
from hybrid_kd.network.dnn import Dnn, DropoutDraws, NetworkShape
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.network.stack import StackedAffine, StackedDnn
from hybrid_kd.training.learner import Learner, SgdOptions
from hybrid_kd.training.metrics import RunningMetrics
from hybrid_kd.training.stack_learner import StackLearner, joined

CPU = torch.device("cpu")
STUDENTS, BATCH, ENTRIES = 4, 64, 5
SHAPE = NetworkShape(60, 3, 48, 30)
RATES = {  # so high that a step is its gradient, whatever the weight was
    "equal rates": (1e3, 1e3, 1e3, 1e3),
    "own rates": (1e3, 2e3, 5e2, 1e3),
}


def networks(shape: NetworkShape) -> list[Dnn]:
    made = [Dnn(shape) for _ in range(STUDENTS)]
    for seed, network in enumerate(made):
        initialise(network, seed=seed)
        network.shift += 0.1
        network.scale *= 2.0
    return made


def minibatch() -> tuple[torch.Tensor, list[MixedLabels]]:
    """Frames, and each student's labels of them."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(BATCH, SHAPE.input_dim, generator=generator)
    pdf_ali = torch.randint(0, SHAPE.num_pdfs, (BATCH,), generator=generator)
    labels = []
    for student in range(STUDENTS):
        pdf_ids = torch.rand(BATCH, SHAPE.num_pdfs, generator=generator).argsort(dim=1)[:, :ENTRIES]
        posteriors = torch.rand(BATCH, ENTRIES, generator=generator).softmax(dim=1)
        hard_weights = torch.full((BATCH,), student / (STUDENTS - 1))
        labels.append(MixedLabels(pdf_ali, hard_weights, SparsePosteriors(pdf_ids, posteriors)))
    return frames, labels


def stacked(labels: Sequence[MixedLabels]) -> MixedLabels:
    teachers = [one.teacher for one in labels if one.teacher is not None]
    return MixedLabels(
        torch.stack([one.pdf_ali for one in labels]),
        torch.stack([one.hard_weights for one in labels if one.hard_weights is not None]),
        SparsePosteriors(
            torch.stack([teacher.pdf_ids for teacher in teachers]),
            torch.stack([teacher.posteriors for teacher in teachers]),
        ),
    )


def draws() -> list[DropoutDraws]:
    generators = [torch.Generator().manual_seed(seed) for seed in range(STUDENTS)]
    return [DropoutDraws(generator, BATCH, slice(None)) for generator in generators]


SHAPES = {
    "sigmoid": SHAPE,
    "one hidden layer": NetworkShape(60, 1, 48, 30),
    "ReLU with dropout": NetworkShape(60, 3, 48, 30, "relu", dropout=0.2),
}


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_gradients_of_a_first_step_are_those_of_each_alone(
    shape: NetworkShape, rates: Sequence[float]
) -> None:
    frames, labels = minibatch()
    together, before = networks(shape), networks(shape)
    learners = [Learner(network, SgdOptions(BATCH)) for network in together]
    for learner, rate in zip(learners, rates, strict=True):
        learner.set_learning_rate(rate)
    metrics = RunningMetrics(CPU, (STUDENTS,))
    StackLearner(learners).step(frames, stacked(labels), metrics, dropout_draws=draws())
    for student, network in enumerate(before):
        alone = Learner(copy.deepcopy(network), SgdOptions(BATCH, momentum=0.5))  # leaves its gradients
        own_metrics, own_draws = RunningMetrics(CPU), draws()[student]
        alone.step(frames, labels[student], own_metrics, dropout_draws=(own_draws,))
        torch.testing.assert_close(metrics.sums[student], own_metrics.sums, rtol=1e-6, atol=0)
        for name, parameter in alone.network.named_parameters():
            rate = rates[student] * (0.1 if name == "output.bias" else 1.0)
            gradient = parameter.grad
            assert gradient is not None
            step = network.get_parameter(name) - together[student].get_parameter(name)
            assert (step - rate * gradient).norm() <= 1e-5 * rate * gradient.norm()


def test_a_stack_gives_the_logits_of_each() -> None:
    alone = networks(SHAPE)
    frames, _ = minibatch()
    expected = [network(frames).detach() for network in alone]
    stack = StackedDnn(alone)
    with torch.no_grad():
        torch.testing.assert_close(stack.outputs(frames)[0], torch.stack(expected))
        for network, logits in zip(alone, expected, strict=True):
            torch.testing.assert_close(network(frames), logits)


def test_a_network_in_a_stack_is_a_part_of_it() -> None:
    alone = networks(SHAPE)
    stack = StackedDnn(alone)
    state = {name: torch.full_like(value, 3.0) for name, value in alone[1].state_dict().items()}
    alone[1].load_state_dict(state)
    assert (stack.output.weight[1] == 3.0).all()
    assert (stack.output.weight[0] != 3.0).all()


def test_a_network_that_is_no_number_leaves_the_others_as_they_are() -> None:
    frames, labels = minibatch()
    steps = []
    for poisoned in (False, True):
        together = networks(SHAPE)
        if poisoned:
            together[0].hidden_layers[0].affine.weight.data.fill_(torch.nan)
        learners = [Learner(network, SgdOptions(BATCH)) for network in together]
        for learner in learners:
            learner.set_learning_rate(0.01)
        StackLearner(learners).step(frames, stacked(labels), RunningMetrics(CPU, (STUDENTS,)))
        steps.append(together)
    assert steps[1][0].output.weight.isnan().all()
    for ours, theirs in zip(steps[0][1:], steps[1][1:], strict=True):
        for name, parameter in ours.named_parameters():
            torch.testing.assert_close(parameter, theirs.get_parameter(name))


def test_a_learner_goes_on_alone_where_the_stack_ended() -> None:
    frames, labels = minibatch()
    learners = [Learner(network, SgdOptions(BATCH)) for network in networks(SHAPE)]
    for learner in learners:
        learner.set_learning_rate(0.01)
    joined(learners).step(frames, stacked(labels), RunningMetrics(CPU, (STUDENTS,)))
    first = learners[0]
    assert joined([first]) is first
    copied = Learner(copy.deepcopy(first.network), first.options)
    copied.set_learning_rate(0.01)
    others = [learner.state() for learner in learners[1:]]
    for learner in (first, copied):
        learner.step(frames, labels[0], RunningMetrics(CPU))
    for name, value in first.state().items():  # a stack's part lies elsewhere in memory than a copy
        torch.testing.assert_close(copied.state()[name], value)
    for learner, state in zip(learners[1:], others, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in learner.state().items())


def test_a_stacked_layer_without_gradient_does_not_learn() -> None:
    learning = [Affine(7, 5) for _ in range(2)]
    for affine in learning:
        affine.learning_rates = (0.1, 0.1)
    layer = StackedAffine(learning)
    before = copy.deepcopy(layer.state_dict())
    with torch.no_grad():
        layer(torch.randn(3, 7))
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
