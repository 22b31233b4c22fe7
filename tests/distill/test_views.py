"""Which labels a training utterance gets where the teacher has seen another view of the same speech."""

import logging
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.distill.views import UttMap, View, match_view, read_utt_map
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures, join_utterances

MANY = 200  # utterances, so that one of them is less than 1 %


def training_features(lengths: dict[str, int]) -> SplicedFeatures:
    features = [np.zeros((length, 2), np.float32) for length in lengths.values()]
    return join_utterances(list(lengths), features, left_context=0, right_context=0)


def view(lengths: dict[str, int]) -> View:
    return View(Path("labels"), tuple(lengths), np.cumsum([0, *lengths.values()]))


def utt_map(label_utt_ids: dict[str, str]) -> UttMap:
    return UttMap(Path("utt_map"), label_utt_ids)


def test_without_a_map_utterances_are_matched_by_id() -> None:
    matched = match_view(training_features({"u3": 2, "u1": 3}), view({"u1": 3, "u2": 4, "u3": 2}))
    assert matched.num_frames == {0: 2, 1: 3}
    assert matched.row_of_frame.tolist() == [7, 8, 0, 1, 2]


def test_several_utterances_may_have_the_labels_of_one() -> None:
    inputs = training_features({"u1.CH4": 3, "u1.CH5": 3, "u2.CH5": 2})
    mapping = utt_map({"u2.CH5": "u2", "u1.CH5": "u1", "u1.CH4": "u1", "unused.CH5": "u9"})
    matched = match_view(inputs, view({"u1": 3, "u2": 2}), utt_map=mapping)
    assert matched.row_of_frame.tolist() == [0, 1, 2, 0, 1, 2, 3, 4]


def test_a_training_utterance_that_the_map_lacks_is_an_error() -> None:
    inputs = training_features({"a": 3, "b": 3, "c": 3})
    message = r"utt_map, utterance 'b': has no line for 2 of 3 training utterances\n  fix: give it one line"
    with pytest.raises(HybridKdError, match=message):
        match_view(inputs, view({"u1": 3}), utt_map=utt_map({"a": "u1"}))


@pytest.mark.parametrize(
    ("lengths", "reason", "fix"),
    [
        ({"x": 3}, "1 no teacher labels", "or say by --utt-map which utterance has the same speech"),
        ({"u1": 4}, "1 frame mismatch", "or allow the difference in length by --frame-tolerance 1"),
        ({"u1": 40}, "1 frame mismatch", "or the same speech with as many frames"),
        (
            {"u1": 9},
            "1 frame mismatch",
            "with frame subsampling 3; label the data directory that you train on",
        ),
    ],
)
def test_labels_of_another_data_set_are_an_error(lengths: dict[str, int], reason: str, fix: str) -> None:
    inputs = training_features({"u2": 5} | lengths)
    with pytest.raises(HybridKdError, match=rf"labels: .* done 1, left out 1 \({reason}\)") as caught:
        match_view(inputs, view({"u1": 3, "u2": 5}))
    assert "label the data directory that you train on" in str(caught.value)
    assert fix in str(caught.value)


def test_no_common_utterance_is_an_error() -> None:
    with pytest.raises(HybridKdError, match=r"done 0, left out 1 \(1 no teacher labels\)"):
        match_view(training_features({"x": 3}), view({"u1": 3}))


@pytest.mark.parametrize(
    ("label_utt_id", "length", "warning"),
    [
        ("u7", 4, "labels: left out 'u7.CH5': frame mismatch ('u7' has 3 frames, training features have 4)"),
        ("typo", 3, "labels: left out 'u7.CH5': no teacher labels (there is no 'typo')"),
    ],
)
def test_a_bad_utterance_among_many_is_named_and_left_out(
    caplog: pytest.LogCaptureFixture, label_utt_id: str, length: int, warning: str
) -> None:
    inputs = training_features({f"u{index}.CH5": 3 for index in range(MANY)} | {"u7.CH5": length})
    mapping = {f"u{index}.CH5": f"u{index}" for index in range(MANY)} | {"u7.CH5": label_utt_id}
    with caplog.at_level(logging.WARNING):
        matched = match_view(
            inputs, view({f"u{index}": 3 for index in range(MANY)}), utt_map=utt_map(mapping)
        )
    assert matched.num_frames == {index: 3 for index in range(MANY) if index != 7}
    assert matched.row_of_frame.tolist() == [row for row in range(3 * MANY) if row // 3 != 7]
    assert caplog.messages == [warning]


def test_within_the_tolerance_the_longer_one_is_cut() -> None:
    inputs, labelled = training_features({"u1": 3, "u2": 4}), view({"u1": 5, "u2": 2})
    matched = match_view(inputs, labelled, frame_tolerance=2)
    assert matched.num_frames == {0: 3, 1: 2}
    assert matched.row_of_frame.tolist() == [0, 1, 2, 5, 6]
    with pytest.raises(HybridKdError, match="2 frame mismatch"):
        match_view(inputs, labelled, frame_tolerance=1)


def test_lines_of_a_map_may_stand_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "utt_map").write_bytes(b"b\tu1 \r\na u1\n")
    assert read_utt_map(tmp_path / "utt_map").label_utt_ids == {"b": "u1", "a": "u1"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a u1\na u2\n", r"utt_map, utterance 'a': line 2: comes twice"),
        (b"a u1\nb u2 u3\n", r"utt_map: line 2: expected two ids, found 'b u2 u3'"),
        (b"a u1\n\nb u2\n", r"utt_map: line 2: expected two ids, found ''"),
        (b"", r"utt_map: it lists no utterance"),
        (b"\xff u1\n", r"utt_map: line 1 is not UTF-8"),
        (None, r"utt_map: cannot be read: .*No such file"),
    ],
)
def test_a_bad_map_is_an_error(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "utt_map").write_bytes(content)
    with pytest.raises(HybridKdError, match=problem):
        read_utt_map(tmp_path / "utt_map")
