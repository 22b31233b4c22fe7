"""Decoding in two passes by Kaldi's model and graph."""

import io
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.byte_reader import ByteReader
from hybrid_kd.archives.lattices import Lattice, parse_lattice, read_lattices
from hybrid_kd.decoding.embedded import decode_utterance
from hybrid_kd.decoding.graph import load_graph
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import read_transforms
from hybrid_kd.gmm.decode_fmllr import decode_fmllr, read_silence_phones
from hybrid_kd.gmm.model_dir import read_gmm_model_dir
from hybrid_kd.gmm.options import DecodeFmllrOptions
from hybrid_kd.gmm.speaker_decoding import rescore_lattice
from tests.decoding.experiment import golden_features, golden_lines
from tests.gmm.experiment import change_mfccs, keep_one_utterance, write_golden_data

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def options(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> DecodeFmllrOptions:
    path = tmp_path_factory.mktemp("decode")
    kaldi = shared / "kaldi-an4/exp/tri3b"
    return DecodeFmllrOptions(
        data=write_golden_data(shared, path / "data"),
        graph=kaldi / "graph",
        model=kaldi,
        out=path / "decode",
        beam=8.0,
        first_beam=7.0,
        lattice_beam=2.0,
    )


@pytest.fixture(scope="module")
def decoded(options: DecodeFmllrOptions) -> Path:
    logging.getLogger("hybrid_kd").setLevel(logging.INFO)
    decode_fmllr(options)
    return options.out


def test_most_words_are_found(shared: Path, decoded: Path) -> None:
    logs = "".join(path.read_text() for path in (decoded / "log").glob("decode.*.log"))
    found = {words[0]: words[1:] for words in map(str.split, logs.splitlines()) if words[0].endswith("SIMU")}
    text = {words[0]: words[1:] for words in map(str.split, golden_lines(shared, "text"))}
    assert found.keys() == text.keys()
    right = sum(word in found[utt_id] for utt_id, words in text.items() for word in words)
    assert right > 0.8 * sum(map(len, text.values()))


def test_lattices_and_transforms_are_kaldis_files(decoded: Path) -> None:
    lattices: dict[str, Lattice] = {}
    for job in (1, 2):
        lattices |= dict(read_lattices(decoded / f"lat.{job}.gz"))
    assert len(lattices) == 8
    assert all(lattice.num_arcs for lattice in lattices.values())
    assert {speaker: matrix.shape for speaker, matrix in read_transforms(decoded).items()} == {
        "fkdo": (40, 41),
        "mkdb": (40, 41),
    }
    assert (decoded / "num_jobs").read_text() == "2\n"


def test_a_finished_decoding_is_left_alone(
    options: DecodeFmllrOptions, decoded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        decode_fmllr(options)
    assert "already done" in caplog.text


def test_only_the_jobs_that_are_missing_are_done(options: DecodeFmllrOptions, decoded: Path) -> None:
    before = (decoded / "lat.1.gz").stat().st_mtime_ns
    second = (decoded / "lat.2.gz").read_bytes()
    (decoded / "decode.json").unlink()
    (decoded / "log/decode.2.json").unlink()
    decode_fmllr(options)
    assert (decoded / "lat.1.gz").stat().st_mtime_ns == before
    assert (decoded / "lat.2.gz").read_bytes() == second


def test_other_options_are_refused(options: DecodeFmllrOptions, decoded: Path) -> None:
    with pytest.raises(HybridKdError, match=r"beam was 8\.0, is 9\.0"):
        decode_fmllr(replace(options, beam=9.0))


def test_rescoring_with_the_same_model_changes_no_cost(shared: Path) -> None:
    directory = shared / "kaldi-an4/exp/tri3b"
    model_dir = read_gmm_model_dir(directory)
    frames = golden_features(shared)["mkdb_an316_PED_SIMU"]
    search = SearchOptions(0.083333, 8.0, 2.0)
    graph = load_graph(directory / "graph/HCLG.fst")
    found = decode_utterance(
        graph, model_dir.gmm.loglikes(frames), model_dir.model.transition_id_to_pdf_id, search
    )
    assert found is not None
    lattice = parse_lattice(ByteReader(io.BytesIO(found.lattice)))
    again = rescore_lattice(lattice, model_dir.gmm, model_dir.model, frames)
    np.testing.assert_allclose(again.acoustic_costs, lattice.acoustic_costs, atol=0.01)
    other = rescore_lattice(lattice, model_dir.ali_gmm, model_dir.model, frames)
    assert np.abs(other.acoustic_costs - lattice.acoustic_costs).max() > 1
    with pytest.raises(ValueError, match="more than 5 frames"):
        rescore_lattice(lattice, model_dir.gmm, model_dir.model, frames[:5])


def test_a_graph_without_silence_phones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"silence\.csl: cannot be read: No such file"):
        read_silence_phones(tmp_path)
    (tmp_path / "phones").mkdir()
    (tmp_path / "phones/silence.csl").write_text("1:two\n")
    with pytest.raises(HybridKdError, match=r"silence\.csl: not a list of phones"):
        read_silence_phones(tmp_path)


def test_a_graph_of_another_model_is_refused(
    shared: Path, options: DecodeFmllrOptions, tmp_path: Path
) -> None:
    graph = tmp_path / "graph"
    (graph / "phones").mkdir(parents=True)
    for name in ("HCLG.fst", "words.txt", "phones/silence.csl"):
        (graph / name).write_bytes((options.graph / name).read_bytes())
    (graph / "num_pdfs").write_text("1987\n")
    with pytest.raises(HybridKdError, match="graph of 1987 pdfs, the model has 384"):
        decode_fmllr(replace(options, graph=graph, out=tmp_path / "decode"))


def test_until_it_is_finished_it_is_cut_into_the_same_jobs(
    options: DecodeFmllrOptions, decoded: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "decode"
    shutil.copytree(decoded, copy)
    decode_fmllr(replace(options, out=copy, nj=1))
    (copy / "decode.json").unlink()
    with pytest.raises(HybridKdError, match="begun differently: nj was 2, is 1"):
        decode_fmllr(replace(options, out=copy, nj=1))


def test_another_graph_is_refused(options: DecodeFmllrOptions, decoded: Path, tmp_path: Path) -> None:
    shutil.copytree(options.graph, tmp_path / "graph")
    decode_fmllr(replace(options, graph=tmp_path / "graph"))
    with (tmp_path / "graph/words.txt").open("a") as file:
        file.write("XYZZY 9999\n")
    with pytest.raises(HybridKdError, match="begun differently: graph was"):
        decode_fmllr(replace(options, graph=tmp_path / "graph"))


def test_a_directory_that_kaldi_decoded_is_left_to_it(options: DecodeFmllrOptions, tmp_path: Path) -> None:
    (tmp_path / "lat.1.gz").touch()
    with pytest.raises(HybridKdError, match=r"it is there, but no provenance\.json says"):
        decode_fmllr(replace(options, out=tmp_path))
    assert [path.name for path in tmp_path.iterdir() if path.name != "log"] == ["lat.1.gz"]


def test_a_speaker_with_little_speech_keeps_the_identity(
    shared: Path, options: DecodeFmllrOptions, tmp_path: Path
) -> None:
    data = keep_one_utterance(write_golden_data(shared, tmp_path / "data"), "mkdb")
    decode_fmllr(replace(options, data=data, out=tmp_path / "decode"))
    transforms = read_transforms(tmp_path / "decode")
    np.testing.assert_array_equal(transforms["mkdb"], np.eye(40, 41))
    assert np.abs(transforms["fkdo"] - np.eye(40, 41)).max() > 0.1
    logs = "".join(log.read_text() for log in (tmp_path / "decode/log").glob("decode.*.log"))
    assert "speaker 'mkdb' keeps the identity as fMLLR transform: " in logs


def test_features_of_another_dimension_are_refused(
    shared: Path, options: DecodeFmllrOptions, tmp_path: Path
) -> None:
    data = write_golden_data(shared, tmp_path / "data")
    change_mfccs(data, lambda mfccs: mfccs[:, :12])
    with pytest.raises(
        HybridKdError, match=r"features, utterance '.*': CMVN statistics are 2 x 14, features have 12"
    ):
        decode_fmllr(replace(options, data=data, out=tmp_path / "decode"))
