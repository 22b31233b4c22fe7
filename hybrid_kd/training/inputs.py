"""What a training reads: frames and alignments, a teacher, a network to start from; all checked together."""

from dataclasses import dataclass

import numpy as np
import torch

from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.distill.label_store import read_label_store
from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.teachers import RunningTeacher, StoredTeacher, Teacher, match_store
from hybrid_kd.distill.temperature_schedule import parse_temperature_schedule
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import LabelledFrames, Splice, load_labelled_frames
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.model_dir import load_model, load_networks
from hybrid_kd.training.loop import Distillation
from hybrid_kd.training.options import TrainOptions


@dataclass(frozen=True)
class Inputs:
    """Training and dev frames of one tree."""

    train: LabelledFrames
    dev: LabelledFrames
    num_pdfs: int


def load_inputs(options: TrainOptions, *, device: torch.device) -> Inputs:
    """Read both data sets with their alignments onto the device.

    Raises: HybridKdError if they are of different trees or dimensions, or too many utterances are bad.
    """
    transition_model = read_transition_model(options.train_ali / "final.mdl")
    dev_model = read_transition_model(options.dev_ali / "final.mdl")
    if not np.array_equal(transition_model.transition_id_to_pdf_id, dev_model.transition_id_to_pdf_id):
        raise HybridKdError.at(
            options.dev_ali / "final.mdl",
            f"is of another tree ({dev_model.num_pdfs} pdfs) than {options.train_ali / 'final.mdl'}"
            f" ({transition_model.num_pdfs} pdfs)",
            fix="align train and dev with the same model",
        )
    train, dev = (
        load_labelled_frames(
            data, ali, transition_model, splice=splice_of(options), frame_tolerance=options.frame_tolerance
        )
        for data, ali in ((options.train_data, options.train_ali), (options.dev_data, options.dev_ali))
    )
    if train.inputs.input_dim != dev.inputs.input_dim:
        raise HybridKdError.at(
            options.dev_data,
            f"features have {dev.inputs.features.shape[1]} coefficients, those of"
            f" {options.train_data} have {train.inputs.features.shape[1]}",
            fix="make both in the same way",
        )
    if options.minibatch_size > train.num_frames:
        raise HybridKdError.at(
            "--minibatch-size", f"{options.minibatch_size} is more than all training frames", fix="lower it"
        )
    return Inputs(train.to(device), dev.to(device), transition_model.num_pdfs)


def splice_of(options: TrainOptions) -> Splice:
    """The context that the options ask for."""
    return Splice(options.left_context, options.right_context)


def network_shape(options: TrainOptions, inputs: Inputs) -> NetworkShape:
    """The network that options and data ask for."""
    return NetworkShape(
        inputs.train.inputs.input_dim,
        options.hidden_layers,
        options.hidden_dim,
        inputs.num_pdfs,
        options.activation,
        options.batch_norm,
        options.dropout,
    )


def load_initial_network(options: TrainOptions, shape: NetworkShape) -> Dnn | None:
    """The network of --init, or None.

    Raises: HybridKdError if it is another network than the options ask for (dropout may differ).
    """
    if options.init is None:
        return None
    networks, splice = load_networks(options.init)
    if len(networks) > 1:
        raise HybridKdError.at(options.init, "is an ensemble", fix="retrain one of its members")
    found, wanted = vars(networks[0].shape) | vars(splice), vars(shape) | vars(splice_of(options))
    different = [name for name in wanted if name != "dropout" and found[name] != wanted[name]]
    if different:
        raise HybridKdError.at(
            options.init,
            "is another network: "
            + ", ".join(f"{name} {found[name]}, not {wanted[name]}" for name in different),
            fix="give the options of its config.yaml, and features and alignments alike",
        )
    network = Dnn(shape)
    network.load_state_dict(networks[0].state_dict())
    return network


def build_distillation(options: TrainOptions, inputs: Inputs) -> Distillation | None:
    """The teacher, the mixing and the temperatures; None without a teacher.

    Raises: HybridKdError if the teacher does not fit the data, or has no labels at a planned temperature.
    """
    stages = parse_temperature_schedule(options.temperatures)
    teacher = _build_teacher(options, inputs)
    if teacher is None:
        return None
    for stage in stages:
        teacher.check_temperature(stage.temperature)
    return Distillation(teacher, MixingRule(options.mixing, options.hard_weight, options.sd_draw), stages)


def _build_teacher(options: TrainOptions, inputs: Inputs) -> Teacher | None:
    device = inputs.train.pdf_ali.device
    if options.teacher_labels is not None:
        store = read_label_store(options.teacher_labels)
        _check_num_pdfs(options, store.header.num_pdfs, inputs.num_pdfs)
        return StoredTeacher(store, match_store(store, inputs.train.inputs), options.prune_below, device)
    if options.teacher is not None:
        model = load_model(options.teacher, device=device)
        _check_num_pdfs(options, model.num_pdfs, inputs.num_pdfs)
        model.check_features(options.train_data, inputs.train.inputs)
        return RunningTeacher(model, inputs.train.inputs, options.prune_below)
    return None


def _check_num_pdfs(options: TrainOptions, found: int, expected: int) -> None:
    if found != expected:
        raise HybridKdError.at(
            str(options.teacher or options.teacher_labels),
            f"the teacher has {found} pdfs, the alignments {expected}",
            fix="use a teacher that was trained on alignments of the same tree",
        )
