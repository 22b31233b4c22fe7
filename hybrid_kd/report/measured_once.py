"""What takes long to measure is kept in a file, with the sha256 of what it was measured on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hybrid_kd.json_files import build_record_of, read_json, write_json

Item = TypeVar("Item")


def measured_once(
    file: Path, key: dict[str, Any], measure: Callable[[], dict[str, Any] | None]
) -> dict[str, Any] | None:
    """What ``file`` holds for this key; otherwise what is measured, and written there."""
    if file.is_file() and (content := read_json(file)).get("key") == key:
        return content
    measured = measure()
    if measured is not None:
        write_json(file, {"key": key, **measured})
    return measured


def measured_record(file: Path, content: dict[str, Any], name: str, record_class: type[Item]) -> Item:
    """One of the records that ``measured_once`` gave.

    Raises: HybridKdError if ``file`` holds something else.
    """
    fix = "delete the file, and the same command measures it again"
    return build_record_of(file, record_class, content.get(name), fix=fix)
