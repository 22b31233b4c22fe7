"""Transcripts: Kaldi's normalisation, and lines that are not as they should be."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from local.chime4.transcripts import normalize_transcript, read_dot, read_dot_all


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (r"Of course there isn\'t any [misc_noise]", "OF COURSE THERE ISN'T ANY <NOISE>"),
        (r"[loud_breath] I\. B\. M\. introduced", "<NOISE> I. B. M. INTRODUCED"),
        ("the [<door_slam] hand", "THE HAND"),
        ("the [door_slam>] hand", "THE HAND"),
        ("the [phone_ring/] hand [/phone_ring]", "THE HAND"),
        ("<and> so ~ . on", "AND SO ON"),
        ("<it's> so", "IT'S SO"),
        (r"ten %percent \.point five", "TEN PERCENT POINT FIVE"),
        (r"ten \%PERCENT", "TEN PERCENT"),
        ("so --dash on incorporated-dash", "SO -DASH ON INCORPORATED-DASH"),
        (r"\"DOUBLE-QUOTE yes ,COMMA \(LEFT-PAREN", '"DOUBLE-QUOTE YES ,COMMA (LEFT-PAREN'),
        ("word[cough]word", "<NOISE>"),
        ("two[/cough]", ""),
    ],
)
def test_transcripts_are_normalised_as_in_kaldi(written: str, normal: str) -> None:
    """The examples in the comments of normalize_transcript.pl, and what its rules say of others."""
    assert normalize_transcript(written) == normal


@pytest.mark.parametrize("line", ["No name", "Half a name (F01_22GC010A_BUS"])
def test_a_line_without_a_name_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "dt05_real.dot_all"
    path.write_text(f"Good (F01_22GC0101_BUS)\n\n{line}\n")
    with pytest.raises(HybridKdError, match=r"line 2 does not end with \(<utterance>\)"):
        read_dot_all(path)


def test_a_wsj0_line_ends_with_eight_characters(tmp_path: Path) -> None:
    path = tmp_path / "011c0200.dot"
    path.write_text("The (left) one (011c0201) \nThe other (011c02)\n")
    with pytest.raises(HybridKdError, match=r"line 2 does not end with \(<utterance>\)"):
        read_dot(path)
    path.write_text("The (left) one (011c0201) \n")
    assert read_dot(path) == {"011c0201": "THE (LEFT) ONE"}


def test_a_transcript_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="cannot be read"):
        read_dot(tmp_path / "011c0200.dot")
