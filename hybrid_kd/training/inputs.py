"""What a training reads: frames and alignments, teachers, a network to start from; all checked together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from hybrid_kd.distill.mixing import MixingRule
from hybrid_kd.distill.teachers import Teachers
from hybrid_kd.distill.temperature_schedule import parse_temperature_schedule
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.alignment_model import read_alignment_model, refuse_other_model
from hybrid_kd.frames.labelled import LabelledFrames, Splice, load_labelled_frames
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.model_dir import load_networks
from hybrid_kd.network.uncertainty import load_uncertainty_head
from hybrid_kd.training.options import TrainOptions, num_teachers, teacher_temperatures
from hybrid_kd.training.plan import Distillation
from hybrid_kd.training.teachers import load_teachers


@dataclass(frozen=True)
class Inputs:
    """Training and dev frames of one tree, and teachers of the training frames."""

    train: LabelledFrames
    dev: LabelledFrames
    num_pdfs: int
    teachers: Teachers | None = None


def load_inputs(options: TrainOptions, *, device: torch.device) -> Inputs:
    """Read both data sets with their alignments, and the teachers, onto the device.

    Training utterances that a teacher has no labels of are left out.

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
    inputs = plain if taught is None else _with_teachers(taught, plain)
    for options in systems:
        if not has_teacher(options) and inputs.train.num_frames < plain.train.num_frames:
            raise HybridKdError.at(
                options.out,
                "has no teacher, and that of the students beside it lacks labels of some training utterances",
                fix="train it alone, or label all of the training data",
            )
    if (size := systems[0].minibatch_size) > inputs.train.num_frames:
        raise HybridKdError.at("--minibatch-size", f"{size} is more than all training frames", fix="lower it")
    return [inputs if has_teacher(options) else replace(inputs, teachers=None) for options in systems]


def has_teacher(options: TrainOptions) -> bool:
    """Whether a teacher is asked for."""
    return num_teachers(options) > 0


def _load_frames(options: TrainOptions, *, device: torch.device) -> Inputs:
    transition_model = read_alignment_model(options.train_ali)
    refuse_other_model(options.train_ali, transition_model, options.dev_ali)
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
    if options.uncertainty:
        network.uncertainty = load_uncertainty_head(options.init, shape.hidden_dim, shape.num_pdfs)
    return network


def build_distillation(options: TrainOptions, inputs: Inputs) -> Distillation | None:
    """The teachers, the mixing and the temperatures; None without a teacher.

    Raises: HybridKdError if a teacher lacks what is wanted of it.
    """
    schedules = tuple(map(parse_temperature_schedule, teacher_temperatures(options)))
    if inputs.teachers is None:
        parse_temperature_schedule(options.temperatures)
        return None
    distillation = Distillation(
        inputs.teachers,
        MixingRule(options.mixing, options.hard_weight, options.sd_draw, options.soft_weight),
        schedules,
        options.uncertainty_weight,
    )
    temperatures = [[stage.temperature for stage in schedule] for schedule in schedules]
    inputs.teachers.check(temperatures, distillation.wanted)
    return distillation


def _with_teachers(options: TrainOptions, inputs: Inputs) -> Inputs:
    teachers, train = load_teachers(options, inputs.train, num_pdfs=inputs.num_pdfs)
    return replace(inputs, train=train, teachers=teachers)
