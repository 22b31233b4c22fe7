"""One training in two processes: the same gradients, the same decisions, the same network as in one."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor

from hybrid_kd.cli.main import main
from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.batch_norm import BatchNorm
from hybrid_kd.network.device import choose_device
from hybrid_kd.network.dnn import Dnn, DropoutDraws, NetworkShape
from hybrid_kd.training import distributed
from hybrid_kd.training.distributed import ALONE, World, say_once
from hybrid_kd.training.inputs import load_inputs
from hybrid_kd.training.learner import Learner, SgdOptions
from hybrid_kd.training.options import TrainOptions
from hybrid_kd.training.run_directory import begin
from tests.tiny_experiment import make_tiny_experiment
from tests.training.shared_work import STEPS, first_gradients, train_in_float64
from tests.training.students import FED_RATE, FED_SHARES, assert_same_student, fed_newbob, records

ROOT = Path(__file__).resolve().parents[2]
REGULARISED = ("--activation", "relu", "--batch-norm", "--dropout", "0.2", "--momentum", "0.3")
TRAININGS: dict[str, list[str]] = {
    "hard": ["--learning-rate", str(FED_RATE), "--minibatch-size", "17"],
    "regularised": [*REGULARISED, "--l2-penalty", "1e-4", "--max-iters", "2", "--minibatch-size", "33"],
    "distilled": ["--mixing", "sd", "--temperatures", "2:1,1", "--max-iters", "2"],
    "pretrained": ["--pretrain", "rbm", "--rbm-iter", "1", "--max-iters", "1"],
    "interpolated": ["--mixing", "si", "--hard-weight", "0.3", "--max-iters", "2"],
    "uncertain": [
        *("--mixing", "si", "--uncertainty", "--uncertainty-weight", "0.5", "--label-smoothing", "0.1"),
        *("--average", "2", "--min-iters", "3", "--max-iters", "3"),
    ],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Directories of the same work by one process and by two, which torchrun starts."""
    path = tmp_path_factory.mktemp("runs")
    tiny = make_tiny_experiment(path / "tiny")
    common = tiny.train_args(path / "teacher")
    assert main(["train", *common, "--max-iters", "2", "--uncertainty"]) == 0
    label = [
        "--teacher",
        str(path / "teacher"),
        "--data",
        str(tiny.train_data),
        "--out",
        str(path / "labels"),
    ]
    assert main(["label", *label, "--temperatures", "1,2"]) == 0
    trainings = {
        name: [*flags, *(("--teacher-labels", str(path / "labels")) if "--mixing" in flags else ())]
        for name, flags in TRAININGS.items()
    }
    with fed_newbob():
        for name, flags in trainings.items():
            train_in_float64([*common, *flags, "--out", str(path / "1" / name)])
    (path / "2").mkdir()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    work = ["-m", "tests.training.shared_work", str(path / "2"), json.dumps(common), json.dumps(trainings)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, *work],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {1: path / "1", 2: path / "2"}


@pytest.mark.parametrize("name", STEPS)
def test_the_first_gradients_of_two_processes_are_those_of_one(runs: dict[int, Path], name: str) -> None:
    shared = load_file(runs[2] / f"gradients-{name}.safetensors")
    for parameter, gradient in first_gradients(*STEPS[name], ALONE).items():
        # Batch normalisation cancels the bias before it: its gradient is rounding.
        if gradient.norm() > 1e-3:
            assert (shared.pop(parameter) - gradient).norm() < 1e-5 * gradient.norm()
    assert all(".affine.bias" in rest for rest in shared)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_in_float64_takes_the_same_decisions_in_two_processes(
    runs: dict[int, Path], name: str
) -> None:
    assert_same_student(runs[1] / name, runs[2] / name, 1e-9)


def test_the_decisions_that_are_compared_are_of_every_kind(runs: dict[int, Path]) -> None:
    epochs = records(runs[1] / "hard")[1:]
    assert [epoch["accepted"] for epoch in epochs] == [share < 1 for share in FED_SHARES]
    assert len({epoch["learning_rate"] for epoch in epochs}) > 2


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("num_rows", [0, 1, 5, 256])
def test_the_processes_have_every_row_once_in_even_parts(num_rows: int, size: int) -> None:
    parts = [range(num_rows)[World(rank, size).rows(num_rows)] for rank in range(size)]
    assert [row for part in parts for row in part] == list(range(num_rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_dropout_of_a_part_is_the_part_of_the_whole_minibatchs() -> None:
    x = torch.ones(10, 7)
    masks = [
        DropoutDraws(torch.Generator().manual_seed(0), 10, rows).mask(x[rows], 0.4)
        for rows in (slice(0, 10), slice(0, 4), slice(4, 10))
    ]
    assert torch.equal(masks[0], torch.cat(masks[1:]))
    assert set(masks[0].flatten().tolist()) == {0.0, torch.tensor(1 / 0.6).item()}


def test_batch_norm_with_a_sum_over_one_process_is_torchs() -> None:
    x = torch.randn(9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 2
    norms = [BatchNorm(5).double(), BatchNorm(5).double()]
    norms[1].sum_over_ranks = ALONE.sum
    gradients: list[Tensor] = []
    for norm in norms:
        leaf = x.clone().requires_grad_()
        torch.sin(norm(leaf)).sum().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        assert norm.weight.grad is not None
        gradients.append(torch.cat([leaf.grad, norm.weight.grad[None]]))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-12, atol=1e-12)
    for name, value in norms[0].state_dict().items():
        torch.testing.assert_close(norms[1].state_dict()[name], value, rtol=1e-12, atol=0)
    assert torch.equal(
        norms[0].eval()(x), norms[1].load_state_dict(norms[0].state_dict()) and norms[1].eval()(x)
    )


def test_layers_do_not_learn_by_themselves_where_gradients_are_summed() -> None:
    learner = Learner(Dnn(NetworkShape(4, 1, 3, 2)), SgdOptions(), World(0, 2))
    learner.set_learning_rate(0.1)
    assert all(affine.learning_rates is None for affine in learner.affines)


def test_a_process_with_another_command_than_the_first_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on two hosts: each has its own torchrun."""
    tiny = make_tiny_experiment(tmp_path / "tiny")
    args = tiny.train_args(tmp_path / "out")
    options = parse_options(TrainOptions, args, prog="train")
    inputs = load_inputs(options, device=torch.device("cpu"))
    monkeypatch.setattr(World, "by_first", lambda _, work: {**work(), "seed": 7, "dev_frames": "f00"})
    with pytest.raises(HybridKdError) as error:
        begin(options, inputs, World(1, 2))
    message = str(error.value)
    assert message.startswith(
        "process 1 of 2: begun differently than process 0: seed is 0, there 7, dev_frames"
    )
    assert "fix: start torchrun on every host with the same options" in message


def test_what_several_processes_have_to_say_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)  # type: ignore[attr-defined]
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    say_once("no such file")
    say_once("connection lost")
    assert capsys.readouterr().err == "no such file\n"
    monkeypatch.setattr(distributed, "WAIT_FOR_STORE", timedelta(seconds=0.1))
    monkeypatch.setenv("MASTER_PORT", "1")
    say_once("said for want of a store")
    assert capsys.readouterr().err == "said for want of a store\n"


def test_each_process_of_a_host_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.cuda
    chosen: list[int] = []
    monkeypatch.setattr(cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda, "device_count", lambda: 2)
    monkeypatch.setattr(cuda, "set_device", chosen.append)
    assert choose_device("auto", local_rank=1) == torch.device("cuda", 1)
    assert chosen == [1]
    with pytest.raises(
        HybridKdError, match=r"process 2 of this host(.|\n)*sees 2\n  fix: .*--nproc-per-node 2"
    ):
        choose_device("cuda", local_rank=2)
