"""Students with an uncertainty head: what is off changes no bit, what is on reaches the student."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import hybrid_kd.training.system as system_module
from hybrid_kd.cli.main import main
from hybrid_kd.network.dnn import num_parameters
from hybrid_kd.network.model_dir import load_model
from tests.training.shared_work import float64_networks
from tests.training.students import Trainer, assert_same_student, assert_same_weights, records, weights

SURE = "--uncertainty --uncertainty-samples 4"
ALL = f"TAUGHT {SURE} --hard-weight 0.5 --soft-weight 0.3 --uncertainty-weight 0.5"
STUDENTS = {
    "both": f"{ALL} --max-iters 3",
    "other seed": f"{ALL} --seed 1 --temperatures 3:1,2:1,1 --max-iters 2",
    "same seed": f"{ALL} --uncertainty-weight 2 --uncertainty-noise sigma-eps --max-iters 2",
    "noise alone": f"{ALL} --soft-weight 0 --max-iters 3 --average 2 --min-iters 2",
    "no teacher": f"{SURE} --max-iters 2",
}


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Its teacher, and the labels that TAUGHT stands for, have uncertainty."""
    return Trainer(tmp_path_factory.mktemp("exp"), "--uncertainty")


def train(trainer: Trainer, name: str, flags: str) -> Path:
    assert trainer.alone("alone", {name: flags}) == [0]
    return trainer.exp / "alone" / name


def head(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "uncertainty.safetensors")


def test_terms_of_weight_0_change_no_bit(trainer: Trainer) -> None:
    plain = train(trainer, "plain", "--max-iters 3")
    noisy = train(trainer, "noisy", f"{SURE} --max-iters 3")
    zero = "--hard-weight 1 --soft-weight 0 --label-smoothing 0 --max-iters 3"
    assert_same_weights(plain, train(trainer, "zero", f"TAUGHT {zero}"))
    assert_same_weights(noisy, train(trainer, "noisy_zero", f"TAUGHT {SURE} {zero} --uncertainty-weight 0"))
    assert all(
        torch.equal(value, head(trainer.exp / "alone/noisy_zero")[name])
        for name, value in head(noisy).items()
    )
    assert not torch.equal(weights(plain)["0.output.weight"], weights(noisy)["0.output.weight"])


def test_the_head_is_no_part_of_the_model(trainer: Trainer) -> None:
    plain, noisy = train(trainer, "plain", "--max-iters 3"), train(trainer, "noisy", f"{SURE} --max-iters 3")
    assert weights(plain).keys() == weights(noisy).keys()
    assert num_parameters(load_model(noisy).networks[0]) == num_parameters(load_model(plain).networks[0])
    frames = torch.randn(5, 18, generator=torch.Generator().manual_seed(0))
    logits = load_model(noisy).logits_of_spliced(frames)
    (noisy / "uncertainty.safetensors").rename(trainer.exp / "head")
    assert torch.equal(load_model(noisy).logits_of_spliced(frames), logits)
    (trainer.exp / "head").rename(noisy / "uncertainty.safetensors")


def test_the_activation_is_that_of_the_option(trainer: Trainer) -> None:
    relu = train(trainer, "relu", f"{SURE} --uncertainty-activation relu --max-iters 1")
    frames = torch.randn(50, 18, generator=torch.Generator().manual_seed(0))
    _, sigma = load_model(relu).outputs_of_spliced(frames)
    assert sigma is not None
    assert sigma.min().item() == pytest.approx(0.1)  # of 450 projections some are negative


def test_matching_brings_the_students_noise_to_the_teachers(trainer: Trainer) -> None:
    frames = torch.randn(200, 18, generator=torch.Generator().manual_seed(0))
    _, wanted = load_model(trainer.exp / "teacher").outputs_of_spliced(frames)
    distances = []
    for name, weight in (("unmatched", 0), ("matched", 3)):
        flags = f"TAUGHT {SURE} --soft-weight 0 --uncertainty-weight {weight} --max-iters 8 --min-iters 8"
        _, sigma = load_model(train(trainer, name, flags)).outputs_of_spliced(frames)
        assert sigma is not None
        assert wanted is not None
        directions = [torch.nn.functional.normalize(one) for one in (sigma, wanted)]
        distances.append((directions[0] - directions[1]).square().sum(dim=1).mean().item())
    assert distances[1] < 0.5 * distances[0]


def test_a_running_teacher_and_stored_labels_teach_alike(trainer: Trainer) -> None:
    """All axes are stored, so that coordinates lose nothing but the digits of a float16."""
    with float64_networks():
        stored = train(trainer, "stored", f"{ALL} --max-iters 2")
        running = train(trainer, "running", f"{ALL} --max-iters 2".replace("TAUGHT", "--teacher EXP/teacher"))
    assert_same_student_but_for(stored, running, 1e-3)


def assert_same_student_but_for(left: Path, right: Path, tolerance: float) -> None:
    for mine, other in zip(records(left), records(right), strict=True):
        assert mine == pytest.approx(other, rel=tolerance)
    for name, value in head(left).items():
        torch.testing.assert_close(head(right)[name], value, rtol=0.01, atol=tolerance)


def test_retraining_takes_the_head_along(trainer: Trainer) -> None:
    first = train(trainer, "first", f"{SURE} --max-iters 2")
    held = train(
        trainer, "held", f"--init EXP/alone/first {SURE} --learning-rate 1e-12 --max-iters 1 --min-iters 1"
    )
    assert all(torch.allclose(value, head(held)[name], atol=1e-6) for name, value in head(first).items())


def test_side_by_side_they_are_the_students_that_they_are_alone(trainer: Trainer) -> None:
    with float64_networks():
        taught = {name: flags for name, flags in STUDENTS.items() if name != "no teacher"}
        assert (
            trainer.together("f64", {name.replace(" ", "_"): flags for name, flags in STUDENTS.items()}) == 0
        )
        for name, flags in taught.items():
            alone = train(trainer, f"f64_{name.replace(' ', '_')}", flags)
            beside = trainer.exp / "f64" / name.replace(" ", "_")
            assert_same_student(beside, alone, 1e-9)
            for tensor, value in head(alone).items():
                torch.testing.assert_close(head(beside)[tensor], value, rtol=1e-9, atol=1e-9)


def test_a_teacher_without_uncertainty_is_an_error(
    trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ["--data", str(trainer.tiny.train_data), "--out", str(trainer.exp / "without"), "--teacher"]
    assert main(["label", *labels, str(trainer.exp / "teacher"), "--uncertainty-rank", "0"]) == 0
    flags = ALL.replace("TAUGHT", "--teacher-labels EXP/without")
    assert trainer.alone("alone", {"untaught": flags}) == [1]
    message = capsys.readouterr().err
    assert "without: says nothing of its uncertainty" in message
    assert "fix: train the teacher with --uncertainty" in message


def test_too_many_draws_are_refused_before_anything_is_written(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_module, "MAX_DRAWS", 50)
    assert trainer.alone("alone", {"many": "--uncertainty --uncertainty-samples 6"}) == [1]
    message = capsys.readouterr().err
    assert "--uncertainty-samples: 6 of 9 pdfs are 54 draws a frame\n  fix: give at most 5" in message
    assert not (trainer.exp / "alone" / "many").exists()


def test_label_and_info_say_what_the_axes_lose(trainer: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    labels = ["--data", str(trainer.tiny.train_data), "--out", str(trainer.exp / "two_axes"), "--teacher"]
    assert main(["label", *labels, str(trainer.exp / "teacher"), "--uncertainty-rank", "2"]) == 0
    assert "uncertainty: 2 principal axes of its direction, " in capsys.readouterr().out
    assert main(["info", str(trainer.exp / "two_axes")]) == 0
    out = capsys.readouterr().out
    assert re.search(
        r"uncertainty: direction of sigma on 2 principal axes, .*% of its variance lost, 0\.\d+ kept", out
    )
