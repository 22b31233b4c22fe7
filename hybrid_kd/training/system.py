"""From options to a trained system in its directory."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from hybrid_kd.distill.noise import MAX_DRAWS
from hybrid_kd.errors import HybridKdError
from hybrid_kd.log_file import about_directory, log_to_file
from hybrid_kd.network.device import choose_device
from hybrid_kd.network.dnn import Dnn, num_parameters
from hybrid_kd.network.initialisation import OUTPUT_BIAS_LEARN_RATE_COEF, initialise, new_uncertainty_head
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.network.rbm import RbmOptions
from hybrid_kd.training.distributed import World, joined_world, local_rank
from hybrid_kd.training.inputs import (
    Inputs,
    build_distillation,
    load_initial_network,
    load_shared_inputs,
    network_shape,
    splice_of,
)
from hybrid_kd.training.learner import Learner, SgdOptions
from hybrid_kd.training.loop import Training, train
from hybrid_kd.training.newbob import NewbobOptions
from hybrid_kd.training.options import TrainOptions, check_options, order_seed
from hybrid_kd.training.plan import Distillation, TrainingPlan, Uncertainty
from hybrid_kd.training.pretraining import pretrain
from hybrid_kd.training.run_directory import begin, check_begun_with, finish
from hybrid_kd.training.together import check_same_normalisation, check_together

logger = logging.getLogger(__name__)


def train_system(options: TrainOptions) -> None:
    """Train what ``options`` describe into ``options.out``; continue there if it was begun.

    Everything is read and checked before anything is written. Under torchrun all its processes train it.

    Raises: HybridKdError for bad options or inputs, or if ``out`` was begun with others.
    """
    train_together((options,))


def train_together(systems: Sequence[TrainOptions]) -> None:
    """Train several students side by side on the same minibatches, each as if it were alone (train_system).

    Raises: HybridKdError as train_system, or if they cannot be trained together; if some diverge, when the
    others are trained.
    """
    for options in systems:
        check_options(options)
    check_together(systems)
    device = choose_device(systems[0].device, systems[0].num_threads, local_rank=local_rank())
    with joined_world(device) as world:
        _check_cuda_graph(systems[0], world, device)
        _train_in(world, systems, device)


def _train_in(world: World, systems: Sequence[TrainOptions], device: torch.device) -> None:
    if world.is_first:
        for options in systems:
            check_begun_with(options)
    torch.set_float32_matmul_precision(systems[0].matmul_precision)
    prepared = [
        _Prepared(
            options,
            inputs,
            build_distillation(options, inputs),
            _uncertainty(options, inputs),
            load_initial_network(options, network_shape(options, inputs)),
        )
        for options, inputs in zip(systems, load_shared_inputs(systems, device=device), strict=True)
    ]
    for system in prepared:
        begin(system.options, system.inputs, world)
    left = [system for system in prepared if not _is_trained(system.options, world)]
    with ExitStack() as logs:
        for out in [system.options.out for system in left if world.is_first]:
            logs.enter_context(log_to_file(out / "log" / "train.log", directory=out))
        trainings = {
            _training(system, world, device, is_named=len(left) > 1): system.options for system in left
        }
        check_same_normalisation(list(trainings))
        for training in train(list(trainings)):
            if world.is_first:
                finish(training.directory, training.learner.network, splice_of(trainings[training]))


def _check_cuda_graph(options: TrainOptions, world: World, device: torch.device) -> None:
    if options.cuda_graph and (device.type != "cuda" or world.size > 1):
        problem = f"steps on {device.type} are not launched as a whole"
        if world.size > 1:
            problem = f"{world.size} processes share each step"
        raise HybridKdError.at("--cuda-graph", problem, fix="leave it out, or train in one process on a GPU")


@dataclass(frozen=True)
class _Prepared:
    """A system with what was read for it. initial: the network of --init."""

    options: TrainOptions
    inputs: Inputs
    distillation: Distillation | None
    uncertainty: Uncertainty | None
    initial: Dnn | None


def _is_trained(options: TrainOptions, world: World) -> bool:
    is_trained = world.by_first((options.out / FINAL).is_file)
    if is_trained:
        logger.info("%s: already trained", options.out)
    return is_trained


def _training(system: _Prepared, world: World, device: torch.device, *, is_named: bool) -> Training:
    """The system where its training begins, after pretraining."""
    options, inputs = system.options, system.inputs
    network = _new_network(options, inputs) if system.initial is None else system.initial
    is_retrained = system.initial is not None
    if options.uncertainty and network.uncertainty is None:
        network.uncertainty = new_uncertainty_head(network, options.uncertainty_activation, seed=options.seed)
        is_retrained = False
    network.to(device)
    description, about = _description(network, inputs, world), about_directory(options.out)
    logger.info("%s: %s", options.out, description, extra=about)
    network.load_state_dict(world.by_first(lambda: _start_of(network, options, inputs)))
    plan = TrainingPlan(
        inputs.train,
        inputs.dev,
        _newbob_options(options),
        options.seed,
        order_seed(options),
        system.distillation,
        options.randomizer_size,
        options.label_smoothing,
        system.uncertainty,
        options.average,
        options.cuda_graph,
    )
    learner = Learner(network, _sgd_options(options), world)
    return Training(learner, plan, options.out, is_named, is_retrained)


def _new_network(options: TrainOptions, inputs: Inputs) -> Dnn:
    network = Dnn(network_shape(options, inputs))
    initialise(network, seed=options.seed)
    network.set_normalisation(inputs.train.normalisation)
    return network


def _start_of(network: Dnn, options: TrainOptions, inputs: Inputs) -> dict[str, Tensor]:
    """The network's state after pretraining, if that is asked for."""
    if options.pretrain == "rbm":
        rbm_options = _rbm_options(options)
        pretrain(network, inputs.train.inputs, rbm_options, seed=options.seed, directory=options.out)
    return {name: value.cpu() for name, value in network.state_dict().items()}


def _description(network: Dnn, inputs: Inputs, world: World) -> str:
    frames = f"{inputs.train.num_frames} training and {inputs.dev.num_frames} dev frames"
    processes = f" in {world.size} processes" if world.size > 1 else ""
    return f"{num_parameters(network)} parameters, {frames}, on {inputs.train.pdf_ali.device}{processes}"


def _uncertainty(options: TrainOptions, inputs: Inputs) -> Uncertainty | None:
    if not options.uncertainty:
        return None
    if (number := options.uncertainty_samples * inputs.num_pdfs) > MAX_DRAWS:
        raise HybridKdError.at(
            "--uncertainty-samples",
            f"{options.uncertainty_samples} of {inputs.num_pdfs} pdfs are {number} draws a frame",
            fix=f"give at most {MAX_DRAWS // inputs.num_pdfs}",
        )
    return Uncertainty(inputs.num_pdfs, options.uncertainty_samples, options.uncertainty_noise)


def _rbm_options(options: TrainOptions) -> RbmOptions:
    return RbmOptions(options.rbm_iter, options.rbm_learn_rate, options.rbm_gaussian_learn_rate)


def _sgd_options(options: TrainOptions) -> SgdOptions:
    """On pretrained layers the output bias learns as fast as the rest (Kaldi), else more slowly."""
    coefficient = 1.0 if options.pretrain == "rbm" else OUTPUT_BIAS_LEARN_RATE_COEF
    return SgdOptions(options.minibatch_size, options.momentum, options.l2_penalty, coefficient)


def _newbob_options(options: TrainOptions) -> NewbobOptions:
    return NewbobOptions(
        options.learning_rate,
        options.max_iters,
        options.min_iters,
        options.start_halving_impr,
        options.end_halving_impr,
        options.halving_factor,
    )
