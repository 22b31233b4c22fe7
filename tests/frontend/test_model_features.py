"""Features of a model against Kaldi's own."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.data_dir import DataDir, write_data_dir
from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices, write_matrix
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import CmvnOptions, cmvn_statistics, write_cmvn
from hybrid_kd.frontend.dynamics import add_deltas
from hybrid_kd.frontend.model_features import (
    FeatureKind,
    SpliceOptions,
    read_feature_kind,
    read_model_features,
)
from hybrid_kd.tally import Tally


def write_mfccs(path: Path, mfccs: dict[str, np.ndarray], utt2spk: dict[str, str]) -> DataDir:
    """A data directory with feats.scp and cmvn.scp."""
    path.mkdir(parents=True, exist_ok=True)
    statistics: dict[str, np.ndarray] = {}
    with open_matrix_writer(f"ark,scp:{path}/feats.ark,{path}/feats.scp") as write:
        for utt_id, matrix in mfccs.items():
            write(utt_id, matrix)
            speaker = utt2spk[utt_id]
            statistics[speaker] = statistics.get(speaker, 0) + cmvn_statistics(matrix)
    write_cmvn(f"ark,scp:{path}/cmvn.ark,{path}/cmvn.scp", statistics)
    return write_data_dir(path, utt2spk=utt2spk)


@pytest.fixture
def tiny(tmp_path: Path) -> DataDir:
    """Two utterances of two speakers."""
    rng = np.random.default_rng(0)
    mfccs = {f"{s}_1": rng.normal(size=(9, 3)).astype(np.float32) for s in "ab"}
    return write_mfccs(tmp_path / "data", mfccs, {"a_1": "a", "b_1": "b"})


def test_fmllr_frames_are_kaldis(shared: Path, tmp_path: Path) -> None:
    """From Kaldi's MFCC, whose statistics are over more utterances than are here."""
    golden = shared / "kaldi-an4" / "golden"
    utt2spk = dict(line.split() for line in (golden / "utt2spk").read_text().splitlines())
    data = write_mfccs(tmp_path, dict(read_matrices(f"ark:{golden}/mfcc_nodither.ark")), utt2spk)
    with open_matrix_writer(f"ark,scp:{tmp_path}/cmvn.ark,{tmp_path}/cmvn.scp") as write:
        for speaker, matrix in read_matrices(f"ark:{golden}/cmvn.ark"):
            write(speaker, matrix)
    transforms = dict(read_matrices(f"ark:{golden}/trans.ark"))
    found = dict(read_model_features(data, shared / "kaldi-an4/exp/tri3b", transforms=transforms))
    expected = dict(read_matrices(f"ark:{golden}/fmllr.ark"))
    assert list(found) == list(expected)
    for utt_id, matrix in expected.items():
        np.testing.assert_allclose(found[utt_id], matrix, atol=5e-6)  # of values up to 8.6


def test_the_kind_is_found_as_kaldis_scripts_do(shared: Path, tmp_path: Path) -> None:
    kind = read_feature_kind(shared / "kaldi-an4/exp/tri3b")
    assert (kind.dynamics, kind.splice, kind.cmvn) == ("splice", SpliceOptions(3, 3), CmvnOptions())
    assert kind.matrix is not None
    assert kind.matrix.shape == (40, 91)
    (tmp_path / "cmvn_opts").write_text("--norm-vars=true\n")
    kind = read_feature_kind(tmp_path)
    assert (kind.dynamics, kind.matrix, kind.cmvn.norm_vars) == ("deltas", None, True)
    (tmp_path / "splice_opts").write_text("--left-context=-1\n")
    with pytest.raises(HybridKdError, match="splice_opts: a context out of range"):
        read_feature_kind(tmp_path)
    with pytest.raises(HybridKdError, match="none: no such directory"):
        read_feature_kind(tmp_path / "none")


def test_without_a_model_there_are_deltas(tiny: DataDir) -> None:
    for _, frames in read_model_features(tiny, None):
        assert frames.shape == (9, 9)
        np.testing.assert_array_equal(frames, add_deltas(frames[:, :3]))


def test_a_kind_may_be_given(tiny: DataDir) -> None:
    kind = FeatureKind(dynamics="splice", splice=SpliceOptions(1, 2))
    assert [frames.shape for _, frames in read_model_features(tiny, None, kind=kind)] == [(9, 12)] * 2
    plain = FeatureKind(dynamics="none")
    assert [frames.shape for _, frames in read_model_features(tiny, None, kind=plain)] == [(9, 3)] * 2


def test_a_speaker_without_transform_is_left_out_or_an_error(tiny: DataDir) -> None:
    transforms = {"a": np.ones((2, 10), np.float32)}
    tally = Tally("data")
    found = dict(read_model_features(tiny, None, transforms=transforms, tally=tally))
    assert {utt_id: frames.shape for utt_id, frames in found.items()} == {"a_1": (9, 2)}
    assert tally.reason_of == {"b_1": "no transform of its speaker"}
    with pytest.raises(HybridKdError, match="'b_1': no transform of its speaker"):
        list(read_model_features(tiny, None, transforms=transforms))


@pytest.mark.parametrize(
    ("matrix", "problem"),
    [
        (np.zeros((0, 0), np.float32), "no frames"),
        (np.full((3, 3), np.nan, np.float32), "NaN or infinity in features"),
    ],
)
def test_bad_mfccs_are_left_out(tmp_path: Path, matrix: np.ndarray, problem: str) -> None:
    good = np.ones((4, 3), np.float32)
    data = write_mfccs(tmp_path, {"a_1": good, "a_2": good}, {"a_1": "a", "a_2": "a"})
    with open_matrix_writer(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/feats.scp") as write:
        write("a_1", good)
        write("a_2", matrix)
    tally = Tally("data")
    assert [utt_id for utt_id, _ in read_model_features(data, None, tally=tally)] == ["a_1"]
    assert tally.reason_of == {"a_2": problem}


def test_a_model_of_other_dimensions_is_an_error(tiny: DataDir, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    write_matrix(model / "final.mat", np.ones((2, 91), np.float32))
    with pytest.raises(HybridKdError, match="'a_1': a transform of 2 x 91, but the features have 27"):
        list(read_model_features(tiny, model))


def test_data_without_statistics_is_an_error(tiny: DataDir) -> None:
    (tiny.path / "cmvn.scp").unlink()
    with pytest.raises(
        HybridKdError, match=r"it holds no cmvn\.scp\n  fix: make MFCC with `hybrid-kd features`"
    ):
        list(read_model_features(tiny, None))
