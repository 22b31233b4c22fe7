"""Data directories: what utils/validate_data_dir.sh rejects is an error that says how to mend it."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.data_dir import read_data_dir, read_features
from hybrid_kd.archives.matrices import open_matrix_writer
from hybrid_kd.errors import HybridKdError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three utterances of two speakers."""
    path = tmp_path / "data"
    path.mkdir()
    (path / "utt2spk").write_text("a_1 a\na_2 a\nb_1 b\n")
    (path / "spk2utt").write_text("a a_1 a_2\nb b_1\n")
    (path / "text").write_text("a_1 ONE\na_2\nb_1 TWO  WORDS\n")
    (path / "utt2num_frames").write_text("a_1 2\na_2 2\nb_1 2\n")
    with open_matrix_writer(f"ark,scp:{tmp_path}/feats.ark,{path}/feats.scp") as write:
        for index, utt_id in enumerate(["a_1", "a_2", "b_1"]):
            write(utt_id, np.full((2, 4), index, np.float32))
    return path


def test_a_good_directory_is_read(data: Path) -> None:
    read = read_data_dir(data)
    assert read.path == data
    assert read.utt_ids == ("a_1", "a_2", "b_1")
    assert read.utt2spk == {"a_1": "a", "a_2": "a", "b_1": "b"}
    assert read.text == {"a_1": ["ONE"], "a_2": [], "b_1": ["TWO", "WORDS"]}
    assert [(utt_id, matrix[0, 0]) for utt_id, matrix in read_features(read)] == [
        ("a_1", 0),
        ("a_2", 1),
        ("b_1", 2),
    ]


@pytest.mark.parametrize(
    ("name", "num_utts", "num_frames"),
    [
        ("kaldi-an4/data-fmllr/tr05_multi", 1688, 453_504),
        ("kaldi-libri5k/data-fmllr/dt05_simu", 332, 198_944),
    ],
)
def test_kaldis_directories_are_read(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    num_utts: int,
    num_frames: int,
) -> None:
    (tmp_path / "shared").symlink_to(shared)
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path / "root")  # the paths in feats.scp begin with ../shared
    read = read_data_dir(shared / name)
    shapes = [matrix.shape for _, matrix in read_features(read)]
    assert len(read.utt_ids) == len(shapes) == num_utts
    assert sum(rows for rows, _ in shapes) == num_frames
    assert {columns for _, columns in shapes} == {40}


def test_text_and_features_may_be_absent_where_they_are_not_needed(data: Path) -> None:
    (data / "text").unlink()
    (data / "feats.scp").unlink()
    read = read_data_dir(data, needs_feats=False)
    assert read.text is None
    assert read.feats == {}
    with pytest.raises(HybridKdError, match=r"it holds no feats.scp\n  fix: make features first"):
        read_data_dir(data)


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("utt2spk", "", "lists no utterance"),
        (
            "utt2spk",
            "a_2 a\na_1 a\nb_1 b\n",
            "utt2spk, utterance 'a_1': line 2: stands after 'a_2'; ids must be",
        ),
        ("utt2spk", "a_1 a\na_1 a\nb_1 b\n", "utt2spk, utterance 'a_1': line 2: comes twice"),
        ("utt2spk", "a_1 a\n\nb_1 b\n", "utt2spk: line 2 is empty"),
        ("utt2spk", "a_1 a\na_2 a b\nb_1 b\n", "utt2spk, utterance 'a_2': expected one speaker, found 'a b'"),
        ("utt2spk", "a_1 a\na_2\nb_1 b\n", "utt2spk, utterance 'a_2': expected one speaker, found ''"),
        (
            "spk2utt",
            "a a_1 a_2\n",
            r"spk2utt: other utterances than in utt2spk: 1 missing, .* \('b_1' is missing\)",
        ),
        ("spk2utt", "a a_1\nb a_2 b_1\n", "spk2utt, utterance 'a_2': speaker 'b', but 'a' in utt2spk"),
        ("spk2utt", "a a_1 a_2 a_1\nb b_1\n", "spk2utt, utterance 'a_1': comes twice"),
        ("spk2utt", "b b_1\na a_1 a_2\n", "line 2: stands after 'b'; ids must be unique and in C order"),
        ("text", "a_1 ONE\na_2 TWO\n", "text: other utterances than in utt2spk: 1 missing, 0 too many"),
        ("text", "a_1 X\na_2 X\nb_1 X\nc_1 X\n", r"0 missing, 1 too many \('c_1' is not in utt2spk\)"),
        ("text", "a_1 X\nb_1 X\na_2 X\n", "text, utterance 'a_2': line 3: stands after 'b_1'"),
        ("feats.scp", "a_1 x:1\na_2 x:2\n", "feats.scp: other utterances than in utt2spk"),
        ("feats.scp", "a_1 x:1\na_2\nb_1 x:3\n", "feats.scp, utterance 'a_2': has nothing after the id"),
        ("utt2num_frames", "a_1 2\n", "utt2num_frames: other utterances than in utt2spk: 2 missing"),
        ("wav.scp", "a_1 a.wav\n", "wav.scp: other utterances than in utt2spk: 2 missing"),
        ("cmvn.scp", "a x:1\n", "cmvn.scp: other speakers than in utt2spk: 1 missing"),
    ],
)
def test_a_wrong_file_is_an_error(data: Path, file: str, content: str, problem: str) -> None:
    (data / file).write_text(content)
    with pytest.raises(HybridKdError, match=problem):
        read_data_dir(data)


def test_order_is_that_of_bytes(data: Path) -> None:
    (data / "utt2spk").write_text("B B\na a\né é\n")
    (data / "spk2utt").write_text("B B\na a\né é\n")
    for name in ("text", "feats.scp", "utt2num_frames"):
        (data / name).unlink()
    assert read_data_dir(data, needs_feats=False).utt_ids == ("B", "a", "é")


@pytest.mark.parametrize("name", ["utt2spk", "spk2utt"])
def test_a_missing_file_is_an_error(data: Path, name: str) -> None:
    (data / name).unlink()
    with pytest.raises(HybridKdError, match=f"{name}: cannot be read: No such file or directory"):
        read_data_dir(data)


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ("\u00a0", r"U\+00A0 \(NO-BREAK SPACE\)"),
        ("\u3000", r"U\+3000 \(IDEOGRAPHIC SPACE\)"),
        ("\u2028", r"U\+2028 \(LINE SEPARATOR\)"),
        ("\u0085", r"U\+0085 \(a control character\)"),
        ("\ufeff", r"U\+FEFF \(ZERO WIDTH NO-BREAK SPACE\)"),
    ],
)
def test_white_space_that_is_not_ascii_is_refused_by_name(data: Path, space: str, name: str) -> None:
    (data / "text").write_text(f"a_1\tX\x0bY  Z\r\na_2 X{space}Y\nb_1 X\n", newline="")
    with pytest.raises(HybridKdError, match=f"text: line 2 holds {name}.*\n  fix: replace it by a space"):
        read_data_dir(data)
    (data / "text").write_text("a_1\tX\x0bY  Z\r\na_2 X Y\nb_1 X\n", newline="")
    assert read_data_dir(data).text == {"a_1": ["X", "Y", "Z"], "a_2": ["X", "Y"], "b_1": ["X"]}


def test_a_byte_order_mark_is_skipped(data: Path) -> None:
    (data / "text").write_bytes(b"\xef\xbb\xbf" + (data / "text").read_bytes())
    text = read_data_dir(data).text
    assert text is not None
    assert "a_1" in text


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="none: no such directory"):
        read_data_dir(tmp_path / "none")


def test_text_that_is_not_utf8_is_an_error(data: Path) -> None:
    (data / "text").write_bytes(b"a_1 \xff\na_2 X\nb_1 X\n")
    with pytest.raises(HybridKdError, match="text: line 1 is not UTF-8"):
        read_data_dir(data)


def test_with_segments_wav_scp_lists_recordings(data: Path) -> None:
    (data / "wav.scp").write_text("recording a.wav\n")
    (data / "segments").write_text("a_1 recording 0 1\na_2 recording 1 2\nb_1 recording 2 3\n")
    assert len(read_data_dir(data).utt_ids) == 3


def test_a_command_in_feats_scp_is_refused(data: Path) -> None:
    (data / "feats.scp").write_text("a_1 cat x |\na_2 cat x |\nb_1 cat x |\n")
    with pytest.raises(HybridKdError, match="utterance 'a_1': this would run a command"):
        list(read_features(read_data_dir(data)))
