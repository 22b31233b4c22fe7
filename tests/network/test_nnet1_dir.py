"""Kaldi's nnet1 directories as model directories, and back."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.nnet1 import Component, read_nnet1, write_nnet1
from hybrid_kd.archives.pdf_counts import read_pdf_counts
from hybrid_kd.decoding.loglikes import pseudo_loglikes
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.model_dir import load_model, load_networks, save_networks
from hybrid_kd.network.nnet1 import dnn_to_nnet1
from hybrid_kd.network.nnet1_dir import NOT_BESIDE, Nnet1Files, export_nnet1, import_nnet1
from tests.network.test_nnet1 import affine, make_network, splice
from tests.tiny_experiment import DIM, NUM_PDFS, write_alignment_dir

PDF_ALI = np.array([0, 0, 1, 8, 8, 8, 4])


@pytest.fixture(scope="module")
def kaldis(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The network that Kaldi trained, imported, and the directory that it comes from."""
    exp, out = shared / "kaldi-an4" / "exp", tmp_path_factory.mktemp("imported") / "model"
    student = exp / "nnet1_student_ce"
    ali = exp / "tri3b_ali_tr05_multi"
    import_nnet1(Nnet1Files(student / "final.nnet", student / "final.feature_transform", ali), out)
    return out, student


def test_loglikes_are_kaldis_to_float32_rounding(kaldis: tuple[Path, Path], shared: Path) -> None:
    model, golden = load_model(kaldis[0]), shared / "kaldi-an4" / "golden"
    expected = dict(read_matrices(f"ark:{golden}/nnet1_loglikes.ark"))
    features = dict(read_matrices(f"ark:{golden}/fmllr.ark"))
    assert len(features) == 8
    for utt_id, frames in features.items():
        found = pseudo_loglikes(model.logits(torch.from_numpy(frames)), model.log_priors)
        np.testing.assert_allclose(found.numpy(), expected[utt_id], atol=2e-4, rtol=2e-5)


def test_the_export_of_an_import_is_kaldis_directory_byte_by_byte(
    kaldis: tuple[Path, Path], shared: Path, tmp_path: Path
) -> None:
    imported, student = kaldis
    export_nnet1(imported, tmp_path / "out")
    for name in ("final.nnet", "final.feature_transform", "ali_train_pdf.counts"):
        assert (tmp_path / "out" / name).read_bytes() == (student / name).read_bytes()
    golden_mdl = shared / "kaldi-an4/golden/final.mdl.txt"  # copy-transition-model --binary=false
    assert (tmp_path / "out" / "final.mdl").read_bytes() == golden_mdl.read_bytes()
    tree = student.parent / "tri3b_ali_tr05_multi" / "tree"
    assert (tmp_path / "out" / "tree").read_bytes() == tree.read_bytes()
    assert not {path.name for path in (tmp_path / "out").iterdir()} & {*NOT_BESIDE}


def test_import_of_an_export_is_the_same_network(kaldis: tuple[Path, Path], tmp_path: Path) -> None:
    imported, student = kaldis
    export_nnet1(imported, tmp_path / "out")
    files = Nnet1Files(
        tmp_path / "out" / "final.nnet",
        tmp_path / "out" / "final.feature_transform",
        student.parent / "tri3b_ali_tr05_multi",
    )
    import_nnet1(files, tmp_path / "again")
    for name in ("feature_transform", "ali_train_pdf.counts", "final.mdl"):
        assert (tmp_path / "again" / name).read_bytes() == (imported / name).read_bytes()
    before, after = (load_networks(path)[0][0].state_dict() for path in (imported, tmp_path / "again"))
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.fixture
def files(tmp_path: Path) -> Nnet1Files:
    """A small network over the pdfs of a small alignment, without feature transform."""
    network = Dnn(NetworkShape(DIM, 1, 3, NUM_PDFS))
    write_nnet1(tmp_path / "final.nnet", dnn_to_nnet1(network))
    write_alignment_dir(tmp_path / "ali", {"u1": PDF_ALI, "u2": PDF_ALI[:3]})
    return Nnet1Files(tmp_path / "final.nnet", None, tmp_path / "ali")


def test_the_pdfs_of_the_alignment_are_counted(files: Nnet1Files, tmp_path: Path) -> None:
    import_nnet1(files, tmp_path / "model")
    counts = read_pdf_counts(tmp_path / "model" / "ali_train_pdf.counts")
    assert counts.tolist() == [4.5, 2.5, 0.5, 0.5, 1.5, 0.5, 0.5, 0.5, 3.5]


def test_a_model_directory_says_where_it_comes_from_and_what_fits_it(
    files: Nnet1Files, tmp_path: Path
) -> None:
    import_nnet1(files, tmp_path / "model")
    config = (tmp_path / "model" / "config.yaml").read_text()
    assert f"nnet: {files.nnet}\nfeature_transform: null\nali: {files.ali}\n" in config
    assert "hidden_layers: 1\nhidden_dim: 3\nactivation: sigmoid\nleft_context: 0\n" in config
    inputs = json.loads((tmp_path / "model" / "provenance.json").read_text())["inputs"]
    assert set(inputs) == {"nnet", "final.mdl", "ali"}


def test_the_same_import_again_changes_nothing_and_another_is_refused(
    files: Nnet1Files, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    import_nnet1(files, out)
    before = (out / "final.safetensors").stat().st_mtime_ns
    import_nnet1(files, out)
    assert (out / "final.safetensors").stat().st_mtime_ns == before
    write_nnet1(files.nnet, dnn_to_nnet1(Dnn(NetworkShape(DIM, 1, 4, NUM_PDFS))))
    with pytest.raises(HybridKdError, match=r"begun differently: nnet was .*\n  fix: give another --out"):
        import_nnet1(files, out)


def test_a_network_of_another_tree_is_refused(files: Nnet1Files, tmp_path: Path) -> None:
    write_nnet1(files.nnet, dnn_to_nnet1(Dnn(NetworkShape(DIM, 1, 3, 7))))
    problem = rf"final.nnet: gives 7 pdfs, {files.ali}/final.mdl has 9\n  fix: give the alignment that"
    with pytest.raises(HybridKdError, match=problem):
        import_nnet1(files, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def write_transform(path: Path, *components: Component) -> Path:
    write_nnet1(path, components, binary=False)
    return path


def test_a_feature_transform_of_another_size_is_refused(files: Nnet1Files, tmp_path: Path) -> None:
    transform = write_transform(tmp_path / "transform", splice(-1, 0, 1, dim=3))
    with pytest.raises(
        HybridKdError, match=rf"final.nnet: takes 6 coefficients, {transform} gives 9\n  fix: "
    ):
        import_nnet1(Nnet1Files(files.nnet, transform, files.ali), tmp_path / "model")


def test_what_does_not_fit_is_refused_with_file_and_name(files: Nnet1Files, tmp_path: Path) -> None:
    transform = write_transform(tmp_path / "transform", splice(-2, 0, 2))
    with pytest.raises(
        HybridKdError, match=r"transform: has a <Splice> by -2 0 2, .*no such network\n  fix: "
    ):
        import_nnet1(Nnet1Files(files.nnet, transform, files.ali), tmp_path / "model")
    write_nnet1(files.nnet, [affine(NUM_PDFS, DIM)])
    with pytest.raises(
        HybridKdError, match=r"final.nnet: has no hidden layer: hybrid_kd has no such network"
    ):
        import_nnet1(files, tmp_path / "model")


def test_what_is_not_kept_is_said(
    files: Nnet1Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = read_nnet1(files.nnet)
    limited = Component(first.kind, first.output_dim, first.input_dim, first.arrays, {"MaxNorm": 1.0})
    write_nnet1(files.nnet, [limited, *others])
    import_nnet1(files, tmp_path / "model")
    assert "final.nnet: not kept, since `train` has its own: <MaxNorm> 1" in caplog.text


def test_an_alignment_of_another_model_is_refused(files: Nnet1Files, tmp_path: Path) -> None:
    write_alignment_dir(tmp_path / "other", {"u1": PDF_ALI + 9}, num_pdfs=9)
    with pytest.raises(HybridKdError, match=r"too many bad utterances: .*1 transition-ids beyond the model"):
        import_nnet1(Nnet1Files(files.nnet, None, tmp_path / "other"), tmp_path / "model")


def test_an_ensemble_is_refused_by_name(files: Nnet1Files, tmp_path: Path) -> None:
    import_nnet1(files, tmp_path / "model")
    networks = tuple(Dnn(NetworkShape(DIM, 1, 3, NUM_PDFS)) for _ in range(2))
    save_networks(tmp_path / "model" / "final.safetensors", networks, Splice(0, 0))
    with pytest.raises(HybridKdError, match=r"model: is an ensemble of 2 networks, which nnet1 has no place"):
        export_nnet1(tmp_path / "model", tmp_path / "out")


@pytest.mark.parametrize("name", ["cmvn_opts", "delta_opts", "ivector_dim"])
def test_files_that_decode_sh_would_act_on_are_refused_by_name(
    files: Nnet1Files, tmp_path: Path, name: str
) -> None:
    import_nnet1(files, tmp_path / "model")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    with pytest.raises(HybridKdError, match=rf"out: holds {name}, .*\n  fix: give another --out"):
        export_nnet1(tmp_path / "model", tmp_path / "out")


def test_a_model_is_not_exported_over_itself(files: Nnet1Files, tmp_path: Path) -> None:
    import_nnet1(files, tmp_path / "model")
    with pytest.raises(HybridKdError, match=r"model: holds final.safetensors"):
        export_nnet1(tmp_path / "model", tmp_path / "model")


def test_a_network_whose_scaled_logits_overflow_is_refused(files: Nnet1Files, tmp_path: Path) -> None:
    import_nnet1(files, tmp_path / "model")
    network = Dnn(NetworkShape(DIM, 1, 3, NUM_PDFS))
    torch.nn.init.constant_(network.output.bias, 1e35)
    save_networks(tmp_path / "model" / "final.safetensors", (network,), Splice(0, 0))
    with pytest.raises(
        HybridKdError, match=r"final.safetensors: gives NaN or infinity at logit scale 1e\+06"
    ):
        export_nnet1(tmp_path / "model", tmp_path / "out", logit_scale=1e6)
    assert not (tmp_path / "out").exists()


def test_a_final_mdl_of_another_tree_is_refused(files: Nnet1Files, tmp_path: Path) -> None:
    import_nnet1(files, tmp_path / "model")
    write_alignment_dir(tmp_path / "other", {"u1": PDF_ALI}, num_pdfs=12)
    shutil.copyfile(tmp_path / "other" / "final.mdl", tmp_path / "model" / "final.mdl")
    (tmp_path / "model" / "SHA256SUMS").unlink()
    with pytest.raises(HybridKdError, match=r"final.mdl: has 12 pdfs, the network has 9"):
        export_nnet1(tmp_path / "model", tmp_path / "out")


def test_batch_normalisation_and_relu_go_out_and_come_in(files: Nnet1Files, tmp_path: Path) -> None:
    network = make_network("relu", batch_norm=True)
    import_nnet1(files, tmp_path / "model")
    save_networks(tmp_path / "model" / "final.safetensors", (network,), Splice(0, 0))
    (tmp_path / "model" / "ali_train_pdf.counts").write_text(" [ 1 2 3 4 5 ]\n")
    (tmp_path / "model" / "SHA256SUMS").unlink()
    write_alignment_dir(tmp_path / "five", {"u1": PDF_ALI % 5}, num_pdfs=6)
    mdl = (tmp_path / "five" / "final.mdl").read_text().replace(" 2 5\n", " 2 4\n").replace("2 2 5", "2 2 4")
    for directory in ("five", "model"):
        (tmp_path / directory / "final.mdl").write_text(mdl)
    export_nnet1(tmp_path / "model", tmp_path / "out")
    out = tmp_path / "out"
    import_nnet1(
        Nnet1Files(out / "final.nnet", out / "final.feature_transform", tmp_path / "five"), tmp_path / "back"
    )
    frames = torch.randn(9, DIM, generator=torch.Generator().manual_seed(0))
    found = load_model(tmp_path / "back").logits(frames)
    torch.testing.assert_close(found, network(frames).detach(), atol=1e-5, rtol=1e-5)


def test_logits_go_out_scaled(files: Nnet1Files, tmp_path: Path) -> None:
    import_nnet1(files, tmp_path / "model")
    export_nnet1(tmp_path / "model", tmp_path / "out", logit_scale=3.0)
    out = tmp_path / "out"
    import_nnet1(
        Nnet1Files(out / "final.nnet", out / "final.feature_transform", files.ali), tmp_path / "back"
    )
    model = load_model(tmp_path / "model")
    frames = torch.randn(9, model.feature_dim, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(load_model(tmp_path / "back").logits(frames), 3 * model.logits(frames))
