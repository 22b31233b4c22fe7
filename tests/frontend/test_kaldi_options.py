"""Options as Kaldi's programs write them."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.cmvn import CmvnOptions
from hybrid_kd.frontend.kaldi_options import parse_kaldi_options, read_kaldi_opts
from hybrid_kd.frontend.mfcc import MfccOptions, read_mfcc_config
from hybrid_kd.frontend.model_features import SpliceOptions


def test_a_config_file_changes_kaldis_defaults(tmp_path: Path) -> None:
    (tmp_path / "mfcc.conf").write_text(
        "# telephone\n--use-energy=false   # not the default\n\n--sample-frequency=8000\n--num_ceps=20\n"
    )
    assert read_mfcc_config(tmp_path / "mfcc.conf") == MfccOptions(
        use_energy=False, sample_frequency=8000.0, num_ceps=20
    )
    (tmp_path / "empty.conf").write_text("")
    assert read_mfcc_config(tmp_path / "empty.conf").use_energy  # Kaldi's default


def test_an_opts_file_is_one_line_and_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "splice_opts").write_text("--left-context=3 --right-context=3\n")
    assert read_kaldi_opts(SpliceOptions, tmp_path / "splice_opts") == SpliceOptions(3, 3)
    (tmp_path / "cmvn_opts").write_text("\n")
    assert read_kaldi_opts(CmvnOptions, tmp_path / "cmvn_opts") == CmvnOptions()
    assert read_kaldi_opts(SpliceOptions, tmp_path / "none") == SpliceOptions(4, 4)  # splice-feats' own


@pytest.mark.parametrize(
    ("text", "value"),
    [("=true", True), ("", True), ("=", True), ("=T", True), ("=1", True), ("=false", False), ("=f", False)],
)
def test_truth_is_written_in_several_ways(text: str, value: bool) -> None:
    assert parse_kaldi_options(CmvnOptions, [f"--norm-vars{text}"], place="x").norm_vars is value


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--use-enery=false", "unknown option '--use-enery=false'"),
        ("use-energy=false", "unknown option 'use-energy=false'"),
        ("--use-energy=no", "not true or false"),
        ("--num-ceps=13.5", "not a whole number"),
        ("--sample-frequency=fast", "not a number"),
        ("--sample-frequency=nan", "not a number"),
        ("--sample-frequency=0", "--sample-frequency=0 is out of range"),
        ("--sample-frequency=8000.5", "--sample-frequency=8000.5 is out of range"),
        ("--frame-shift=0", "--frame-shift=0 is out of range"),
        ("--num-ceps=24", "--num-ceps=24 is out of range"),
        ("--num-mel-bins=0", "--num-mel-bins=0 is out of range"),
        ("--high-freq=9000", "--low-freq=20, --high-freq=9000 is out of range"),
        ("--window-type=round", "--window-type=round is out of range"),
        ("--dither=-1", "--dither=-1 is out of range"),
    ],
)
def test_a_wrong_option_is_an_error(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "mfcc.conf").write_text(line + "\n")
    with pytest.raises(HybridKdError, match=rf"mfcc\.conf: .*{problem}"):
        read_mfcc_config(tmp_path / "mfcc.conf")


def test_a_missing_config_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"mfcc\.conf: cannot be read: No such file"):
        read_mfcc_config(tmp_path / "mfcc.conf")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HybridKdError, match="binary: line 1 is not UTF-8"):
        read_mfcc_config(tmp_path / "binary")
