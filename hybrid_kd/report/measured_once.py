"""What takes long to measure is kept in a file, with the sha256 of what it was measured on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybrid_kd.json_files import read_json, write_json


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
