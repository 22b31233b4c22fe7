"""CMVN against kaldi-native-fbank."""

from pathlib import Path

import kaldi_native_fbank
import kaldi_native_io
import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import CmvnOptions, apply_cmvn, cmvn_statistics, read_cmvn, write_cmvn

pytestmark = pytest.mark.numerical

FEATURES = np.random.default_rng(0).normal(5, 3, (200, 13)).astype(np.float32)


def test_statistics_are_kaldis() -> None:
    np.testing.assert_allclose(
        cmvn_statistics(FEATURES), kaldi_native_fbank.compute_cmvn_stats(FEATURES), rtol=1e-9
    )


@pytest.mark.parametrize("norm_vars", [False, True])
def test_normalised_features_are_kaldis(norm_vars: bool) -> None:
    statistics = cmvn_statistics(FEATURES)
    options = kaldi_native_fbank.CmvnOptions()
    options.norm_vars = norm_vars
    expected = kaldi_native_fbank.apply_cmvn(statistics, options, FEATURES)
    found = apply_cmvn(FEATURES, statistics, options=CmvnOptions(norm_vars=norm_vars))
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    if norm_vars:
        np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-5)


def test_statistics_of_parts_add_up() -> None:
    parts = [cmvn_statistics(FEATURES[:50]), cmvn_statistics(FEATURES[50:])]
    np.testing.assert_allclose(sum(parts), cmvn_statistics(FEATURES), rtol=1e-12)


def test_normalisation_can_be_off() -> None:
    assert apply_cmvn(FEATURES, cmvn_statistics(FEATURES), options=CmvnOptions(norm_means=False)) is FEATURES


def test_a_constant_coefficient_stays_finite() -> None:
    constant = np.full((10, 2), 3, np.float32)
    found = apply_cmvn(constant, cmvn_statistics(constant), options=CmvnOptions(norm_vars=True))
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("statistics", "options", "problem"),
    [
        (np.zeros((2, 14)), CmvnOptions(), "CMVN statistics of 0 frames"),
        (np.full((2, 14), np.nan), CmvnOptions(), "CMVN statistics of nan frames"),
        (np.ones((2, 41)), CmvnOptions(), "CMVN statistics are 2 x 41, features have 13 coefficients"),
        (np.ones((2, 14)), CmvnOptions(norm_vars=True, norm_means=False), "a variance needs its mean"),
    ],
)
def test_statistics_that_do_not_fit_are_an_error(
    statistics: np.ndarray, options: CmvnOptions, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        apply_cmvn(FEATURES, statistics, options=options)


def test_tables_are_doubles_that_kaldi_reads(tmp_path: Path) -> None:
    statistics = {"a": cmvn_statistics(FEATURES), "b": cmvn_statistics(FEATURES[:7])}
    write_cmvn(f"ark,scp:{tmp_path}/cmvn.ark,{tmp_path}/cmvn.scp", statistics)
    with kaldi_native_io.SequentialDoubleMatrixReader(f"scp:{tmp_path}/cmvn.scp") as reader:
        theirs = {key: np.array(value, copy=True) for key, value in reader}
    ours = read_cmvn(tmp_path / "cmvn.scp")
    assert list(ours) == list(theirs) == ["a", "b"]
    for speaker, matrix in statistics.items():
        np.testing.assert_array_equal(ours[speaker], matrix)
        np.testing.assert_array_equal(theirs[speaker], matrix)
    with pytest.raises(HybridKdError, match=r"it holds no cmvn\.scp"):
        read_cmvn(tmp_path / "none" / "cmvn.scp")
