"""``hybrid-kd decode`` and ``score`` on Kaldi's own network."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from hybrid_kd.archives.lattices import read_lattices
from hybrid_kd.cli.main import main
from tests.decoding.experiment import SHORT_UTTS, golden_features, golden_lines, write_data, write_model


@pytest.fixture(scope="module")
def model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(shared, tmp_path_factory.mktemp("model") / "student")


@pytest.fixture(scope="module")
def data(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    features = golden_features(shared)
    return write_data(
        shared,
        tmp_path_factory.mktemp("data") / "dt05_simu",
        {utt_id: features[utt_id] for utt_id in SHORT_UTTS},
    )


@pytest.fixture(scope="module")
def graph(shared: Path) -> Path:
    return shared / "kaldi-an4/exp/tri3b/graph"


def decode(model: Path, data: Path, graph: Path, out: Path, *more: str) -> int:
    arguments = ["--model", str(model), "--data", str(data), "--graph", str(graph), "--out", str(out)]
    return main(["decode", *arguments, "--decoder", "embedded", *more])


@pytest.fixture(scope="module")
def decoded(model: Path, data: Path, graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decoded with narrow beams by two jobs."""
    out = tmp_path_factory.mktemp("exp") / "decode"
    assert decode(model, data, graph, out, "--beam", "11", "--lattice-beam", "4", "--nj", "2") == 0
    return out


def test_the_words_are_kaldis(decoded: Path, shared: Path) -> None:
    logs = "".join((decoded / "log" / f"decode.{job}.log").read_text() for job in (1, 2))
    lines = [line.rstrip() for line in golden_lines(shared, "latgen_words.txt")]
    assert [line for line in lines if line in logs.splitlines()] == [
        line for line in lines if line.split()[0] in SHORT_UTTS
    ]


def test_a_decode_directory_describes_itself(decoded: Path) -> None:
    summary = json.loads((decoded / "decode.json").read_text())
    assert summary["decoder_program"] == "kaldi-decoder LatticeSimpleDecoder"
    assert (summary["num_done"], summary["num_partial"], summary["num_left_out"]) == (3, 0, 0)
    assert summary["num_frames"] == 3 * 308
    assert 0 < summary["real_time_factor_search"] < 100
    assert (decoded / "num_jobs").read_text() == "2\n"
    assert (decoded / "utt_ids").read_text().split() == list(SHORT_UTTS)
    found = [utt_id for job in (1, 2) for utt_id, _ in read_lattices(decoded / f"lat.{job}.gz")]
    assert found == list(SHORT_UTTS)


def test_a_finished_decoding_is_left_alone(
    decoded: Path, model: Path, data: Path, graph: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {path: path.stat().st_mtime_ns for path in decoded.rglob("*")}
    assert decode(model, data, graph, decoded, "--beam", "11", "--lattice-beam", "4", "--nj", "2") == 0
    assert {path: path.stat().st_mtime_ns for path in decoded.rglob("*")} == before


def test_an_unfinished_decoding_is_continued(
    decoded: Path, model: Path, data: Path, graph: Path, tmp_path: Path
) -> None:
    out = tmp_path / "decode"
    shutil.copytree(decoded, out)
    for name in ("decode.json", "lat.2.gz", "log/decode.2.json"):
        (out / name).unlink()
    finished = (out / "lat.1.gz").stat().st_mtime_ns
    assert main(["score", "--data", str(data), "--graph", str(graph), str(out)]) == 1
    assert decode(model, data, graph, out, "--beam", "11", "--lattice-beam", "4", "--nj", "2") == 0
    assert (out / "lat.1.gz").stat().st_mtime_ns == finished
    assert (out / "lat.2.gz").read_bytes() == (decoded / "lat.2.gz").read_bytes()


def test_the_number_of_jobs_matters_only_until_all_are_finished(
    decoded: Path, model: Path, data: Path, graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "decode"
    shutil.copytree(decoded, out)
    assert decode(model, data, graph, out, "--beam", "11", "--lattice-beam", "4", "--nj", "3") == 0
    (out / "decode.json").unlink()
    assert decode(model, data, graph, out, "--beam", "11", "--lattice-beam", "4", "--nj", "3") == 1
    assert "config.yaml: begun differently: nj was 2, is 3" in capsys.readouterr().err


def test_other_options_or_inputs_are_refused(
    decoded: Path, model: Path, data: Path, graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decode(model, data, graph, decoded, "--beam", "9", "--lattice-beam", "4", "--nj", "2") == 1
    assert (
        "config.yaml: begun differently: beam was 11.0, is 9.0\n  fix: give another --out"
        in capsys.readouterr().err
    )
    begun = "--beam", "11", "--lattice-beam", "4", "--nj", "2"
    assert decode(model, data, graph, decoded, *begun, "--logit-scale", "2") == 1
    assert "config.yaml: begun differently: logit_scale was 1.0, is 2.0" in capsys.readouterr().err
    other = tmp_path / "student"
    shutil.copytree(model, other)
    (other / "ali_train_pdf.counts").write_text(" [ " + "1 " * 384 + "]\n")
    assert decode(other, data, graph, decoded, *begun) == 1
    assert "provenance.json: begun differently: model was " in capsys.readouterr().err


def test_features_of_another_dimension_are_an_error_and_leave_no_lattices(
    model: Path, graph: Path, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_data(shared, tmp_path / "data", {"u_1": np.zeros((50, 13), np.float32)})
    assert decode(model, other, graph, tmp_path / "decode") == 1
    assert "utterance 'u_1': features have 13 coefficients, the model takes 40" in capsys.readouterr().err
    assert not list((tmp_path / "decode").glob("*lat*"))


def test_nan_in_features_is_an_error_that_counts(
    model: Path, graph: Path, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = np.zeros((20, 40), np.float32)
    bad[3, 4] = np.nan
    other = write_data(shared, tmp_path / "data", {"u_1": bad})
    assert decode(model, other, graph, tmp_path / "decode") == 1
    message = "too many bad utterances: done 0, left out 1 (1 NaN or infinity in features)"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "decode" / "decode.json").exists()


def test_a_graph_of_another_model_is_refused(
    model: Path, data: Path, graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "graph"
    other.mkdir()
    for name in ("HCLG.fst", "words.txt"):
        (other / name).symlink_to(graph / name)
    (other / "num_pdfs").write_text("1987\n")
    assert decode(model, data, other, tmp_path / "decode") == 1
    assert "num_pdfs: graph of 1987 pdfs, the model has 384" in capsys.readouterr().err
    assert not (tmp_path / "decode").exists()


def test_missing_inputs_are_named(
    model: Path, data: Path, graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "decode"
    for broken, place in (
        ((tmp_path, data, graph), f"{tmp_path}: it holds no final.safetensors"),
        ((model, tmp_path / "data", graph), f"{tmp_path}/data: no such directory"),
        ((model, data, tmp_path), f"{tmp_path}: it holds none of HCLG.fst"),
    ):
        assert decode(*broken, out) == 1
        assert place in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--beam", "0"), ("--beam", "nan"), ("--nj", "-1"), ("--max-utts", "0"), ("--logit-scale", "0")],
)
def test_options_out_of_range_are_named(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    graph = tmp_path / "graph"
    assert decode(model, data, graph, tmp_path / "decode", flag, value) == 1
    assert f"{flag}: " in capsys.readouterr().err


def test_a_network_of_another_tree_is_refused(
    model: Path, data: Path, graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "student"
    shutil.copytree(model, other)
    (other / "SHA256SUMS").unlink()
    counts = (other / "ali_train_pdf.counts").read_text().split()
    (other / "ali_train_pdf.counts").write_text(" ".join([*counts[:-2], "]\n"]))
    assert len(load_file(other / "final.safetensors")) > 0
    assert decode(other, data, graph, tmp_path / "decode") == 1
    assert "counts of 383 pdfs, the network has 384" in capsys.readouterr().err


def test_kaldis_decoder_is_asked_for_in_vain(
    model: Path,
    data: Path,
    graph: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert decode(model, data, graph, tmp_path / "decode", "--decoder", "kaldi") == 1
    assert "--decoder kaldi: latgen-faster-mapped is not on the PATH" in capsys.readouterr().err
