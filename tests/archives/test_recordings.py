"""wav.scp and segments."""

from pathlib import Path

import pytest

from hybrid_kd.archives.data_dir import read_data_dir, write_data_dir
from hybrid_kd.archives.recordings import Recording, read_recordings
from hybrid_kd.errors import HybridKdError

UTT2SPK = {"a_1": "a", "a_2": "a"}


def test_wav_scp_is_by_utterance_without_segments(tmp_path: Path) -> None:
    data = write_data_dir(
        tmp_path, utt2spk=UTT2SPK, tables={"wav.scp": {"a_1": "x.wav", "a_2": "sox y.wav -t wav - |"}}
    )
    assert read_recordings(data) == {"a_1": Recording("x.wav"), "a_2": Recording("sox y.wav -t wav - |")}


def test_segments_are_parts_of_recordings(tmp_path: Path) -> None:
    tables = {"wav.scp": {"r": "x.wav"}, "segments": {"a_1": "r 0.5 2", "a_2": "r 2.5 -1 1"}}
    data = write_data_dir(tmp_path, utt2spk=UTT2SPK, tables=tables)
    assert read_recordings(data) == {
        "a_1": Recording("x.wav", 0.5, 2.0),
        "a_2": Recording("x.wav", 2.5, None, 1),
    }


@pytest.mark.parametrize(
    ("segment", "problem"),
    [
        ("r 0.5", "expected `recording start end"),
        ("r 1 2 0 0", "expected `recording start end"),
        ("q 1 2", "recording 'q' is not in wav.scp"),
        ("r 2 1", "from 2 s to 1 s is no segment"),
        ("r -1 1", "from -1 s to 1 s is no segment"),
        ("r nan 1", "a time that is not finite"),
        ("r one 1", "could not convert string to float: 'one'"),
        ("r 1 2 left", "channel 'left' is not 0, 1, ..."),
    ],
)
def test_a_wrong_segment_is_an_error(tmp_path: Path, segment: str, problem: str) -> None:
    tables = {"wav.scp": {"r": "x.wav"}, "segments": {"a_1": segment, "a_2": "r 0 1"}}
    data = write_data_dir(tmp_path, utt2spk=UTT2SPK, tables=tables)
    with pytest.raises(HybridKdError, match=rf"segments, utterance 'a_1': {problem}"):
        read_recordings(data)


def test_segments_of_other_utterances_are_an_error(tmp_path: Path) -> None:
    tables = {"wav.scp": {"r": "x.wav"}, "segments": {"a_1": "r 0 1"}}
    data = write_data_dir(tmp_path, utt2spk=UTT2SPK, tables=tables)
    with pytest.raises(HybridKdError, match=r"segments: other utterances than in utt2spk: 1 \('a_2'\)"):
        read_recordings(data)


def test_a_directory_without_audio_is_an_error(tmp_path: Path) -> None:
    data = write_data_dir(tmp_path, utt2spk=UTT2SPK)
    with pytest.raises(HybridKdError, match=r"it holds no wav\.scp"):
        read_recordings(data)


def test_a_written_directory_is_sorted_and_complete(tmp_path: Path) -> None:
    utt2spk = {"b_1": "b", "a_2": "a", "B_1": "B", "a_1": "a"}
    data = write_data_dir(
        tmp_path / "d", utt2spk=utt2spk, tables={"text": {"b_1": "", "a_2": "TWO", "B_1": "X", "a_1": "ONE"}}
    )
    assert data == read_data_dir(tmp_path / "d", needs_feats=False)
    assert (tmp_path / "d/utt2spk").read_text() == "B_1 B\na_1 a\na_2 a\nb_1 b\n"
    assert (tmp_path / "d/spk2utt").read_text() == "B B_1\na a_1 a_2\nb b_1\n"
    assert (tmp_path / "d/text").read_text() == "B_1 X\na_1 ONE\na_2 TWO\nb_1\n"


def test_a_half_written_directory_is_not_taken_for_one(tmp_path: Path) -> None:
    write_data_dir(tmp_path, utt2spk=UTT2SPK)
    with pytest.raises(HybridKdError, match=r"text: other utterances than in utt2spk"):
        write_data_dir(tmp_path, utt2spk=UTT2SPK, tables={"text": {"a_1": "ONE"}})
    with pytest.raises(TypeError):
        write_data_dir(tmp_path, utt2spk=UTT2SPK, tables={"text": {"a_1": "ONE", 2: "TWO"}})  # type: ignore[dict-item]
    assert not (tmp_path / "utt2spk").exists()
