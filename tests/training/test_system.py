"""Whole trainings of a tiny network: restarts, retraining, distillation, and what a user can get wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import hybrid_kd.training.loop as loop_module
from hybrid_kd.cli.main import main
from tests.tiny_experiment import (
    DIM,
    TinyExperiment,
    make_tiny_experiment,
    write_alignment_dir,
    write_data_dir,
)
from tests.training.shared_work import float64_networks

Run = Callable[..., Path]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyExperiment:
    return make_tiny_experiment(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def run(tiny: TinyExperiment, tmp_path: Path) -> Run:
    """Train into tmp_path/<name> with more flags; returns the directory."""

    def train(name: str, *flags: object) -> Path:
        assert main(["train", *tiny.train_args(tmp_path / name), *map(str, flags)]) == 0
        return tmp_path / name

    return train


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "final.safetensors")


def records(directory: Path) -> list[dict[str, float]]:
    """train.jsonl without the seconds."""
    lines = (directory / "train.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


def assert_same_bits(left: Path, right: Path) -> None:
    ours, theirs = weights(left), weights(right)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert records(left) == records(right)


def error_of(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    """The message of a command that must fail with status 1."""
    assert main(list(map(str, args))) == 1
    return capsys.readouterr().err


def label(teacher: Path, tiny: TinyExperiment, out: Path, *flags: str) -> Path:
    assert (
        main(["label", "--teacher", str(teacher), "--data", str(tiny.train_data), "--out", str(out), *flags])
        == 0
    )
    return out


def test_training_learns_and_describes_itself(run: Run) -> None:
    directory = run("hard", "--max-iters", 12)
    first, *_, last = records(directory)
    assert last["dev_cross_entropy"] < 0.8 * first["dev_cross_entropy"]
    assert last["dev_frame_accuracy"] > 0.4  # chance is 0.1
    there = {path.name for path in directory.iterdir()}
    assert there == {
        *("config.yaml", "final.safetensors", "final.mdl", "ali_train_pdf.counts", "feature_transform"),
        *("log", "train.jsonl", "provenance.json", "SHA256SUMS"),
    }
    assert "epoch  1:" in (directory / "log" / "train.log").read_text()


def test_same_seed_gives_same_bits_and_another_seed_does_not(run: Run) -> None:
    once, again, other = run("a", "--seed", 3), run("b", "--seed", 3), run("c", "--seed", 4)
    assert_same_bits(once, again)
    assert not torch.equal(weights(once)["0.output.weight"], weights(other)["0.output.weight"])


REGULARISED = ("--activation", "relu", "--batch-norm", "--dropout", 0.2, "--momentum", 0.5)


UNCERTAIN = ("--uncertainty", "--average", 3, "--label-smoothing", 0.1, "--min-iters", 4)


@pytest.mark.parametrize("flags", [(), REGULARISED, UNCERTAIN], ids=["sigmoid", "relu", "uncertain"])
@pytest.mark.parametrize("stop_after", [1, 3])
def test_stopped_training_continues_and_ends_with_the_same_bits(
    run: Run,
    tiny: TinyExperiment,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[object, ...],
    stop_after: int,
) -> None:
    whole = run("whole", "--max-iters", 5, *flags)
    train_epoch = loop_module.train_epoch

    def stop(learner, plan, epoch, teacher_labels):  # type: ignore[no-untyped-def]
        if epoch > stop_after:
            raise KeyboardInterrupt
        return train_epoch(learner, plan, epoch, teacher_labels)

    stopped = whole.parent / "stopped"
    args = ["train", *tiny.train_args(stopped), "--max-iters", "5", *map(str, flags)]
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "train_epoch", stop)
        assert main(args) == 130
    assert not (stopped / "final.safetensors").exists()
    assert main(args) == 0
    assert_same_bits(whole, stopped)


def test_finished_training_is_left_alone(run: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in run("hard").glob("*.safetensors")}
    assert before == {path: path.stat().st_mtime_ns for path in run("hard").glob("*.safetensors")}


def test_other_options_on_an_existing_directory_are_an_error(
    run: Run, tiny: TinyExperiment, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run("hard", "--max-iters", 2)
    message = error_of(capsys, "train", *tiny.train_args(out), "--max-iters", 3)
    assert "begun differently: max_iters was 2, is 3" in message


def test_a_training_begun_by_a_version_with_fewer_options_continues(run: Run) -> None:
    out = run("hard", "--max-iters", 2)
    config = (out / "config.yaml").read_text()
    (out / "config.yaml").write_text(config.replace("randomizer_size: 0\n", ""))
    assert run("hard", "--max-iters", 2) == out


def test_other_inputs_on_an_existing_directory_are_an_error(
    tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = make_tiny_experiment(tmp_path / "copy")
    args = ["train", *copy.train_args(tmp_path / "hard"), "--max-iters", "1"]
    assert main(args) == 0
    shutil.rmtree(copy.train_data)
    rng = np.random.default_rng(0)
    lengths = {line.split()[0]: len(line.split()) - 1 for line in _alignment_lines(copy.train_ali)}
    write_data_dir(copy.train_data, {u: rng.normal(size=(n, DIM)).astype("f4") for u, n in lengths.items()})
    assert "begun differently: train_frames was" in error_of(capsys, *args)


def test_hard_weight_1_is_training_without_a_teacher_bit_for_bit(run: Run, tiny: TinyExperiment) -> None:
    hard = run("hard", "--max-iters", 4)
    labels = label(hard, tiny, hard.parent / "labels")
    for mixing in ("si", "sd"):
        distilled = run(
            mixing, "--max-iters", 4, "--teacher-labels", labels, "--mixing", mixing, "--hard-weight", 1
        )
        ours, theirs = weights(hard), weights(distilled)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_sd_and_si_agree_without_reference_labels(run: Run, tiny: TinyExperiment) -> None:
    teacher = run("teacher")
    labels = label(teacher, tiny, teacher.parent / "labels")
    flags = ("--max-iters", 3, "--teacher-labels", labels, "--hard-weight", 0)
    assert_same_bits(run("si", *flags, "--mixing", "si"), run("sd", *flags, "--mixing", "sd"))


@pytest.mark.parametrize("mixing", ["si", "sd"])
def test_stored_and_running_teacher_train_the_same_student(
    run: Run, tiny: TinyExperiment, mixing: str
) -> None:
    teacher = run("teacher", "--activation", "relu", "--batch-norm")
    labels = label(teacher, tiny, teacher.parent / "labels", "--temperatures", "1,3")
    flags = ("--mixing", mixing, "--hard-weight", 0.3, "--temperatures", "3:2,1", "--max-iters", 3)
    with float64_networks():  # the teacher's logits are float32, of minibatches here and of utterances there
        stored = run("stored", *flags, "--teacher-labels", labels)
        running = run("running", *flags, "--teacher", teacher)
    for ours, theirs in zip(records(stored), records(running), strict=True):
        assert ours["dev_cross_entropy"] == pytest.approx(theirs["dev_cross_entropy"], abs=1e-5)
    last = records(stored)[-1]["dev_cross_entropy"]
    assert abs(records(teacher)[-1]["dev_cross_entropy"] - last) > 1e-3  # so that the student did learn


def test_running_teacher_needs_no_pruning(run: Run) -> None:
    teacher = run("teacher")
    flags = ("--teacher", teacher, "--max-iters", 1, "--hard-weight", 0, "--temperatures", 3)
    whole, pruned = (
        weights(run(f"pruned_below_{p}", *flags, "--prune-below", p))["0.output.weight"] for p in (0, 0.2)
    )
    assert (whole - pruned).norm() > 1e-3 * whole.norm()


def test_annealing_holds_the_rate_and_accepts_all_in_timed_stages(run: Run) -> None:
    teacher = run("teacher")
    directory = run(
        "student", "--teacher", teacher, "--temperatures", "3:2,2:2,1", "--max-iters", 3, "--hard-weight", 0
    )
    epochs = records(directory)[1:]
    assert [epoch["temperature"] for epoch in epochs[:5]] == [3.0, 3.0, 2.0, 2.0, 1.0]
    assert {epoch["learning_rate"] for epoch in epochs[:5]} == {0.02}
    assert all(epoch["accepted"] for epoch in epochs[:4])
    assert len(epochs) <= 4 + 3


def test_schedule_judges_by_the_dev_alignment_whatever_the_labels(run: Run) -> None:
    """The dev cross-entropy before training does not depend on teacher, temperature or mixing."""
    teacher = run("teacher")
    first = {
        records(
            run(f"s{temperature}", "--teacher", teacher, "--temperatures", temperature, "--max-iters", 1)
        )[0]["dev_cross_entropy"]
        for temperature in ("1", "2", "3:1,1")
    }
    assert len(first) == 1


def test_retraining_begins_where_the_model_ended(run: Run) -> None:
    student = run("student")
    best = min(record["dev_cross_entropy"] for record in records(student))
    retrained = run("retrained", "--init", student, "--seed", 1)
    assert records(retrained)[0]["dev_cross_entropy"] == pytest.approx(best, abs=1e-6)


def test_ensemble_teaches_with_the_mean_posterior(run: Run, tiny: TinyExperiment) -> None:
    from hybrid_kd.network.model_dir import load_model

    members = [run(f"m{seed}", "--seed", seed, "--max-iters", 3) for seed in (0, 1)]
    out = members[0].parent / "ensemble"
    assert main(["ensemble", *map(str, members), "--out", str(out)]) == 0
    features = torch.randn(11, DIM, generator=torch.Generator().manual_seed(0))
    mean = torch.stack([load_model(member).logits(features).softmax(1) for member in members]).mean(0)
    torch.testing.assert_close(load_model(out).logits(features).exp(), mean)
    run("student", "--teacher-labels", label(out, tiny, out.parent / "labels"), "--max-iters", 1)


def test_left_out_utterances_are_named_and_over_1_percent_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = make_tiny_experiment(tmp_path / "tiny")
    lines = _alignment_lines(tiny.train_ali)
    alis = {line.split()[0]: (np.array(line.split()[1:], int) - 1) // 2 for line in lines}
    shutil.rmtree(tiny.train_ali)
    alis.pop("s0_003")
    alis["s1_001"] = alis["s1_001"][:-3]
    write_alignment_dir(tiny.train_ali, alis)
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"))
    assert "done 10, left out 2 (1 no alignment, 1 frame mismatch)" in message
    assert "--frame-tolerance 3" in message
    assert not (tmp_path / "out" / "config.yaml").exists()


def _alignment_lines(path: Path) -> list[str]:
    import gzip

    return gzip.open(path / "ali.1.gz", "rt").read().splitlines()


def test_nan_in_features_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = make_tiny_experiment(tmp_path / "tiny")
    lengths = {line.split()[0]: len(line.split()) - 1 for line in _alignment_lines(tiny.dev_ali)}
    shutil.rmtree(tiny.dev_data)
    write_data_dir(tiny.dev_data, {u: np.full((n, DIM), np.nan, np.float32) for u, n in lengths.items()})
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"))
    assert "done 0, left out 4 (4 NaN or infinite features)" in message


def test_dev_alignment_of_another_tree_is_an_error(
    tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_alignment_dir(tmp_path / "other_ali", {"s0_000": np.zeros(3, int)}, num_pdfs=12)
    message = error_of(
        capsys, "train", *tiny.train_args(tmp_path / "out"), "--dev-ali", tmp_path / "other_ali"
    )
    assert "is of another tree (12 pdfs)" in message


def test_alignment_beyond_its_final_mdl_is_an_error(
    tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_alignment_dir(tmp_path / "small_ali", {"s0_000": np.full(20, 7)}, num_pdfs=6)
    small = tmp_path / "small_ali"
    flags = ("--train-ali", small, "--dev-ali", small, "--frame-tolerance", 100)
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"), *flags)
    assert "left out 's0_000': transition-ids beyond the model (transition-id 15 is not of this" in message
    assert "its own final.mdl" in message


def test_teacher_with_other_pdfs_is_an_error(
    run: Run, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other_ali"
    alis = {
        line.split()[0]: (np.array(line.split()[1:], int) - 1) // 2
        for line in _alignment_lines(tiny.train_ali)
    }
    write_alignment_dir(other, alis, num_pdfs=12)
    dev = tmp_path / "other_dev_ali"
    dev_alis = {
        line.split()[0]: (np.array(line.split()[1:], int) - 1) // 2 for line in _alignment_lines(tiny.dev_ali)
    }
    write_alignment_dir(dev, dev_alis, num_pdfs=12)
    teacher = run("teacher", "--train-ali", other, "--dev-ali", dev, "--max-iters", 1)
    labels = label(teacher, tiny, tmp_path / "labels")
    for flag, value in (("--teacher", teacher), ("--teacher-labels", labels)):
        message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"), flag, value)
        assert "the teacher has 12 pdfs, the alignments 9" in message


def test_labels_of_another_data_set_are_an_error(
    run: Run, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = run("teacher", "--max-iters", 1)
    labels = tmp_path / "labels"
    assert main(["label", "--teacher", str(teacher), "--data", str(tiny.dev_data), "--out", str(labels)]) == 0
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"), "--teacher-labels", labels)
    assert "label the data directory that you train on" in message


def test_features_of_another_dimension_are_an_error(
    run: Run, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = run("teacher", "--max-iters", 1)
    write_data_dir(tmp_path / "wide", {"s0_000": np.ones((5, DIM + 1), np.float32)})
    message = error_of(
        capsys, "label", "--teacher", teacher, "--data", tmp_path / "wide", "--out", tmp_path / "l"
    )
    assert f"features have {DIM + 1} coefficients" in message
    assert not (tmp_path / "l").exists()


def test_retraining_another_shape_is_an_error(
    run: Run, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    student = run("student", "--max-iters", 1)
    flags = ("--init", student, "--hidden-dim", 9)
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"), *flags)
    assert "is another network: hidden_dim 8, not 9" in message


def test_labels_at_an_unplanned_temperature_are_an_error_before_training(
    run: Run, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = run("teacher", "--max-iters", 1)
    labels = label(teacher, tiny, tmp_path / "labels", "--temperatures", "1")
    flags = ("--teacher-labels", labels, "--temperatures", "2:3,1")
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"), *flags)
    assert "has no labels at temperature 2, only at 1" in message


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--hard-weight", "1.5"), "--hard-weight: 1.5 is out of range"),
        (("--hidden-layers", "0"), "--hidden-layers: 0 is out of range"),
        (("--learning-rate", "nan"), "--learning-rate: nan is out of range"),
        (("--temperatures", "3,1"), "only the last stage"),
        (("--teacher", "a", "--teacher-labels", "b"), "both were given"),
        (("--teacher", "absent"), "no such model directory"),
        (("--teacher-labels", "absent"), "not a label store"),
        (("--teacher-data", "a"), "--teacher-data: there is no teacher to see it"),
        (("--utt-map", "a"), "--utt-map: there are no labels or features of another view"),
        (("--teacher", "a", "--utt-map", "b"), "--utt-map: there are no labels or features of another view"),
        (
            ("--teacher-labels", "a", "b", "--teacher-weights", "1"),
            "--teacher-weights: 1 values for 2 teachers",
        ),
        (
            ("--teacher", "a", "b", "--teacher-weights", "0.7", "0.7"),
            "--teacher-weights: 0.7 0.7 do not sum to 1",
        ),
        (("--teacher-temperatures", "1", "2"), "--teacher-temperatures: 2 values for 0 teachers"),
        (("--teacher", "a", "--mixing", "sd", "--soft-weight", "1"), "--soft-weight and --mixing sd: an utt"),
        (("--soft-weight", "1"), "--soft-weight: there is no teacher"),
        (
            ("--teacher", "a", "--uncertainty-weight", "1"),
            "--uncertainty-weight: the student has no uncertainty",
        ),
        (("--uncertainty", "--uncertainty-weight", "1"), "--uncertainty-weight: there is no teacher"),
        (("--label-smoothing", "1"), "--label-smoothing: 1.0 is out of range"),
        (("--init", "absent"), "no such model directory"),
        (("--train-data", "absent"), "absent: no such directory"),
        (("--train-ali", "absent"), "absent"),
        (("--minibatch-size", "100000"), "more than all training frames"),
    ],
)
def test_bad_options_are_named(
    tiny: TinyExperiment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    problem: str,
) -> None:
    message = error_of(capsys, "train", *tiny.train_args(tmp_path / "out"), *flags)
    assert problem in message
    assert "fix: " in message


def test_broken_checkpoint_is_an_error(
    run: Run, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run("hard", "--max-iters", 2)
    (out / "final.safetensors").unlink()
    (out / "checkpoint.safetensors").write_bytes(b"nonsense")
    message = error_of(capsys, "train", *tiny.train_args(out), "--max-iters", 2)
    assert "broken checkpoint" in message
