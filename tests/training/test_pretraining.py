"""Pretraining as a stack of RBMs: what it changes, that it repeats itself, that it goes on after a kill."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import hybrid_kd.training.loop as loop_module
from hybrid_kd.cli.main import main
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures, join_utterances
from hybrid_kd.frames.normalisation import estimate_normalisation
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.initialisation import initialise
from hybrid_kd.network.rbm import Rbm, RbmOptions
from hybrid_kd.network.tensor_file import load_tensors, write_tensors
from hybrid_kd.training import pretraining
from hybrid_kd.training.learner import Learner
from hybrid_kd.training.metrics import FrameMetrics
from hybrid_kd.training.pretraining import RBM_CHECKPOINT, pretrain
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment

OPTIONS = RbmOptions(num_iters=2, minibatch_size=20)
NUM_EPOCHS = 2 * 2 + 2 + 2


@pytest.fixture
def inputs() -> SplicedFeatures:
    rng = np.random.default_rng(0)
    utterances = [rng.normal(size=(length, 4)).astype(np.float32).cumsum(axis=0) for length in (130, 1, 84)]
    return join_utterances(["a", "b", "c"], utterances, left_context=1, right_context=1)


def fresh_network(inputs: SplicedFeatures) -> Dnn:
    network = Dnn(NetworkShape(12, 3, 16, 7))
    initialise(network, seed=0)
    network.set_normalisation(estimate_normalisation(inputs))
    return network


def pretrained(inputs: SplicedFeatures, directory: Path, *, seed: int = 0) -> dict[str, torch.Tensor]:
    network = fresh_network(inputs)
    pretrain(network, inputs, OPTIONS, seed=seed, directory=directory)
    return network.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_same_seed_gives_the_same_bits_and_another_seed_others(
    inputs: SplicedFeatures, tmp_path: Path
) -> None:
    first, again, other = (
        pretrained(inputs, tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert same(first, again)
    for index in range(3):
        assert not torch.equal(first[f"hidden.{index}.affine.weight"], other[f"hidden.{index}.affine.weight"])


def test_the_output_layer_and_the_normalisation_stay(inputs: SplicedFeatures, tmp_path: Path) -> None:
    before, after = fresh_network(inputs).state_dict(), pretrained(inputs, tmp_path)
    for name, value in before.items():
        assert torch.equal(value, after[name]) == (not name.startswith("hidden."))


@pytest.mark.parametrize("num_saved", [0, 1, 4, 5, NUM_EPOCHS])
def test_a_killed_pretraining_goes_on_and_ends_with_the_same_bits(
    inputs: SplicedFeatures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_saved: int
) -> None:
    whole = pretrained(inputs, tmp_path / "whole")
    train_epoch, epochs = pretraining._train_epoch, iter(range(NUM_EPOCHS))

    def dies_at_last(*args: Any, **kwargs: Any) -> None:
        if next(epochs) == num_saved:
            raise KeyboardInterrupt
        train_epoch(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "_train_epoch", dies_at_last)
        if num_saved < NUM_EPOCHS:
            with pytest.raises(KeyboardInterrupt):
                pretrained(inputs, tmp_path / "killed")
        else:
            pretrained(inputs, tmp_path / "killed")
    assert same(pretrained(inputs, tmp_path / "killed"), whole)


def test_each_epoch_says_its_reconstruction_error(
    inputs: SplicedFeatures, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        pretrained(inputs, tmp_path)
    lines = [message for message in caplog.messages if "reconstruction error" in message]
    assert len(lines) == NUM_EPOCHS
    assert lines[-1].startswith("rbm layer 3 of 3, epoch 2 of 2: reconstruction error 0.")


def test_a_broken_checkpoint_is_named(inputs: SplicedFeatures, tmp_path: Path) -> None:
    pretrained(inputs, tmp_path)
    path = tmp_path / RBM_CHECKPOINT
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(HybridKdError, match=r"rbm.safetensors: broken checkpoint(.|\n)*delete it"):
        pretrained(inputs, tmp_path)


def test_one_changed_bit_of_a_checkpoint_is_an_error(inputs: SplicedFeatures, tmp_path: Path) -> None:
    pretrained(inputs, tmp_path)
    content = bytearray((tmp_path / RBM_CHECKPOINT).read_bytes())
    content[-3] ^= 1
    (tmp_path / RBM_CHECKPOINT).write_bytes(content)
    with pytest.raises(HybridKdError, match=r"rbm.safetensors: broken checkpoint: it is damaged"):
        pretrained(inputs, tmp_path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"layer": "3"}, "epoch 2 of layer 4"),
        ({"epoch": "0"}, "epoch 0 of layer 3"),
        ({"epoch": "x"}, "invalid literal"),
    ],
)
def test_a_checkpoint_of_another_position_is_an_error(
    inputs: SplicedFeatures, tmp_path: Path, change: dict[str, str], problem: str
) -> None:
    """Also one without a sha256, as an older version wrote it."""
    pretrained(inputs, tmp_path)
    tensors, metadata = load_tensors(tmp_path / RBM_CHECKPOINT)
    write_tensors(tmp_path / RBM_CHECKPOINT, tensors, metadata | change)
    with pytest.raises(HybridKdError, match=f"rbm.safetensors: broken checkpoint: {problem}"):
        pretrained(inputs, tmp_path)


def test_a_checkpoint_without_the_rbms_state_is_an_error(inputs: SplicedFeatures, tmp_path: Path) -> None:
    pretrained(inputs, tmp_path)
    tensors, metadata = load_tensors(tmp_path / RBM_CHECKPOINT)
    del tensors["rate_factor"]
    write_tensors(tmp_path / RBM_CHECKPOINT, tensors, metadata)
    with pytest.raises(HybridKdError, match=r"rbm.safetensors: broken checkpoint: 'rate_factor'"):
        pretrained(inputs, tmp_path)


@pytest.mark.parametrize("name", ["weight", "hidden_bias", "visible_bias"])
def test_a_last_step_that_makes_the_weights_infinite_is_an_error(inputs: SplicedFeatures, name: str) -> None:
    """The reconstruction error, which is that before the step, does not show it."""
    rbm = Rbm(fresh_network(inputs).hidden_layers[1].affine, gaussian=False)
    pretraining._refuse_diverged(rbm, "layer 2", 0.5)
    getattr(rbm, name).view(-1)[0] = float("inf")
    problem = f"layer 2: pretraining diverged: {name} holds NaN or infinity\n  fix: lower --rbm-learn-rate"
    with pytest.raises(HybridKdError, match=problem):
        pretraining._refuse_diverged(rbm, "layer 2", 0.5)


def test_a_diverging_rbm_is_an_error(inputs: SplicedFeatures, tmp_path: Path) -> None:
    options = RbmOptions(num_iters=1, minibatch_size=20, gaussian_learn_rate=1e30)
    with pytest.raises(HybridKdError, match=r"layer 1 of 3(.|\n)*lower --rbm-gaussian-learn-rate"):
        pretrain(fresh_network(inputs), inputs, options, seed=0, directory=tmp_path)


def test_fewer_frames_than_a_minibatch_are_an_error(inputs: SplicedFeatures, tmp_path: Path) -> None:
    options = RbmOptions(minibatch_size=1000)
    with pytest.raises(HybridKdError, match=r"--pretrain rbm: 215 training frames are fewer"):
        pretrain(fresh_network(inputs), inputs, options, seed=0, directory=tmp_path)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyExperiment:
    return make_tiny_experiment(tmp_path / "tiny")


RBM = ("--pretrain", "rbm", "--rbm-iter", "1", "--max-iters", "2")


def test_a_pretrained_system_is_trained_on_and_keeps_no_rbm_file(
    tiny: TinyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in its first epoch or never, it ends with the same bits."""
    coefficients = []

    def dies(learner: Learner, *args: object) -> FrameMetrics:
        coefficients.append(learner.options.output_bias_learn_rate_coef)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "train_epoch", dies)
        assert main(["train", *tiny.train_args(tmp_path / "killed"), *RBM]) == 130
    assert coefficients == [1.0]
    assert (tmp_path / "killed" / RBM_CHECKPOINT).exists()
    for name in ("killed", "whole"):
        assert main(["train", *tiny.train_args(tmp_path / name), *RBM]) == 0
        assert not (tmp_path / name / RBM_CHECKPOINT).exists()
    killed, whole = (load_file(tmp_path / name / "final.safetensors") for name in ("killed", "whole"))
    assert same(killed, whole)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--activation", "relu"), "can only become a sigmoid layer"),
        (("--batch-norm",), "can only become a sigmoid layer"),
        (("--init", "exp/other"), "--pretrain rbm and --init: both were given"),
        (("--rbm-iter", "0"), "--rbm-iter: 0 is out of range"),
    ],
)
def test_what_an_rbm_cannot_start_is_refused(
    tiny: TinyExperiment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    message: str,
) -> None:
    assert main(["train", *tiny.train_args(tmp_path / "out"), *RBM, *flags]) == 1
    assert message in capsys.readouterr().err
