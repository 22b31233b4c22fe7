"""Groups of frames by environment, signal-to-noise ratio, phone and pdf."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.frame_groups import by_environment, by_pdf, by_phone, by_snr, means_by_group, read_snr

UTT_IDS = ["a_1_STR_SIMU", "a_1_BUS_SIMU", "a_2"]
UTT_OF_FRAME = np.array([0, 0, 1, 2, 2])


def test_environments_are_those_that_utterance_ids_name() -> None:
    groups = by_environment(UTT_IDS, UTT_OF_FRAME)
    assert groups.names == ["BUS", "STR"]
    assert groups.group_of_frame.tolist() == [1, 1, 0, -1, -1]


def test_bins_of_the_signal_to_noise_ratio_lie_between_multiples_of_two() -> None:
    groups = by_snr(UTT_IDS, UTT_OF_FRAME, {"a_1_STR_SIMU": -0.1, "a_1_BUS_SIMU": 4.0})
    assert groups.names == ["-2 to 0 dB", "0 to 2 dB", "2 to 4 dB"]
    assert groups.group_of_frame.tolist() == [0, 0, 2, -1, -1]
    assert by_snr(UTT_IDS, UTT_OF_FRAME, dict.fromkeys(UTT_IDS, 6.0)).names == ["6 to 8 dB"]
    assert by_snr(UTT_IDS, UTT_OF_FRAME, {}).names == []


def test_every_frame_belongs_to_its_phone_and_pdf() -> None:
    pdf_ali = np.array([2, 0, 1])
    phones, pdfs = (make(["SIL", "AH", "SIL"], pdf_ali) for make in (by_phone, by_pdf))
    assert [phones.names[group] for group in phones.group_of_frame] == ["SIL", "SIL", "AH"]
    assert [pdfs.names[group] for group in pdfs.group_of_frame] == ["2 (SIL)", "0 (SIL)", "1 (AH)"]


def test_means_without_frames_are_zero() -> None:
    groups = by_snr(UTT_IDS, UTT_OF_FRAME, {"a_1_STR_SIMU": 1.0, "a_2": 5.0})
    means = means_by_group(groups, np.array([[1.0, 2.0, 9.0, 3.0, 5.0]]))
    assert means.num_frames.tolist() == [2, 0, 2]
    assert means.means.tolist() == [[1.5], [0.0], [4.0]]
    assert means.told() == [("0 to 2 dB", 2, [1.5]), ("4 to 6 dB", 2, [4.0])]


def test_ratios_are_read_of_utt2snr_or_else_of_the_list_of_mixtures(tmp_path: Path) -> None:
    assert read_snr(tmp_path) == {}
    (tmp_path / "mix.tsv").write_text("utt_id\tclean\tnoise_id\tnoise_offset\tsnr_db\nu1\tc\tn\t0\t7.5\n")
    assert read_snr(tmp_path) == {"u1": 7.5}
    (tmp_path / "utt2snr").write_text("u1 3\nu2 -0.5\n")
    assert read_snr(tmp_path) == {"u1": 3.0, "u2": -0.5}


@pytest.mark.parametrize("value", ["loud", "nan", "3 4"])
def test_what_is_no_number_is_named(tmp_path: Path, value: str) -> None:
    (tmp_path / "utt2snr").write_text(f"u1 {value}\n")
    with pytest.raises(HybridKdError, match=rf"utt2snr, utterance 'u1': '{value}' is no number of dB\n  fix"):
        read_snr(tmp_path)
