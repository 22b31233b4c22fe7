"""Which systems can be trained side by side on the same minibatches."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch

from hybrid_kd.errors import HybridKdError
from hybrid_kd.training.distributed import local_rank
from hybrid_kd.training.inputs import has_teacher
from hybrid_kd.training.loop import Training
from hybrid_kd.training.options import TrainOptions, order_seed

EACH_ITS_OWN = frozenset(
    {
        *("out", "config", "num_threads", "init", "seed", "order_seed"),
        *("mixing", "hard_weight", "soft_weight", "sd_draw", "temperatures", "teacher_temperatures"),
        *("uncertainty_weight", "uncertainty_noise", "average"),
        *("learning_rate", "max_iters", "min_iters"),
        *("start_halving_impr", "end_halving_impr", "halving_factor"),
    }
)
OF_THE_TEACHER = (
    *("teacher", "teacher_labels", "teacher_weights", "teacher_data", "utt_map"),
    *("prune_below", "teacher_prune_below"),
)
NOT_TOGETHER = ("momentum", "l2_penalty", "batch_norm")
ALONE = "train it alone, with hybrid-kd train"


def shared_options(options: TrainOptions) -> dict[str, Any]:
    """What students that are trained together have in common: all options but those of each its own.

    Those of the teacher are None where there is none; such a student goes with any.
    """
    shared = {
        option.name: getattr(options, option.name)
        for option in fields(options)
        if option.name not in EACH_ITS_OWN
    }
    if not has_teacher(options):
        shared |= dict.fromkeys(OF_THE_TEACHER)
    return shared | {"order_seed": order_seed(options)}


def check_together(systems: Sequence[TrainOptions]) -> None:
    """Raises: HybridKdError if they cannot be trained together; one system always can."""
    if not systems:
        raise HybridKdError.at("train-together", "there is no system to train", fix="name one or more")
    if len(systems) == 1:
        return
    if local_rank() is not None:
        raise HybridKdError.at(
            "train-together under torchrun",
            "students that share their minibatches are trained by one process",
            fix="start it without torchrun, or train them one after the other with torchrun",
        )
    if len({options.out.resolve() for options in systems}) < len(systems):
        raise HybridKdError.at("train-together", "two systems have one directory", fix="give each its own")
    with_teacher = [options for options in systems if has_teacher(options)]
    first = shared_options((with_teacher or systems)[0])
    for options in systems:
        for name in NOT_TOGETHER:
            if value := getattr(options, name):
                problem = f"--{name.replace('_', '-')} ({value}) is not for students that train together"
                raise HybridKdError.at(options.out, problem, fix=ALONE)
        _refuse_differences(options, first)


def check_same_normalisation(trainings: Sequence[Training]) -> None:
    """Raises: HybridKdError if networks of --init were made for other training data."""
    for training in trainings[1:]:
        mine, first = training.learner.network, trainings[0].learner.network
        if not (torch.equal(mine.shift, first.shift) and torch.equal(mine.scale, first.scale)):
            raise HybridKdError.at(
                training.directory,
                f"its network normalises frames otherwise than that of {trainings[0].directory}, so that they"
                " cannot share their input",
                fix=f"{ALONE}: one of them begins with a network (--init) that was made on other data",
            )


def _refuse_differences(options: TrainOptions, first: dict[str, Any]) -> None:
    ignored = () if has_teacher(options) else OF_THE_TEACHER
    for name, value in shared_options(options).items():
        if name not in ignored and value != first[name]:
            flag = "--" + name.replace("_", "-")
            fix = f"{ALONE}, or beside others like it"
            if name == "order_seed":
                fix = f"give all of them the same {flag}, which is --seed where it is not given"
            raise HybridKdError.at(
                options.out, f"{flag} is {value}, that of a student beside it {first[name]}", fix=fix
            )
