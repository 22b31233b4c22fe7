"""What an output was made of, kept beside it, so that a stage that is finished is not done again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.provenance import collect_provenance, refuse_differences

PROVENANCE = "provenance.json"


def describe(inputs: Mapping[str, Path | Sequence[Path]], options: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance with the options that decide about the result.

    Raises: OSError if an input cannot be read.
    """
    return {**collect_provenance(inputs), "options": dict(options)}


def is_finished(out: Path, record_file: Path, record: Mapping[str, Any]) -> bool:
    """Whether ``out`` is there and was made of the same inputs with the same options.

    Raises: HybridKdError if it is there but was made otherwise.
    """
    if not out.exists():
        return False
    if not record_file.is_file():
        raise HybridKdError.at(out, f"it is there, but no {record_file.name}", fix="give another --out")
    before = read_json(record_file)
    for part in ("inputs", "options"):
        refuse_differences(record_file, before.get(part, {}), record[part])
    return True


def write_record(record_file: Path, record: Mapping[str, Any]) -> None:
    """Keep the record."""
    write_json(record_file, dict(record))
