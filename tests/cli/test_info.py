"""``hybrid-kd info`` says what a path is, and fails on what is broken."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from hybrid_kd.archives.matrices import open_matrix_writer
from hybrid_kd.archives.pdf_counts import write_pdf_counts
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.cli.main import main
from hybrid_kd.distill.label_header import LabelStorePlan
from hybrid_kd.distill.label_store import TeacherOutputs, write_label_store
from hybrid_kd.distill.noise import fit_noise_axes
from hybrid_kd.frames.labelled import Splice, load_labelled_frames
from tests.archives.test_lattices import COMPACT
from tests.tiny_experiment import (
    TinyExperiment,
    make_tiny_experiment,
    transition_model_text,
    write_alignment_dir,
)


@pytest.fixture
def an4(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Kaldi's experiment, from a working directory in which its scp files are right."""
    (tmp_path / "shared").symlink_to(shared)
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path / "root")
    return "../shared/kaldi-an4"


def info(capsys: pytest.CaptureFixture[str], path: str | Path, *flags: str, status: int = 0) -> str:
    """Run the command and give what it prints (its error, if it should fail)."""
    assert main(["info", str(path), *flags]) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def test_an_alignment_directory_with_gmms(capsys: pytest.CaptureFixture[str], an4: str) -> None:
    text = info(capsys, f"{an4}/exp/tri3b_ali_tr05_multi")
    assert "tri3b_ali_tr05_multi: alignment directory: 2 jobs\n" in text
    assert "alignments: 1687 entries, 'fash_an251_CAF_SIMU' to 'mwhw_cen8_CAF_SIMU'" in text
    assert "frames: 453396 in all, 68 to 638 an entry" in text
    assert "transition model: 384 pdfs, 3116 transition-ids, 1518 triples, 142 phones, HMM topology" in text
    assert "GMMs: 6007 Gaussians over 40 coefficients" in text
    assert "trans.2: matrices: 33 entries" in text


def test_an_alignment_directory_without_gmms(capsys: pytest.CaptureFixture[str], an4: str) -> None:
    text = info(capsys, f"{an4}/exp/tri3b_ali_dt05_simu")
    assert "frames: 103928 in all" in text
    assert "GMM" not in text


def test_an_alignment_of_another_model_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shared: Path
) -> None:
    (tmp_path / "num_jobs").write_text("1\n")
    (tmp_path / "ali.1.gz").write_bytes(gzip.compress(b"u 5000\n"))
    assert "no final.mdl" in info(capsys, tmp_path)
    (tmp_path / "final.mdl").symlink_to(shared / "kaldi-an4" / "golden" / "final.trans.mdl")
    error = info(capsys, tmp_path, status=1)
    assert "utterance 'u': transition-id 5000 is not of this model, which has 1 to 3116" in error


def test_a_data_directory(capsys: pytest.CaptureFixture[str], an4: str) -> None:
    text = info(capsys, f"{an4}/data-fmllr/dt05_simu")
    assert "data directory: 416 utterances of 8 speakers" in text
    assert "text: 2396 words" in text
    assert "frames: 103928 in all, 78 to 598 an entry" in text
    assert "coefficients: 40" in text
    assert "features" not in info(capsys, f"{an4}/data/dt05_simu")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "golden/fmllr_compressed.ark",
            "matrices: 8 entries, 'fkdo_an131_BUS_SIMU' to 'mkdb_an316_STR_SIMU'",
        ),
        ("golden/ali.txt", "integer vectors: 8 entries"),
        ("golden/nnet1_post_unnormalised.ark", "posteriors: 8 entries"),
        ("golden/lat_compact.ark", "lattices: 8 entries"),
        ("golden/final.mat", "one matrix of 40 x 91 numbers"),
        ("golden/final.mdl.txt", "Kaldi model\n  transition model: 384 pdfs"),
        ("exp/tri3b", "GMM model directory\n  transition model: 384 pdfs"),
        ("exp/nnet1_student_ce/ali_train_pdf.counts", "one vector of 384 numbers"),
        ("exp/tri3b_ali_dt05_simu/ali.1.gz", "integer vectors: 212 entries"),
        ("data-fmllr/et05_simu/feats.scp", "matrices: 520 entries"),
    ],
)
def test_files(capsys: pytest.CaptureFixture[str], an4: str, path: str, words: str) -> None:
    assert f"{Path(path).name}: {words}" in info(capsys, f"{an4}/{path}")


def test_an_rspecifier(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a 1\n")
    assert "integer vectors: 1 entry" in info(capsys, f"ark,s,cs:{tmp_path}/t")
    assert "this would run a command" in info(capsys, f"ark:cat {tmp_path}/t |", status=1)
    assert "integer vectors: 1 entry" in info(capsys, f"ark:cat {tmp_path}/t |", "--allow-pipes")


def test_a_model_directory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shape = {"input_dim": 4, "hidden_layers": 1, "hidden_dim": 3, "num_pdfs": 2, "activation": "relu"}
    tensors = {
        "0.shift": np.zeros(4, np.float32),
        "0.hidden.0.affine.weight": np.zeros((3, 4), np.float32),
        "0.hidden.0.affine.bias": np.zeros(3, np.float32),
        "0.output.weight": np.zeros((2, 3), np.float32),
        "0.output.bias": np.zeros(2, np.float32),
    }
    shapes = json.dumps([shape | {"batch_norm": True, "dropout": 0.3}])
    save_file(tensors, tmp_path / "final.safetensors", {"shapes": shapes})
    write_pdf_counts(tmp_path / "ali_train_pdf.counts", np.array([10.5, 20.5]))
    (tmp_path / "config.yaml").write_text("seed: 3\n")
    text = info(capsys, tmp_path)
    assert "network: 4 -> 1 x 3 -> 2, relu, batch normalisation, dropout 0.3" in text
    assert "parameters: 23" in text
    assert "training alignment: 31 counts of 2 pdfs" in text
    assert "config.yaml:\n    seed: 3" in text
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  config.yaml\n")
    assert "config.yaml: is damaged: its sha256 is not that of SHA256SUMS" in info(capsys, tmp_path, status=1)
    (tmp_path / "SHA256SUMS").unlink()
    (tmp_path / "final.safetensors").write_bytes((tmp_path / "final.safetensors").read_bytes()[:-1])
    assert "final.safetensors: not a network of hybrid_kd: " in info(capsys, tmp_path, status=1)


def test_a_model_directory_in_training(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 3\n")
    (tmp_path / "train.jsonl").touch()
    assert "no final.safetensors: the training is not finished" in info(capsys, tmp_path)


def test_a_label_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = LabelStorePlan("exp/teacher", "a" * 64, "data/train", "b" * 64, 5, (1.0, 2.0), 0.01)
    logits = torch.tensor([[12.0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    write_label_store(tmp_path / "labels", [TeacherOutputs("u1", logits), TeacherOutputs("u2", logits)], plan)
    text = info(capsys, tmp_path / "labels")
    assert "label store: 2 utterances, 4 frames" in text
    assert "(3.00 a frame), pruned below 0.01, of 5 pdfs" in text
    assert "T = 2: pruning discards 0." in text
    assert f"teacher: exp/teacher (sha256 {'a' * 64})" in text
    (tmp_path / "labels" / "logits.float32").write_bytes(b"")
    assert "logits.float32: holds 0 bytes instead of" in info(capsys, tmp_path / "labels", status=1)


def test_a_label_store_of_an_uncertain_teacher(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """sigma is 1 in one utterance and 2 in the other, for all of the nine pdfs of three phones."""
    teacher, data = tmp_path / "teacher", tmp_path / "data"
    teacher.mkdir()
    data.mkdir()
    (teacher / "final.mdl").write_text(transition_model_text(3))
    (data / "utt2snr").write_text("a_BUS_SIMU 3\nb_STR_SIMU 0\n")
    arguments = str(teacher), "a" * 64, str(data), "b" * 64, 9, (1.0,), 0.01
    plan = LabelStorePlan(*arguments, uncertainty_rank=2, uncertainty_sha256="c" * 64)
    logits = 5 * torch.eye(9)[[0, 4]]
    utterances = [
        TeacherOutputs("a_BUS_SIMU", logits, torch.ones(2, 9)),
        TeacherOutputs("b_STR_SIMU", logits[:1], 2 * torch.ones(1, 9)),
    ]
    axes = fit_noise_axes(torch.rand(20, 9), 2)
    write_label_store(tmp_path / "labels", utterances, plan, axes)
    lines = info(capsys, tmp_path / "labels").splitlines()
    rows = [line.split() for line in lines[lines.index(f"  data: {data} (sha256 {'b' * 64})") + 1 :]]
    assert rows[0][:2] == ["uncertainty:", "direction"]
    assert rows[2:4] == [["BUS", "2", "1.000"], ["STR", "1", "2.000"]]
    assert rows[5:7] == [["0", "to", "2", "dB", "1", "2.000"], ["2", "to", "4", "dB", "2", "1.000"]]
    assert rows[8:] == [["1", "2", "1.500"], ["2", "1", "1.000"]]
    (teacher / "final.mdl").unlink()
    (data / "utt2snr").unlink()
    assert "STR" in (text := info(capsys, tmp_path / "labels"))
    assert "phone" not in text
    assert "ratio" not in text


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyExperiment, Path]:
    """A network with an uncertainty head, and what it was trained on."""
    root = tmp_path_factory.mktemp("unsure")
    data = make_tiny_experiment(root / "data", num_dev=60)
    train = ["train", *data.train_args(root / "model"), "--max-iters", "1", "--uncertainty"]
    assert main(train) == 0
    return data, root / "model"


def test_what_a_network_is_unsure_about(
    capsys: pytest.CaptureFixture[str], unsure: tuple[TinyExperiment, Path]
) -> None:
    data, model = unsure
    assert "  uncertainty head: softplus, 81 parameters beside the network's\n" in info(capsys, model)
    text = info(capsys, model, "--data", str(data.dev_data), "--ali", str(data.dev_ali))
    frames = load_labelled_frames(
        data.dev_data, data.dev_ali, read_transition_model(data.dev_ali / "final.mdl"), splice=Splice()
    ).num_frames
    assert f"  uncertainty over {data.dev_data}, {frames} frames\n" in text
    assert re.search(
        r"expected calibration error: 0\.\d{4} of softmax\(f\), 0\.\d{4} of the mean over 8", text
    )
    assert re.search(r"cross-entropy: [\d.]+, [\d.]+ nats a frame; frames right: [\d.]+%, [\d.]+%", text)
    assert re.search(rf"    all +{frames:,} +[\d.]+ +0\.\d+ +0\.\d+ +0\.\d+\n", text)
    for what in ("least sure phones", "most sure phones", "least sure pdfs", "most sure pdfs"):
        assert f"    {what}  frames  frames right %  sigma" in text
    assert "environment " not in text


def test_uncertainty_of_what_has_none_is_an_error(
    capsys: pytest.CaptureFixture[str], unsure: tuple[TinyExperiment, Path], tmp_path: Path
) -> None:
    data, model = unsure
    flags = ["--data", str(data.dev_data), "--ali", str(data.dev_ali)]
    error = info(capsys, model, *flags[:2], status=1)
    assert "--data and --ali: only one of them was given\n  fix: give both, or neither" in error
    error = info(capsys, data.dev_data, *flags, status=1)
    assert "dev: this is no network with an uncertainty head\n  fix: give one that was trained with" in error
    write_alignment_dir(tmp_path / "ali", {"u": np.array([0])}, num_pdfs=12)
    for name in ("ali.1.gz", "num_jobs"):
        (tmp_path / "ali" / name).write_bytes((data.dev_ali / name).read_bytes())
    error = info(capsys, model, *flags[:3], str(tmp_path / "ali"), status=1)
    assert "ali: final.mdl has 12 pdfs" in error
    assert "fix: give an alignment by the model of its training" in error


def test_a_decode_directory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "num_jobs").write_text("1\n")
    (tmp_path / "lat.1.gz").write_bytes(gzip.compress(b"u " + COMPACT))
    text = info(capsys, tmp_path)
    assert "decode directory: 1 jobs\n  lat.1.gz: lattices: 1 entry, 'u' to 'u'\n    states: 7 in all" in text
    (tmp_path / "num_jobs").write_text("2\n")
    assert "lat.2.gz: cannot be read: No such file or directory" in info(capsys, tmp_path, status=1)


def test_a_broken_archive_is_an_error_with_file_key_and_fix(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with open_matrix_writer(f"ark:{tmp_path}/m.ark") as write:
        write("u1", np.ones((3, 2), np.float32))
        write("u2", np.ones((3, 2), np.float32))
    (tmp_path / "m.ark").write_bytes((tmp_path / "m.ark").read_bytes()[:-1])
    error = info(capsys, tmp_path / "m.ark", status=1)
    assert f"hybrid-kd info: {tmp_path}/m.ark, utterance 'u2': truncated or of wrong size: 24 bytes" in error
    assert "\n  fix: " in error


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "x: empty (0 bytes of content)"),
        (b"some text\n", "utterance 'some': a value of no kind that is known"),
        (b"\0", "x: a value of no kind that is known"),
        (b"\0BXX ", "x: expected a matrix, found b'XX'"),
        (b"\0B<TransitionModel> ", "x: not a transition model: truncated"),
        (b" [ 1 2", "x: truncated: the file ends before ']'"),
    ],
)
def test_files_of_no_known_kind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "x").write_bytes(content)
    assert problem in info(capsys, tmp_path / "x", status=1)


def test_an_empty_gzip_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b""))
    assert "empty (0 bytes of content)" in info(capsys, tmp_path / "x.gz", status=1)
    (tmp_path / "x.gz").write_bytes(b"plain")
    assert "the gzip data is damaged: Not a gzipped file" in info(capsys, tmp_path / "x.gz", status=1)


def test_directories_of_no_known_kind(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "empty\n  fix: known are: " in info(capsys, tmp_path, status=1)
    (tmp_path / "x").touch()
    assert "nothing in this directory is known" in info(capsys, tmp_path, status=1)
    assert "cannot be read: No such file" in info(capsys, tmp_path / "none", status=1)
