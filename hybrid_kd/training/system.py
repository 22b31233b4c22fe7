"""From options to a trained system in its directory."""

import logging

import torch

from hybrid_kd.frames.normalisation import estimate_normalisation
from hybrid_kd.log_file import log_to_file
from hybrid_kd.network.device import choose_device
from hybrid_kd.network.dnn import Dnn, num_parameters
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.network.rbm import RbmOptions
from hybrid_kd.training.inputs import (
    Inputs,
    build_distillation,
    load_initial_network,
    load_inputs,
    network_shape,
    splice_of,
)
from hybrid_kd.training.learner import OUTPUT_BIAS_LEARN_RATE_COEF, Learner, SgdOptions
from hybrid_kd.training.loop import TrainingPlan, train
from hybrid_kd.training.newbob import NewbobOptions
from hybrid_kd.training.options import TrainOptions, check_options
from hybrid_kd.training.pretraining import pretrain
from hybrid_kd.training.run_directory import begin, check_begun_with, finish

logger = logging.getLogger(__name__)


def train_system(options: TrainOptions) -> None:
    """Train what ``options`` describe into ``options.out``; continue there if it was begun.

    Everything is read and checked before anything is written.

    Raises: HybridKdError for bad options or inputs, or if ``out`` was begun with others.
    """
    check_options(options)
    check_begun_with(options)
    torch.set_float32_matmul_precision(options.matmul_precision)
    inputs = load_inputs(options, device=choose_device(options.device, options.num_threads))
    distillation = build_distillation(options, inputs)
    initial = load_initial_network(options, network_shape(options, inputs))
    begin(options, inputs)
    if (options.out / FINAL).is_file():
        logger.info("%s: already trained", options.out)
        return
    with log_to_file(options.out / "log" / "train.log"):
        network = _new_network(options, inputs) if initial is None else initial
        network.to(inputs.train.pdf_ali.device)
        logger.info("%s: %s", options.out, _description(network, inputs))
        if options.pretrain == "rbm":
            rbm_options = _rbm_options(options)
            pretrain(network, inputs.train.inputs, rbm_options, seed=options.seed, directory=options.out)
        learner = Learner(network, _sgd_options(options))
        plan = TrainingPlan(
            inputs.train,
            inputs.dev,
            _newbob_options(options),
            options.seed,
            distillation,
            options.randomizer_size,
        )
        train(learner, plan, options.out)
        finish(options.out, network, splice_of(options))


def _new_network(options: TrainOptions, inputs: Inputs) -> Dnn:
    network = Dnn(network_shape(options, inputs))
    initialise(network, seed=options.seed)
    network.set_normalisation(estimate_normalisation(inputs.train.inputs))
    return network


def _description(network: Dnn, inputs: Inputs) -> str:
    frames = f"{inputs.train.num_frames} training and {inputs.dev.num_frames} dev frames"
    return f"{num_parameters(network)} parameters, {frames}, on {inputs.train.pdf_ali.device}"


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
