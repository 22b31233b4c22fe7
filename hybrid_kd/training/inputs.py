"""What a training reads: frames and alignments, a teacher, a network to start from; all checked together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.distill.label_store import read_label_store
from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.teachers import RunningTeacher, StoredTeacher, Teacher
from hybrid_kd.distill.temperature_schedule import parse_temperature_schedule
from hybrid_kd.distill.views import (
    MatchedView,
    View,
    match_view,
    read_utt_map,
    view_of_features,
    view_of_store,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.frames.labelled import LabelledFrames, Splice, load_features, load_labelled_frames
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.model_dir import load_model, load_networks
from hybrid_kd.training.options import TrainOptions
from hybrid_kd.training.plan import Distillation


@dataclass(frozen=True)
class Inputs:
    """Training and dev frames of one tree, and a teacher of the training frames."""

    train: LabelledFrames
    dev: LabelledFrames
    num_pdfs: int
    teacher: Teacher | None = None


def load_inputs(options: TrainOptions, *, device: torch.device) -> Inputs:
    """Read both data sets with their alignments, and the teacher, onto the device.

    Training utterances that the teacher has no labels of are left out.

    Raises: HybridKdError if they are of different trees or dimensions, or too many utterances are bad.
    """
    (inputs,) = load_shared_inputs((options,), device=device)
    return inputs


def load_shared_inputs(systems: Sequence[TrainOptions], *, device: torch.device) -> list[Inputs]:
    """Read once what systems share that train together; those with a teacher have the same one.

    Raises: HybridKdError as load_inputs; or if the teacher has no labels of some utterances, which students
    without a teacher would see if they were trained alone.
    """
    plain = _load_frames(systems[0], device=device)
    taught = next((options for options in systems if has_teacher(options)), None)
    inputs = plain if taught is None else _with_teacher(taught, plain)
    for options in systems:
        if not has_teacher(options) and inputs.train.num_frames < plain.train.num_frames:
            raise HybridKdError.at(
                options.out,
                "has no teacher, and that of the students beside it lacks labels of some training utterances",
                fix="train it alone, or label all of the training data",
            )
    if (size := systems[0].minibatch_size) > inputs.train.num_frames:
        raise HybridKdError.at("--minibatch-size", f"{size} is more than all training frames", fix="lower it")
    return [inputs if has_teacher(options) else replace(inputs, teacher=None) for options in systems]


def has_teacher(options: TrainOptions) -> bool:
    """Whether a teacher is asked for."""
    return options.teacher is not None or options.teacher_labels is not None


def _load_frames(options: TrainOptions, *, device: torch.device) -> Inputs:
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
    if inputs.teacher is None:
        return None
    for stage in stages:
        inputs.teacher.check_temperature(stage.temperature)
    return Distillation(
        inputs.teacher, MixingRule(options.mixing, options.hard_weight, options.sd_draw), stages
    )


def _with_teacher(options: TrainOptions, inputs: Inputs) -> Inputs:
    if options.teacher_labels is not None:
        store = read_label_store(options.teacher_labels)
        _check_num_pdfs(options, store.header.num_pdfs, inputs.num_pdfs)
        matched = _match(options, inputs, view_of_store(store))
        rows, device = matched.row_of_frame, inputs.train.pdf_ali.device
        teacher: Teacher = StoredTeacher(store, rows, options.prune_below, device)
    elif options.teacher is not None:
        model = load_model(options.teacher, device=inputs.train.pdf_ali.device)
        _check_num_pdfs(options, model.num_pdfs, inputs.num_pdfs)
        data = options.teacher_data or options.train_data
        features = _teacher_features(options, inputs, model.splice)
        model.check_features(data, features)
        matched = _match(options, inputs, view_of_features(data, features))
        teacher = RunningTeacher(model, features, matched.row_of_frame.to(model.device), options.prune_below)
    else:
        return inputs
    return replace(inputs, train=inputs.train.select(matched.num_frames), teacher=teacher)


def _match(options: TrainOptions, inputs: Inputs, view: View) -> MatchedView:
    utt_map = None if options.utt_map is None else read_utt_map(options.utt_map)
    return match_view(inputs.train.inputs, view, utt_map=utt_map, frame_tolerance=options.frame_tolerance)


def _teacher_features(options: TrainOptions, inputs: Inputs, splice: Splice) -> SplicedFeatures:
    """What a teacher on the fly sees, with as many frames around each as it was trained with."""
    if options.teacher_data is None:
        return replace(inputs.train.inputs, **vars(splice))
    return load_features(options.teacher_data, splice=splice).to(inputs.train.pdf_ali.device)


def _check_num_pdfs(options: TrainOptions, found: int, expected: int) -> None:
    if found != expected:
        raise HybridKdError.at(
            str(options.teacher or options.teacher_labels),
            f"the teacher has {found} pdfs, the alignments {expected}",
            fix="use a teacher that was trained on alignments of the same tree",
        )
