"""`hybrid-kd import-nnet1`, `export-nnet1`, `export-onnx` as commands, and what takes an imported model."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.cli.main import main
from hybrid_kd.json_files import read_json
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyExperiment:
    return make_tiny_experiment(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def trained(tiny: TinyExperiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "trained"
    assert main(["train", *tiny.train_args(out), "--max-iters", "2"]) == 0
    return out


@pytest.fixture(scope="module")
def exported(trained: Path) -> Path:
    out = trained.parent / "exported"
    assert main(["export-nnet1", "--model", str(trained), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def imported(exported: Path, tiny: TinyExperiment) -> Path:
    out = exported.parent / "imported"
    nnet1 = ["--nnet", exported / "final.nnet", "--feature-transform", exported / "final.feature_transform"]
    arguments = [*nnet1, "--ali", tiny.train_ali, "--out", out]
    assert main(["import-nnet1", *map(str, arguments)]) == 0
    return out


def forward(model: Path, tiny: TinyExperiment, archive: Path) -> dict[str, np.ndarray]:
    assert main(["forward", "--model", str(model), "--data", str(tiny.dev_data), f"ark:{archive}"]) == 0
    return dict(read_matrices(f"ark:{archive}"))


def test_the_directory_holds_what_kaldis_decode_sh_reads_and_nothing_else(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {
        *("final.nnet", "final.feature_transform", "final.mdl", "ali_train_pdf.counts"),
    }


def test_training_wrote_the_same_feature_transform(trained: Path, exported: Path, imported: Path) -> None:
    written = (trained / "feature_transform").read_bytes()
    assert (exported / "final.feature_transform").read_bytes() == written
    assert (imported / "feature_transform").read_bytes() == written


def test_an_imported_export_gives_the_same_loglikes(
    trained: Path, imported: Path, tiny: TinyExperiment, tmp_path: Path
) -> None:
    before, after = forward(trained, tiny, tmp_path / "a"), forward(imported, tiny, tmp_path / "b")
    assert list(before) == list(after)
    for utt_id in before:
        np.testing.assert_array_equal(before[utt_id], after[utt_id])


def test_an_imported_model_is_described(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(imported)]) == 0
    printed = capsys.readouterr().out
    assert "network: 18 -> 2 x 8 -> 9, sigmoid" in printed
    assert "hidden_layers: 2" in printed


def test_an_imported_model_labels(imported: Path, tiny: TinyExperiment, tmp_path: Path) -> None:
    arguments = ["--teacher", imported, "--data", tiny.train_data, "--out", tmp_path / "labels"]
    assert main(["label", *map(str, arguments)]) == 0
    assert read_json(tmp_path / "labels" / "labels.json")["num_utterances"] == 12


def test_retraining_keeps_the_imported_normalisation_and_starts_from_its_weights(
    imported: Path, tiny: TinyExperiment, tmp_path: Path
) -> None:
    shifted = load_file(imported / "final.safetensors")
    arguments = ["--init", str(imported), "--teacher", str(imported), "--learning-rate", "1e-6"]
    assert main(["train", *tiny.train_args(tmp_path / "out"), *arguments, "--max-iters", "1"]) == 0
    retrained = load_file(tmp_path / "out" / "final.safetensors")
    for name in ("0.shift", "0.scale"):
        assert torch.equal(retrained[name], shifted[name])
    weight = "0.hidden.0.affine.weight"
    assert 0 < (retrained[weight] - shifted[weight]).abs().max() < 1e-3


def test_a_damaged_network_is_an_error_that_names_it(
    exported: Path, tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "final.nnet").write_bytes((exported / "final.nnet").read_bytes()[:-30])
    arguments = ["--nnet", tmp_path / "final.nnet", "--ali", tiny.train_ali, "--out", tmp_path / "model"]
    assert main(["import-nnet1", *map(str, arguments)]) == 1
    printed = capsys.readouterr().err
    assert f"hybrid-kd import-nnet1: {tmp_path}/final.nnet: not an nnet1 network: " in printed


def test_onnx_file_is_written(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    assert main(["export-onnx", "--model", str(trained), str(tmp_path / "model.onnx")]) == 0
    assert (tmp_path / "model.onnx").stat().st_size > 1000


def test_without_the_package_onnx_it_is_named(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "hybrid_kd.network.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export-onnx", "--model", str(trained), str(tmp_path / "model.onnx")]) == 1
    assert "needs the package onnx\n  fix: pip install 'hybrid_kd[onnx]'" in capsys.readouterr().err
    assert not (tmp_path / "model.onnx").exists()
