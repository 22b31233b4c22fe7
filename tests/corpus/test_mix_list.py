"""mix.tsv and noise.tsv: what is written is read; what is wrong is named with file and line."""

from pathlib import Path

import pytest

from hybrid_kd.corpus.mix_list import MixItem, read_mix_list, read_noise_list, write_mix_list
from hybrid_kd.errors import HybridKdError

HEADER = "utt_id\tclean\tnoise_id\tnoise_offset\tsnr_db\n"
NOISE_HEADER = "noise_id\tpath\tenvironment\ttrain_share\n"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    items = [MixItem("a_1_BUS_SIMU", "a/1.wav", "bus", 12, 3.5), MixItem("b", "b.wav", "cafe", 0, -1.0)]
    write_mix_list(tmp_path / "mix.tsv", items)
    assert read_mix_list(tmp_path / "mix.tsv") == items


def test_the_reference_lists_are_read(shared: Path) -> None:
    assert len(read_mix_list(shared / "kaldi-an4/data/tr05_multi/mix.tsv")) == 1688
    recordings = read_noise_list(shared / "audio/noise")
    assert len(recordings) == 13
    assert recordings["cafe_duoyi_cafe"].border(960000) == 576000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no column 'utt_id'"),
        (HEADER, "lists nothing but its header"),
        ("utt_id\tclean\n", r"no column 'noise_id' in its first line \(utt_id, clean\)"),
        (HEADER + "a\tb\n", "line 2 has 2 fields, its header 5"),
        (HEADER + "a\tb\tc\tfar\t1\n", r"utterance 'a': invalid literal for int\(\)"),
        (HEADER + "a\tb\tc\t-1\t1\n", "utterance 'a': noise_offset -1 or snr_db 1.0 is out of range"),
        (HEADER + "a\tb\tc\t1\tnan\n", "utterance 'a': noise_offset 1 or snr_db nan is out of range"),
        (HEADER + "a\tb\tc\t1\t1\na\tb\tc\t1\t1\n", "utterance 'a': comes twice"),
    ],
)
def test_a_bad_mixing_list_is_an_error(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "mix.tsv").write_text(content)
    with pytest.raises(HybridKdError, match=problem):
        read_mix_list(tmp_path / "mix.tsv")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("noise_id\tpath\nx\ty\n", "no column 'environment'"),
        (NOISE_HEADER + "a\ta.wav\tbus\thalf\n", "utterance 'a': train_share is 'half', not 0 to 1"),
        (NOISE_HEADER + "a\ta.wav\tbus\t1.5\n", "utterance 'a': train_share is '1.5', not 0 to 1"),
        (NOISE_HEADER + "a\ta.wav\tbus\t1\na\tb.wav\tbus\t1\n", "utterance 'a': comes twice"),
    ],
)
def test_a_bad_noise_list_is_an_error(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "noise.tsv").write_text(content)
    with pytest.raises(HybridKdError, match=problem):
        read_noise_list(tmp_path)


def test_a_missing_or_undecodable_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"noise.tsv: cannot be read: No such file or directory"):
        read_noise_list(tmp_path)
    (tmp_path / "noise.tsv").write_bytes(b"\xff")
    with pytest.raises(HybridKdError, match=r"noise.tsv: line 1 is not UTF-8"):
        read_noise_list(tmp_path)
