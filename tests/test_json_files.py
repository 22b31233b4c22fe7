import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import MAX_JSON_BYTES, build_record, parse_json, read_json, read_record

FIX = "write it again"


@dataclass(frozen=True)
class Inner:
    num_frames: int


@dataclass(frozen=True)
class Record:
    name: str
    rate: float
    is_new: bool = False
    kind: Literal["a", "b"] = "a"
    temperatures: tuple[float, ...] = ()
    inner: Inner | None = None
    lengths: dict[str, int] = field(default_factory=dict)
    anything: Any = None


def write(path: Path, change: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"name": "x", "rate": 0.5} | change))
    return path


def test_a_record_is_read_with_the_defaults_of_what_is_missing(tmp_path: Path) -> None:
    assert read_record(write(tmp_path / "r.json", {}), Record, fix=FIX) == Record("x", 0.5)


def test_lists_objects_and_choices_become_what_the_fields_are(tmp_path: Path) -> None:
    change = {
        "kind": "b",
        "temperatures": [1, 2.5],
        "inner": {"num_frames": 3},
        "lengths": {"u": 4},
        "anything": [None],
    }
    record = read_record(write(tmp_path / "r.json", change), Record, fix=FIX)
    assert record == Record("x", 0.5, False, "b", (1, 2.5), Inner(3), {"u": 4}, [None])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"rate": "fast"}, "key 'rate' is 'fast'"),
        ({"rate": True}, "key 'rate' is True"),
        ({"name": None}, "key 'name' is None"),
        ({"is_new": 1}, "key 'is_new' is 1"),
        ({"kind": "c"}, "key 'kind' is 'c'"),
        ({"temperatures": ["1"]}, "key 'temperatures' is '1'"),
        ({"inner": {}}, "missing key 'num_frames'"),
        ({"inner": 3}, "not a JSON object: 3"),
        ({"lengths": {"u": "4"}}, "key 'lengths.u' is '4'"),
        ({"lengths": "u" * 1000}, r"key 'lengths' is 'u{76}\.\.\."),
    ],
)
def test_a_key_that_does_not_fit_is_named_with_file_and_fix(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    path = write(tmp_path / "r.json", change)
    with pytest.raises(HybridKdError, match=rf"r\.json: {problem}\n  fix: {FIX}$"):
        read_record(path, Record, fix=FIX)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"name": "x"}')
    with pytest.raises(HybridKdError, match="missing key 'rate'"):
        read_record(tmp_path / "r.json", Record, fix=FIX)


@pytest.mark.parametrize("brackets", ["[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000])
def test_deeply_nested_json_is_an_error_and_no_recursion(tmp_path: Path, brackets: str) -> None:
    (tmp_path / "r.json").write_text(brackets)
    with pytest.raises(HybridKdError, match=r"r\.json: not JSON: brackets are nested too deeply"):
        read_json(tmp_path / "r.json")
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(brackets)


def test_a_json_file_beyond_any_use_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "r.json").open("wb") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(HybridKdError, match=r"67108865 bytes, at most 67108864 are read"):
        read_json(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("content", "problem"), [(b"{", "not JSON"), (b"\xff", "not JSON"), (b"[]", "not a JSON object")]
)
def test_what_is_no_json_object_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(HybridKdError, match=rf"r\.json: {problem}"):
        read_json(tmp_path / "r.json")


def test_a_whole_number_is_a_number_where_fractions_are_expected() -> None:
    @dataclass(frozen=True)
    class Record:
        value: float

    value = build_record(Record, {"value": 1}).value
    assert (value, type(value)) == (1.0, float)
    with pytest.raises(ValueError, match="key 'value' is 1000"):
        build_record(Record, {"value": 10**400})


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '["\\udc00\\ud800"]', '{"\\udfff": 1}'])
def test_half_of_a_surrogate_pair_is_refused(tmp_path: Path, text: str) -> None:
    """It is no character: printing or writing it would fail."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        parse_json(text)
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(HybridKdError, match=r"r\.json: not JSON: .*surrogates not allowed"):
        read_json(tmp_path / "r.json")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json('"\\ud83d\\ude00 \\u00e9"') == "\U0001f600 é"
