"""JSON on disk: objects, and records, whose keys and types are those of a dataclass."""

import dataclasses
import json
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError

Item = TypeVar("Item")

MAX_JSON_BYTES = 64 << 20


def parse_json(text: str) -> Any:
    """Parse JSON.

    Raises: ValueError if the text is not JSON, nests more deeply than Python's parser can follow, or holds
    half of a surrogate pair, which could be neither printed nor written.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("brackets are nested too deeply") from None
    if "\\u" in text:
        json.dumps(content, ensure_ascii=False).encode()
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises: HybridKdError if it is missing, over 64 MiB, or not a JSON object.
    """
    try:
        if (size := path.stat().st_size) > MAX_JSON_BYTES:
            raise ValueError(f"{size} bytes, at most {MAX_JSON_BYTES} are read")
        content = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix="check the path") from error
    except ValueError as error:
        raise HybridKdError.at(path, f"not JSON: {error}", fix="write it again") from error
    if not isinstance(content, dict):
        raise HybridKdError.at(path, "not a JSON object", fix="write it again")
    return content


def read_record(path: Path, record_class: type[Item], *, fix: str) -> Item:
    """Read a JSON object as a dataclass; fields that have a default may be missing.

    Raises: HybridKdError that names the key which is missing, unknown or of another type.
    """
    return build_record_of(path, record_class, read_json(path), fix=fix)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, atomically."""
    with replace_file(path, "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def build_record(record_class: type[Item], content: Any) -> Item:
    """A dataclass, and those inside it, from plain values; fields that have a default may be missing.

    Raises: ValueError for a key that is missing or unknown, or a value of another type.
    """
    if not isinstance(content, dict):
        raise ValueError(f"not a JSON object: {_shortened(content)}")
    hints, needed = _keys_of(record_class)  # type: ignore[arg-type]
    if different := sorted((needed - content.keys()) | (content.keys() - hints.keys())):
        problem = "missing" if different[0] in hints else "unknown"
        raise ValueError(f"{problem} key '{different[0]}'")
    return record_class(**{name: _convert(name, content[name], hints[name]) for name in content})


@cache
def _keys_of(record_class: type[Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """The types of a dataclass's fields by name, and the fields that have no default."""
    fields, hints = dataclasses.fields(record_class), get_type_hints(record_class)
    needed = {each.name for each in fields if each.default is each.default_factory is dataclasses.MISSING}
    return {each.name: hints[each.name] for each in fields}, frozenset(needed)


def build_record_of(path: Path, record_class: type[Item], content: Any, *, fix: str) -> Item:
    """``build_record`` of what ``path`` holds, or a part of it.

    Raises: HybridKdError in the place of ValueError.
    """
    try:
        return build_record(record_class, content)
    except ValueError as error:
        raise HybridKdError.at(path, str(error), fix=fix) from error


def _convert(name: str, value: Any, hint: Any) -> Any:
    for option in get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,):
        kind, items = get_origin(option), get_args(option)
        if dataclasses.is_dataclass(option) and isinstance(option, type):
            if value is not None:
                return build_record(option, value)
        elif kind is tuple and Ellipsis not in items and isinstance(value, list):
            if len(value) == len(items):
                return tuple(_convert(name, item, each) for item, each in zip(value, items, strict=True))
        elif kind in (list, tuple) and isinstance(value, list):
            if items[0] in (int, str) and all(type(item) is items[0] for item in value):
                return kind(value)  # the long ones
            return kind(_convert(name, item, items[0]) for item in value)
        elif kind is dict and isinstance(value, dict):
            return {key: _convert(f"{name}.{key}", item, items[1]) for key, item in value.items()}
        elif _fits(value, option):
            return _as_float(name, value) if option is float else value
    raise ValueError(f"key '{name}' is {_shortened(value)}")


def _as_float(name: str, value: int | float) -> float:
    """JSON writes 1.0 and 1 alike in other programs."""
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"key '{name}' is {_shortened(value)}") from None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of a type; true is not a number here, though Python counts with it."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    kind = get_origin(hint) or hint
    if kind is Any:
        return True
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
