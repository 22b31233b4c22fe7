"""Options of a command: one dataclass, filled from ``--config FILE.yaml`` and from flags (flags win).

The YAML file is flat and its keys are the dataclass's fields. It is turned into flags that stand before the
user's own, so that both are parsed, checked and overridden by the same rules (tyro's).
"""

import dataclasses
import difflib
import re
import reprlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import tyro
import yaml

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError

Options = TypeVar("Options")

NULL = ("null", "~", "")
MAX_YAML_BYTES = 256 << 10  # PyYAML reads about 200 KiB a second
MAX_YAML_VALUES, MAX_YAML_DEPTH = 100_000, 20
NESTED = {"is_nested": True}  # metadata of a field ``config`` whose file the command itself reads


def parse_options(
    options_class: type[Options], args: Sequence[str], *, prog: str, is_silent: bool = False
) -> Options:
    """Fill ``options_class`` (a dataclass) from ``args``; ``--config FILE`` among them is read first.

    Raises: HybridKdError for a YAML file that is missing, malformed or has an unknown key; SystemExit 2 with
    tyro's message for a bad flag, or without it (``is_silent``).
    """
    config = {field.name: field for field in dataclasses.fields(options_class)}.get("config")  # type: ignore[arg-type]
    has_flat_config = config is not None and not config.metadata.get("is_nested")
    config_path = _config_path(args) if has_flat_config else None
    config_args = [] if config_path is None else config_to_args(options_class, config_path)
    return tyro.cli(options_class, args=[*config_args, *args], prog=prog, console_outputs=not is_silent)


def _config_path(args: Sequence[str]) -> Path | None:
    for index, arg in enumerate(args):
        if arg == "--config" and index + 1 < len(args):
            return Path(args[index + 1])
        if arg.startswith("--config="):
            return Path(arg.partition("=")[2])
    return None


def config_to_args(options_class: type[Any], path: Path) -> list[str]:
    """Turn a flat YAML file into flags: ``hidden_dim: 5`` -> ``--hidden-dim=5``, ``x: false`` -> ``--no-x``.

    A value is passed on as it is written, so that ``temperatures: 3:2`` is not the 182 that YAML makes of it.
    """
    fields = {field.name: field for field in dataclasses.fields(options_class)}
    args: list[str] = []
    for key, value in read_yaml(path, loader=yaml.BaseLoader).items():
        refuse_unknown_key(path, key, fields.keys() - {"config"})
        if get_origin(fields[key].type) is tuple:
            args += _tuple_flag(path, key, value)
            continue
        if not isinstance(value, str):
            raise HybridKdError.at(path, f"key '{key}' holds a {type(value).__name__}", fix="keep it flat")
        if fields[key].type is bool and value not in ("true", "false"):
            raise HybridKdError.at(path, f"key '{key}' is '{value}'", fix="write true or false")
        args.append(_flag(key.replace("_", "-"), value, fields[key].type))
    return args


def refuse_unknown_key(place: str | Path, key: str, known: Collection[str]) -> None:
    """Raises: HybridKdError that suggests a key, if ``key`` is none of ``known``."""
    if key not in known:
        fix = did_you_mean(key, known, otherwise=f"known keys: {', '.join(sorted(known))}")
        raise HybridKdError.at(place, f"unknown key '{key}'", fix=fix)


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """Suggest the known name that is nearest to ``name``, if one is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else otherwise


def _flag(name: str, value: str, field_type: Any) -> str:
    if field_type is bool:
        return f"--{name}" if value == "true" else f"--no-{name}"
    is_null = value in NULL and type(None) in get_args(field_type)
    return f"--{name}={None if is_null else value}"


def _tuple_flag(path: Path, key: str, value: Any) -> list[str]:
    """One value, or a list of them; none for null."""
    values = value if isinstance(value, list) else [] if value in NULL else [value]
    if not all(isinstance(item, str) for item in values):
        problem = f"key '{key}' is {reprlib.repr(value)}"
        raise HybridKdError.at(path, problem, fix="write one value, or a list of values")
    if flags := [item for item in values if _LOOKS_LIKE_A_FLAG.match(item)]:
        problem = f"key '{key}' holds {flags[0]!r}, which would be read as a flag"
        raise HybridKdError.at(path, problem, fix="write a path that begins with - as ./-...")
    return [f"--{key.replace('_', '-')}", *values] if values else []


# A list becomes several words after one flag; `-` alone and a negative number remain values there.
_LOOKS_LIKE_A_FLAG = re.compile(r"-(?!\d*\.?\d+$)(?!$)")


def read_yaml(path: Path, *, loader: type[Any] = yaml.SafeLoader) -> dict[str, Any]:
    """Read a flat YAML mapping; with ``loader=yaml.BaseLoader`` its values stay strings, as they are written.

    Raises: HybridKdError if it is missing, not YAML, too large or too deep, or not a mapping.
    """
    try:
        content = _parse_yaml(_read_text(path), loader)
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix="check the path") from error
    except (yaml.YAMLError, ValueError) as error:
        raise HybridKdError.at(path, f"not YAML: {error}", fix="one `key: value` a line") from error
    if not content:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise HybridKdError.at(path, "not a mapping of option names", fix="one `key: value` a line")
    return content


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(MAX_YAML_BYTES + 1)
    if len(text) > MAX_YAML_BYTES:
        raise ValueError(f"more than {MAX_YAML_BYTES} bytes")
    return text.decode()


def _parse_yaml(text: str, loader: type[Any]) -> Any:
    """Raises: YAMLError; ValueError for a value that its tag does not fit, or too many or too deep ones."""
    try:
        content = yaml.load(text, Loader=loader)
    except (AttributeError, KeyError) as error:  # PyYAML's for `!!timestamp x` and `!!bool x`
        raise ValueError(f"a value does not fit its tag ({error})") from error
    except RecursionError:
        raise ValueError("brackets are nested too deeply") from None
    _check_size(content)
    return content


def _check_size(content: Any) -> None:
    """Count what aliases (``*name``) repeat as often as they do: nine lines can make a billion values."""
    level, num_values = [content], 1
    for _ in range(MAX_YAML_DEPTH):
        level = [value for value in level if isinstance(value, list | dict)]
        if not level:
            return
        num_values += sum(map(len, level))
        if num_values > MAX_YAML_VALUES:
            raise ValueError(f"more than {MAX_YAML_VALUES} values")
        level = [item for value in level for item in _items(value)]
    raise ValueError(f"nested more than {MAX_YAML_DEPTH} deep")


def _items(value: list[Any] | dict[Any, Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def options_to_dict(options: Any) -> dict[str, Any]:
    """A dataclass of options as plain YAML values: paths as strings, several values as a list.

    One value of several possible ones stands alone, none is null.
    """
    return {field.name: plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def listed(value: Any) -> list[Any]:
    """The values of an option that may have several, from what ``options_to_dict`` made of them."""
    return value if isinstance(value, list) else [] if value is None else [value]


def option_defaults(options_class: type[Any]) -> dict[str, Any]:
    """The defaults of the options that have one, as ``options_to_dict`` gives them."""
    fields = dataclasses.fields(options_class)
    return {field.name: plain(field.default) for field in fields if field.default is not dataclasses.MISSING}


def plain(value: Any) -> Any:
    """A value of an option as YAML has it."""
    if isinstance(value, tuple):
        several = [plain(item) for item in value]
        return several if len(several) > 1 else several[0] if several else None
    return str(value) if isinstance(value, Path) else value


def write_yaml(path: Path, content: dict[str, Any]) -> None:
    """Write a mapping as YAML in its own order, atomically."""
    with replace_file(path, "w") as file:
        yaml.safe_dump(content, file, sort_keys=False)
