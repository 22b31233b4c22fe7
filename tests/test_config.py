"""Options from flags and from a flat YAML file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from hybrid_kd.config import MAX_YAML_BYTES, options_to_dict, parse_options, read_yaml, write_yaml
from hybrid_kd.errors import HybridKdError


@dataclass(frozen=True)
class Options:
    """Options of a made-up command."""

    out: Path
    """Where to write."""

    config: Path | None = None
    """YAML of options."""

    teacher: Path | None = None
    """A model directory."""

    hidden_dim: int = 512
    """Units a layer."""

    learning_rate: float = 0.008
    """Step size."""

    temperatures: str = "1"
    """T:N, ..."""

    mixing: Literal["si", "sd"] = "si"
    """How labels are mixed."""

    draw_once: bool = False
    """A flag."""


@dataclass(frozen=True)
class NoConfig:
    """A command without --config."""

    nj: int = 4
    """Jobs."""


def parse(tmp_path: Path, yaml: str, *args: str) -> Options:
    path = tmp_path / "options.yaml"
    path.write_text(yaml)
    return parse_options(Options, ["--config", str(path), *args], prog="hybrid-kd x")


def test_a_file_fills_what_flags_leave_open(tmp_path: Path) -> None:
    options = parse(tmp_path, "hidden_dim: 1024\nlearning_rate: 1e-5\n", "--out", "exp/x")
    assert (options.hidden_dim, options.learning_rate, options.mixing) == (1024, 1e-5, "si")
    assert options.config == tmp_path / "options.yaml"


@pytest.mark.parametrize("before", [True, False])
def test_flags_win_wherever_config_stands(tmp_path: Path, before: bool) -> None:
    (tmp_path / "x.yaml").write_text("out: a\nhidden_dim: 1024\n")
    config, flags = [f"--config={tmp_path}/x.yaml"], ["--hidden-dim", "2048"]
    args = config + flags if before else flags + config
    assert parse_options(Options, args, prog="x").hidden_dim == 2048


def test_types_come_from_the_dataclass(tmp_path: Path) -> None:
    options = parse(tmp_path, "out: my exp\nlearning_rate: 1\nmixing: sd\nteacher: exp/teacher\n")
    assert options == Options(
        Path("my exp"), tmp_path / "options.yaml", Path("exp/teacher"), 512, 1.0, "1", "sd", False
    )


def test_null_is_none(tmp_path: Path) -> None:
    for null in ("null", "~", ""):
        assert parse(tmp_path, f"out: a\nteacher: {null}\n").teacher is None


@pytest.mark.parametrize("temperatures", ["3:2,2:2,1", "3:2", "010", "2", "1,2,3", "'2.5'"])
def test_a_temperature_schedule_is_a_string(tmp_path: Path, temperatures: str) -> None:
    assert parse(tmp_path, f"out: a\ntemperatures: {temperatures}\n").temperatures == temperatures.strip("'")


def test_a_switch_is_true_or_false(tmp_path: Path) -> None:
    assert parse(tmp_path, "out: a\ndraw_once: true\n").draw_once
    assert not parse(tmp_path, "out: a\ndraw_once: false\n").draw_once
    assert parse(tmp_path, "out: a\ndraw_once: false\n", "--draw-once").draw_once
    assert not parse(tmp_path, "out: a\ndraw_once: true\n", "--no-draw-once").draw_once
    with pytest.raises(HybridKdError, match=r"key 'draw_once' is .?1.?\n  fix: write true or false"):
        parse(tmp_path, "out: a\ndraw_once: 1\n")


def test_a_value_may_begin_with_a_hyphen(tmp_path: Path) -> None:
    assert parse(tmp_path, "out: '-a'\n").out == Path("-a")


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert parse(tmp_path, "# nothing\n", "--out", "a").hidden_dim == 512


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("hiden_dim: 5\n", "unknown key 'hiden_dim'\n  fix: did you mean 'hidden_dim'?"),
        ("hidden-dim: 5\n", "unknown key 'hidden-dim'\n  fix: did you mean 'hidden_dim'?"),
        ("xyz: 5\n", "unknown key 'xyz'\n  fix: known keys: draw_once, hidden_dim"),
        ("config: other.yaml\n", "unknown key 'config'"),
        ("hidden_dim: [1, 2]\n", "key 'hidden_dim' holds a list\n  fix: keep"),
        ("teacher:\n  dir: x\n", "key 'teacher' holds a dict"),
        ("- 1\n- 2\n", "not a mapping of option names\n  fix: one `key: value` a line"),
        ("hidden_dim: [1\n", "not YAML:"),
    ],
)
def test_a_wrong_file_is_named_with_a_fix(tmp_path: Path, yaml: str, message: str) -> None:
    with pytest.raises(HybridKdError) as caught:
        parse(tmp_path, yaml, "--out", "a")
    assert str(caught.value).startswith(f"{tmp_path}/options.yaml: {message}")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"absent\.yaml: cannot be read: No such file"):
        parse_options(Options, ["--out", "a", "--config", str(tmp_path / "absent.yaml")], prog="x")


@pytest.mark.parametrize(
    ("yaml", "args"),
    [
        ("hidden_dim: 5.5\n", ["--out", "a"]),
        ("mixing: both\n", ["--out", "a"]),
        ("", []),
        ("", ["--out", "a", "--hiden-dim", "5"]),
    ],
)
def test_a_value_or_flag_of_no_use_exits_with_2(tmp_path: Path, yaml: str, args: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(tmp_path, yaml, *args)
    assert caught.value.code == 2


def test_a_command_may_have_no_config() -> None:
    assert parse_options(NoConfig, ["--nj", "2"], prog="x") == NoConfig(nj=2)
    with pytest.raises(SystemExit):
        parse_options(NoConfig, ["--config", "x"], prog="x")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    options = Options(Path("a"), temperatures="3:2", teacher=Path("b"), draw_once=True)
    content: dict[str, Any] = options_to_dict(options)
    assert content["out"] == "a"
    write_yaml(tmp_path / "config.yaml", content)
    assert read_yaml(tmp_path / "config.yaml") == content
    assert list(read_yaml(tmp_path / "config.yaml")) == list(content)


@dataclass(frozen=True)
class Lists:
    """A command with options of several values."""

    config: Path | None = None
    """YAML of options."""
    teacher_labels: tuple[Path, ...] = ()
    """Directories."""
    weights: tuple[float, ...] = ()
    """Numbers."""


def parse_lists(tmp_path: Path, yaml: str) -> Lists:
    (tmp_path / "lists.yaml").write_text(yaml)
    return parse_options(Lists, ["--config", str(tmp_path / "lists.yaml")], prog="hybrid-kd x")


@pytest.mark.parametrize("value", ["--help", "[a, --help]", "-h", "'--weights=1'", "--"])
def test_no_item_of_a_list_acts_as_a_flag(tmp_path: Path, value: str) -> None:
    with pytest.raises(HybridKdError, match=r"key 'teacher_labels' holds '--?.*', which would be read as a"):
        parse_lists(tmp_path, f"teacher_labels: {value}\n")


def test_a_hyphen_alone_and_a_negative_number_are_items_of_a_list(tmp_path: Path) -> None:
    lists = parse_lists(tmp_path, "teacher_labels: [-, ./-a]\nweights: [-1, -0.5]\n")
    assert lists == Lists(tmp_path / "lists.yaml", (Path("-"), Path("./-a")), (-1.0, -0.5))


NINE_LINES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("hidden_dim: " + "[" * 5000 + "]" * 5000, "not YAML: brackets are nested too deeply"),
        ("hidden_dim: " + "[" * 21 + "]" * 21, "not YAML: nested more than 20 deep"),
        ("hidden_dim: &a [*a]", "not YAML: "),
        (NINE_LINES, "not YAML: more than 100000 values"),
        ("hidden_dim: 5\n" * (MAX_YAML_BYTES // 14 + 1), f"not YAML: more than {MAX_YAML_BYTES} bytes"),
        ("hidden_dim: !!bool x", "not YAML: a value does not fit its tag"),
        ("hidden_dim: !!timestamp x", "not YAML: a value does not fit its tag"),
        ("hidden_dim: 2001-13-45", "not YAML: month must be in 1..12"),
    ],
)
def test_yaml_that_nobody_writes_is_refused_by_name(tmp_path: Path, yaml: str, problem: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(yaml)
    with pytest.raises(HybridKdError, match=f"x.yaml: {problem}"):
        read_yaml(path)


def test_yaml_that_is_not_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(HybridKdError, match=r"x\.yaml: not YAML: 'utf-8' codec"):
        read_yaml(tmp_path / "x.yaml")
