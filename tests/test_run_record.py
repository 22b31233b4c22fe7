"""The record of what an output is made of: compared by the next call, whichever file the options stand in."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hybrid_kd.config import read_yaml
from hybrid_kd.errors import HybridKdError
from hybrid_kd.run_record import RunRecord


@dataclass(frozen=True)
class Options:
    out: Path
    order: int = 3
    nj: int = 2
    newer: float = 0.5


def plain(out: Path, *, order: int = 3, text: str = "a" * 64) -> RunRecord:
    return RunRecord(out, out / "made.json", {"argv": ["x"], "inputs": {"text": text}}, {"order": order})


def with_config(options: Options, **inputs: str) -> RunRecord:
    compared = ("order", "newer")
    newer = frozenset({"graph"})
    return RunRecord.of_options(
        options, {"argv": ["x"], "inputs": inputs}, compared=compared, newer_inputs=newer
    )


def test_what_is_begun_is_not_finished_before_its_last_file_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record, mark = plain(tmp_path), tmp_path / "last"
    assert not record.is_finished(mark)
    record.write()
    assert not record.is_finished(mark)
    mark.touch()
    with caplog.at_level(logging.INFO):
        assert record.is_finished(mark)
    assert f"{tmp_path}: already done" in caplog.text


def test_options_stand_in_the_json_file_where_there_is_no_config(tmp_path: Path) -> None:
    plain(tmp_path).write()
    assert [path.name for path in tmp_path.iterdir()] == ["made.json"]
    assert json.loads((tmp_path / "made.json").read_text()) == {
        "argv": ["x"],
        "inputs": {"text": "a" * 64},
        "options": {"order": 3},
    }


@pytest.mark.parametrize("is_finished", [False, True])
def test_other_options_and_inputs_are_refused(tmp_path: Path, is_finished: bool) -> None:
    plain(tmp_path).write()
    if is_finished:
        (tmp_path / "last").touch()
    with pytest.raises(HybridKdError, match=r"made\.json: begun differently: order was 3, is 2\n  fix: give"):
        plain(tmp_path, order=2).is_finished(tmp_path / "last")
    with pytest.raises(HybridKdError, match=r"made\.json: begun differently: text was a{64}, is b{64}"):
        plain(tmp_path, text="b" * 64).is_finished(tmp_path / "last")


def test_what_another_program_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "last").touch()
    with pytest.raises(HybridKdError, match=r"it is there, but no made\.json says what it was made of"):
        plain(tmp_path).is_finished(tmp_path / "last")


def test_all_options_stand_in_config_yaml_and_some_are_compared(tmp_path: Path) -> None:
    options = Options(tmp_path)
    with_config(options, text="a").write()
    assert read_yaml(tmp_path / "config.yaml") == {"out": str(tmp_path), "order": 3, "nj": 2, "newer": 0.5}
    assert "options" not in json.loads((tmp_path / "provenance.json").read_text())
    assert not with_config(replace(options, nj=3), text="a").is_finished(tmp_path / "last")
    with pytest.raises(HybridKdError, match=r"config\.yaml: begun differently: order was 3, is 2"):
        with_config(replace(options, order=2), text="a").is_finished(tmp_path / "last")
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(HybridKdError, match=r"no config\.yaml says what it was made of"):
        with_config(options, text="a").is_finished(tmp_path / "last")


def test_an_option_that_is_newer_than_a_record_had_its_default(tmp_path: Path) -> None:
    options = Options(tmp_path)
    with_config(options, text="a").write()
    (tmp_path / "config.yaml").write_text(f"out: {tmp_path}\norder: 3\n")
    assert not with_config(options, text="a").is_finished(tmp_path / "last")
    with pytest.raises(HybridKdError, match=r"newer was 0\.5, is 1\.0"):
        with_config(replace(options, newer=1.0), text="a").is_finished(tmp_path / "last")


def test_an_input_that_is_newer_than_a_record_is_compared_from_then_on(tmp_path: Path) -> None:
    options = Options(tmp_path)
    with_config(options, text="a").write()
    assert not with_config(options, text="a", graph="g").is_finished(tmp_path / "last")
    with pytest.raises(HybridKdError, match="vocab was None, is v"):
        with_config(options, text="a", vocab="v").is_finished(tmp_path / "last")
    with_config(options, text="a", graph="g").write()
    with pytest.raises(HybridKdError, match="graph was g, is h"):
        with_config(options, text="a", graph="h").is_finished(tmp_path / "last")


def test_a_config_without_an_option_that_every_record_has_is_named(tmp_path: Path) -> None:
    record = RunRecord.of_options(Options(tmp_path), {"argv": ["x"], "inputs": {}}, compared=("out", "order"))
    record.write()
    (tmp_path / "config.yaml").write_text("order: 3\n")
    with pytest.raises(HybridKdError, match=r"config\.yaml: it has no key 'out', which .*\n  fix: restore"):
        record.refuse_other()


@pytest.mark.parametrize("name", ["options", "inputs"])
def test_a_record_whose_parts_are_no_objects_is_named(tmp_path: Path, name: str) -> None:
    record = plain(tmp_path)
    record.write()
    content = json.loads((tmp_path / "made.json").read_text())
    (tmp_path / "made.json").write_text(json.dumps(content | {name: []}))
    with pytest.raises(HybridKdError, match=rf"made\.json: key '{name}' is not an object\n  fix: restore"):
        record.refuse_other()


def test_it_can_be_written_into_a_directory_that_is_still_being_made(tmp_path: Path) -> None:
    record, aside = plain(tmp_path / "out"), tmp_path / "aside"
    record.write(aside / "made.json")
    aside.rename(tmp_path / "out")
    assert record.is_finished(tmp_path / "out")
