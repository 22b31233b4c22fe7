"""JSON objects on disk."""

import json
from pathlib import Path
from typing import Any

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises: HybridKdError if it is missing or not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix="check the path") from error
    except ValueError as error:
        raise HybridKdError.at(path, f"not JSON: {error}", fix="write it again") from error
    if not isinstance(content, dict):
        raise HybridKdError.at(path, "not a JSON object", fix="write it again")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, atomically."""
    with replace_file(path, "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
