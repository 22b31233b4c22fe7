"""Annotations and lists: what is not as the corpus has it is told by file."""

import json
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from local.chime4.annotations import expect_same, read_annotations, read_track_list
from local.chime4.layout import Utterance

GOOD = {"speaker": "F01", "wsj_name": "22GC010A", "environment": "BUS", "start": 1.0}
UTTERANCE = Utterance("dt05", "real", "F01", "22GC010A", "BUS")


def test_annotations_and_list_name_the_same_utterance(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([GOOD]))
    (tmp_path / "a.list").write_text("dt05_bus_real/F01_22GC010A_BUS.CH5.wav\n")
    assert read_annotations(tmp_path / "a.json", part="dt05", kind="real") == [UTTERANCE]
    assert read_track_list(tmp_path / "a.list", part="dt05", kind="real") == [UTTERANCE]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "not JSON"),
        ("{}", "not a list of annotations"),
        ("[]", "not a list of annotations"),
        ('["F01"]', "annotation 1 is no object"),
        (
            json.dumps([GOOD, {**GOOD, "speaker": None}]),
            "annotation 2 lacks speaker, wsj_name or environment",
        ),
        (json.dumps([{**GOOD, "environment": "PUB"}]), "annotation 1 has environment 'PUB'"),
        (json.dumps([GOOD, GOOD]), "utterance 'F01_22GC010A_BUS': comes twice"),
    ],
)
def test_malformed_annotations_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "dt05_real.json"
    path.write_text(content)
    with pytest.raises(HybridKdError, match=r"dt05_real\.json") as caught:
        read_annotations(path, part="dt05", kind="real")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lists nothing"),
        ("F01_22GC010A_BUS.CH5.wav\n", "is not of the form dt05_bus_real/"),
        ("dt05_caf_real/F01_22GC010A_BUS.CH5.wav\n", "is not of the form dt05_bus_real/"),
        ("dt05_bus_real/F01_22GC010A.CH5.wav\n", "is not of the form dt05_bus_real/"),
        (2 * "dt05_bus_real/F01_22GC010A_BUS.CH5.wav\n", "'F01_22GC010A_BUS': comes twice"),
        ("dt05_bus_réal\n", "cannot be read"),
    ],
)
def test_malformed_lists_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "dt05_real_1ch_track.list"
    path.write_text(content)
    with pytest.raises(HybridKdError) as caught:
        read_track_list(path, part="dt05", kind="real")
    assert message in str(caught.value)


def test_a_list_of_other_utterances_is_refused() -> None:
    other = Utterance("dt05", "real", "F04", "22GC010A", "BUS")
    with pytest.raises(HybridKdError, match=r"'F04_22GC010A_BUS': 1 utterances .* it is only in the list"):
        expect_same(Path("a.list"), [UTTERANCE, other], [UTTERANCE])
    with pytest.raises(HybridKdError, match="only in the annotations"):
        expect_same(Path("a.list"), [UTTERANCE], [UTTERANCE, other])
