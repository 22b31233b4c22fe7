"""Records of finished parts."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.feature_parts import PartRecord, read_part_record

GOOD: dict[str, Any] = {"num_frames": {"u": 3}, "seconds": {"u": 0.03}, "left_out": {}}


def test_a_finished_part_is_read_and_another_is_none(tmp_path: Path) -> None:
    assert read_part_record(tmp_path / "1") is None
    (tmp_path / "1.json").write_text(json.dumps(GOOD))
    assert read_part_record(tmp_path / "1") == PartRecord(**GOOD)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (GOOD | {"colour": 1}, "unknown key 'colour'"),
        ({"num_frames": {}}, "missing key 'left_out'"),
        (GOOD | {"num_frames": {"u": "3"}}, "key 'num_frames.u' is '3'"),
    ],
)
def test_a_broken_record_of_a_part_is_named(tmp_path: Path, content: object, problem: str) -> None:
    (tmp_path / "1.json").write_text(json.dumps(content))
    with pytest.raises(HybridKdError, match=rf"1\.json: {problem}\n  fix: delete it, and the same command"):
        read_part_record(tmp_path / "1")
