"""Students on noisy speech whose teacher has seen the same utterances clean, under other ids."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.data_dir import read_data_dir, read_features
from hybrid_kd.cli.main import main
from hybrid_kd.json_files import read_json
from tests.tiny_experiment import DIM, TinyExperiment, make_tiny_experiment, write_data_dir
from tests.training.shared_work import float64_networks
from tests.training.test_system import assert_same_bits, error_of, records

FLAGS = ("--max-iters", "3", "--hard-weight", "0.3", "--temperatures", "2:1,1")


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> TinyExperiment:
    """The tiny experiment and, beside train: clean (other values, ids, order), labels of it and utt_map."""
    path = tmp_path_factory.mktemp("noisy")
    noisy = make_tiny_experiment(path)
    features = dict(read_features(read_data_dir(noisy.train_data)))
    clean_ids = {utt_id: f"{utt_id[:3]}{11 - int(utt_id[3:]):03d}_clean" for utt_id in features}
    write_data_dir(
        path / "clean",
        {clean_ids[u]: 0.5 * features[u] for u in sorted(features, key=lambda u: clean_ids[u])},
    )
    (path / "utt_map").write_text("".join(f"{u} {clean}\n" for u, clean in clean_ids.items()))
    assert main(["train", *noisy.train_args(path / "teacher"), "--left-context", "2"]) == 0
    args = ("--teacher", path / "teacher", "--data", path / "clean", "--out", path / "labels")
    assert main(["label", *map(str, args), "--temperatures", "1,2"]) == 0
    return noisy


def train(noisy: TinyExperiment, out: Path, **views: str) -> Path:
    """Train ``out`` with options that are paths beside the training data."""
    beside = noisy.train_data.parent
    flags = [
        word for name, value in views.items() for word in (f"--{name.replace('_', '-')}", str(beside / value))
    ]
    assert main(["train", *noisy.train_args(out), *FLAGS, *flags]) == 0
    return out


def test_labels_of_another_view_are_those_of_the_same_speech(noisy: TinyExperiment, tmp_path: Path) -> None:
    """Bit for bit those that the teacher gives where the clean utterances have the training ids and order."""
    mapped = train(noisy, tmp_path / "mapped", teacher_labels="labels", utt_map="utt_map")
    clean = dict(read_features(read_data_dir(noisy.train_data.parent / "clean")))
    lines = (noisy.train_data.parent / "utt_map").read_text().splitlines()
    renamed = {utt_id: clean[clean_id] for utt_id, clean_id in map(str.split, lines)}
    write_data_dir(tmp_path / "clean", renamed)
    args = ("--teacher", noisy.train_data.parent / "teacher", "--data", tmp_path / "clean")
    assert main(["label", *map(str, args), "--out", str(tmp_path / "labels"), "--temperatures", "1,2"]) == 0
    direct = train(noisy, tmp_path / "direct", teacher_labels=str(tmp_path / "labels"))
    assert_same_bits(mapped, direct)


def test_stored_and_running_teacher_of_another_view_train_the_same_student(
    noisy: TinyExperiment, tmp_path: Path
) -> None:
    """Also where the teacher sees more frames at a time than the student."""
    views = {"teacher_data": "clean", "utt_map": "utt_map"}
    with float64_networks():  # the teacher's logits are float32, of minibatches here and of utterances there
        stored = train(noisy, tmp_path / "stored", teacher_labels="labels", utt_map="utt_map")
        running = train(noisy, tmp_path / "running", teacher="teacher", **views)
        own = train(noisy, tmp_path / "own", teacher="teacher")
    for ours, theirs in zip(records(stored), records(running), strict=True):
        assert ours["dev_cross_entropy"] == pytest.approx(theirs["dev_cross_entropy"], abs=1e-5)
    assert abs(records(own)[-1]["dev_cross_entropy"] - records(stored)[-1]["dev_cross_entropy"]) > 1e-4


def test_what_is_known_of_the_view_is_in_provenance(noisy: TinyExperiment, tmp_path: Path) -> None:
    stored = train(noisy, tmp_path / "stored", teacher_labels="labels", utt_map="utt_map")
    running = train(noisy, tmp_path / "running", teacher="teacher", teacher_data="clean", utt_map="utt_map")
    always = {"final.mdl", "train_frames", "dev_frames", "utt_map"}
    assert set(read_json(stored / "provenance.json")["inputs"]) == {*always, "teacher_labels"}
    assert set(read_json(running / "provenance.json")["inputs"]) == {*always, "teacher", "teacher_frames"}


def test_another_map_on_an_existing_directory_is_an_error(
    noisy: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    utt_map = tmp_path / "utt_map"
    utt_map.write_bytes((noisy.train_data.parent / "utt_map").read_bytes())
    out = train(noisy, tmp_path / "out", teacher_labels="labels", utt_map=str(utt_map))
    utt_map.write_text(utt_map.read_text() + "unused s0_000_clean\n")
    labels = noisy.train_data.parent / "labels"
    args = ("train", *noisy.train_args(out), *FLAGS, "--teacher-labels", labels, "--utt-map")
    assert "provenance.json: begun differently: utt_map was" in error_of(capsys, *args, utt_map)
    assert "config.yaml: begun differently: utt_map was" in error_of(capsys, *args, labels.parent / "utt_map")


def test_other_features_of_the_view_on_an_existing_directory_are_an_error(
    noisy: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = dict(read_features(read_data_dir(noisy.train_data)))
    write_data_dir(tmp_path / "clean", features)
    out = train(noisy, tmp_path / "out", teacher="teacher", teacher_data=str(tmp_path / "clean"))
    for name in ("feats.ark", "feats.scp"):
        (tmp_path / "clean" / name).unlink()
    write_data_dir(tmp_path / "other", {u: 2 * matrix for u, matrix in features.items()})
    (tmp_path / "clean" / "feats.scp").write_bytes((tmp_path / "other" / "feats.scp").read_bytes())
    teacher = noisy.train_data.parent / "teacher"
    args = (
        "train",
        *noisy.train_args(out),
        *FLAGS,
        "--teacher",
        teacher,
        "--teacher-data",
        tmp_path / "clean",
    )
    assert "begun differently: teacher_frames was" in error_of(capsys, *args)


def test_views_with_other_ids_or_lengths_are_an_error(
    noisy: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = noisy.train_data.parent
    train_args = ("train", *noisy.train_args(tmp_path / "out"), "--teacher-labels", beside / "labels")
    assert "done 0, left out 12 (12 no teacher labels)" in error_of(capsys, *train_args)
    (tmp_path / "shifted").write_text("".join(f"s{i % 3}_{i:03d} s0_011_clean\n" for i in range(12)))
    message = error_of(capsys, *train_args, "--utt-map", tmp_path / "shifted")
    assert "frame mismatch)" in message
    assert "'s0_011_clean' has " in message
    assert not (tmp_path / "out").exists()


def test_a_view_of_another_dimension_is_an_error(
    noisy: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data_dir(tmp_path / "wide", {"s0_000": np.ones((5, DIM + 1), np.float32)})
    flags = ("--teacher", noisy.train_data.parent / "teacher", "--teacher-data", tmp_path / "wide")
    message = error_of(capsys, "train", *noisy.train_args(tmp_path / "out"), *flags)
    assert f"wide: features have {DIM + 1} coefficients" in message


def test_a_view_that_is_cut_within_the_tolerance_cuts_the_training_utterances(
    noisy: TinyExperiment, tmp_path: Path
) -> None:
    """The same as training on features and alignments that are cut as the view is."""
    features = dict(read_features(read_data_dir(noisy.train_data)))
    write_data_dir(tmp_path / "cut", {u: matrix[: len(matrix) - 2] for u, matrix in features.items()})
    args = ("--teacher", noisy.train_data.parent / "teacher", "--data", tmp_path / "cut")
    assert main(["label", *map(str, args), "--out", str(tmp_path / "labels"), "--temperatures", "1,2"]) == 0
    options = ["--teacher-labels", str(tmp_path / "labels"), "--frame-tolerance", "2", *FLAGS]
    assert main(["train", *noisy.train_args(tmp_path / "tolerant"), *options]) == 0
    cut = TinyExperiment(tmp_path / "cut", noisy.train_ali, noisy.dev_data, noisy.dev_ali)
    assert main(["train", *cut.train_args(tmp_path / "direct"), *options]) == 0
    assert_same_bits(tmp_path / "tolerant", tmp_path / "direct")
