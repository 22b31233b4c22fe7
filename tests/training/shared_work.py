"""What test_distributed.py does alone and, through torchrun, in two processes: a step, and whole trainings.

``python -m tests.training.shared_work OUT FLAGS...`` writes OUT/gradients-<system>.safetensors (rank 0) and
trains into OUT/<system>; the flags are those of `hybrid-kd train` that all trainings share.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file
from torch import Tensor

from hybrid_kd.cli.main import main
from hybrid_kd.distill.mixing import MixedLabels
from hybrid_kd.network.dnn import Dnn, DropoutDraws, NetworkShape
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.training import run_directory, system
from hybrid_kd.training.distributed import World, joined_world
from hybrid_kd.training.inputs import load_initial_network
from hybrid_kd.training.learner import Learner, SgdOptions
from hybrid_kd.training.metrics import RunningMetrics

CPU = torch.device("cpu")
SIGMOID = NetworkShape(40, 3, 64, 50)
RELU = NetworkShape(40, 3, 64, 50, "relu", batch_norm=True, dropout=0.3)
STEPS = {"sigmoid": (SIGMOID, 256), "relu": (RELU, 255), "fewer frames than processes": (SIGMOID, 1)}


def first_gradients(shape: NetworkShape, minibatch_size: int, world: World) -> dict[str, Tensor]:
    """Gradients of a first step (float32) on a minibatch of random frames, summed over the world."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(minibatch_size, shape.input_dim, generator=generator)
    pdf_ali = torch.randint(0, shape.num_pdfs, (minibatch_size,), generator=generator)
    network = Dnn(shape)
    initialise(network, seed=0)
    learner = Learner(network.train(), SgdOptions(minibatch_size, momentum=0.5), world)
    rows = world.rows(minibatch_size)
    draws = DropoutDraws(torch.Generator().manual_seed(1), minibatch_size, rows)
    learner.step(frames[rows], MixedLabels(pdf_ali[rows]), RunningMetrics(CPU), dropout_draws=(draws,))
    return {
        name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None
    }


@contextmanager
def float64_networks() -> Iterator[None]:
    """Trainings have networks in float64; the frames stay float32, and no nnet1 file is written."""
    new_network = system._new_network

    def new_double_network(*args: Any) -> Dnn:
        return new_network(*args).double()

    def load_double_network(*args: Any) -> Dnn | None:
        network = load_initial_network(*args)
        return None if network is None else network.double()

    with (
        patch.object(system, "_new_network", new_double_network),
        patch.object(system, "load_initial_network", load_double_network),
        patch.object(run_directory, "write_feature_transform"),
    ):
        yield


def train_in_float64(args: list[str]) -> None:
    """`hybrid-kd train` with a network in float64."""
    with float64_networks():
        assert main(["train", *args]) == 0


def _run(out: Path, common: list[str], systems: dict[str, list[str]]) -> None:
    import torch.distributed as dist

    from tests.training.students import fed_newbob

    dist.init_process_group("gloo")  # one group for all that follows
    with joined_world(CPU) as world:
        for name, (shape, minibatch_size) in STEPS.items():
            gradients = first_gradients(shape, minibatch_size, world)
            if world.is_first:
                save_file(gradients, out / f"gradients-{name}.safetensors")
    with fed_newbob():
        for name, flags in systems.items():
            train_in_float64([*common, *flags, "--out", str(out / name)])
    dist.destroy_process_group()


if __name__ == "__main__":
    _run(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]))
