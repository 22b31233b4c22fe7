"""Features of a model against Kaldi's own."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.data_dir import DataDir, read_features, write_data_dir
from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import CmvnOptions, cmvn_statistics, read_cmvn, write_cmvn
from hybrid_kd.frontend.dynamics import add_deltas
from hybrid_kd.frontend.model_features import (
    FeatureKind,
    SpliceOptions,
    features_of_utterance,
    mfcc_problem,
    model_features,
    read_feature_kind,
)

pytestmark = pytest.mark.numerical


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


def test_fmllr_frames_are_kaldis(shared: Path, tmp_path: Path) -> None:
    """From Kaldi's MFCC, whose statistics are over more utterances than are here."""
    golden = shared / "kaldi-an4" / "golden"
    utt2spk = dict(line.split() for line in (golden / "utt2spk").read_text().splitlines())
    data = write_mfccs(tmp_path, dict(read_matrices(f"ark:{golden}/mfcc_nodither.ark")), utt2spk)
    with open_matrix_writer(f"ark,scp:{tmp_path}/cmvn.ark,{tmp_path}/cmvn.scp") as write:
        for speaker, matrix in read_matrices(f"ark:{golden}/cmvn.ark"):
            write(speaker, matrix)
    transforms = dict(read_matrices(f"ark:{golden}/trans.ark"))
    kind, statistics = read_feature_kind(shared / "kaldi-an4/exp/tri3b"), read_cmvn(tmp_path / "cmvn.scp")
    found = {
        utt_id: model_features(
            mfccs, statistics[utt2spk[utt_id]], kind=kind, transform=transforms[utt2spk[utt_id]]
        )
        for utt_id, mfccs in read_features(data)
    }
    expected = dict(read_matrices(f"ark:{golden}/fmllr.ark"))
    assert list(found) == list(expected)
    for utt_id, matrix in expected.items():
        np.testing.assert_allclose(found[utt_id], matrix, atol=5e-5)  # float32 sums of 91 products


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


def test_deltas_are_added_or_frames_are_spliced() -> None:
    mfccs = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    statistics = cmvn_statistics(mfccs)
    frames = model_features(mfccs, statistics, kind=FeatureKind())
    np.testing.assert_array_equal(frames, add_deltas(frames[:, :3]))
    spliced = FeatureKind(dynamics="splice", splice=SpliceOptions(1, 2))
    assert model_features(mfccs, statistics, kind=spliced).shape == (9, 12)
    assert model_features(mfccs, statistics, kind=FeatureKind(dynamics="none")).shape == (9, 3)


@pytest.mark.parametrize(
    ("matrix", "speaker", "problem"),
    [
        (np.zeros((0, 0), np.float32), "a", "no frames"),
        (np.full((3, 3), np.nan, np.float32), "a", "NaN or infinity in features"),
        (np.ones((3, 3), np.float32), "b", "no transform of its speaker"),
        (np.ones((3, 3), np.float32), "a", None),
    ],
)
def test_why_no_features_can_be_made(matrix: np.ndarray, speaker: str, problem: str | None) -> None:
    assert mfcc_problem(matrix, speaker, {"a": np.ones((2, 10), np.float32)}) == problem
    assert mfcc_problem(np.ones((3, 3), np.float32), speaker, None) is None


def test_a_model_of_other_dimensions_is_an_error() -> None:
    mfccs, kind = np.ones((4, 3), np.float32), FeatureKind(dynamics="none")
    with pytest.raises(HybridKdError, match="data, utterance 'a_1': a transform of 2 x 91, but the features"):
        features_of_utterance(
            "data", "a_1", mfccs, cmvn_statistics(mfccs), kind=kind, transform=np.ones((2, 91), np.float32)
        )
    with pytest.raises(HybridKdError, match="'a_1': CMVN statistics are 2 x 3, features have 3 coeff"):
        features_of_utterance("data", "a_1", mfccs, np.ones((2, 3)), kind=kind, transform=None)


def test_data_without_statistics_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        HybridKdError, match=r"it holds no cmvn\.scp\n  fix: make MFCC with `hybrid-kd features`"
    ):
        read_cmvn(tmp_path / "cmvn.scp")
