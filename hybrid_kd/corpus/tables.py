"""Tab-separated tables with a header line: mixing lists, noise lists, transcripts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hybrid_kd import text_files
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read the lines of a table as column -> value; ``columns`` must be there, others may be.

    Raises: HybridKdError if it cannot be read, lacks a column, holds no line, or a line has other fields.
    """
    lines = text_files.read_lines(path, fix="check the path") or [""]
    header = lines[0].rstrip("\r").split("\t")
    missing = [name for name in columns if name not in header]
    if missing:
        problem = f"no column '{missing[0]}' in its first line ({', '.join(header)[:80]})"
        raise HybridKdError.at(path, problem, fix=f"begin it with these, tabs between: {' '.join(columns)}")
    rows = [_row(path, number, header, line) for number, line in enumerate(lines[1:], start=2)]
    if not rows:
        raise HybridKdError.at(path, "lists nothing but its header", fix="one line for each entry")
    return rows


def _row(path: Path, number: int, header: list[str], line: str) -> dict[str, str]:
    fields = line.rstrip("\r").split("\t")
    if len(fields) != len(header):
        problem = f"line {number} has {len(fields)} fields, its header {len(header)}"
        raise HybridKdError.at(path, problem, fix="part the fields by single tabs")
    return dict(zip(header, fields, strict=True))


def write_table(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Write a table, atomically."""
    lines = ["\t".join(str(row[name]) for name in columns) for row in rows]
    write_lines(path, ["\t".join(columns), *lines])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines, atomically; a file that holds them already keeps its time, so that nothing is redone."""
    content = "".join(line + "\n" for line in lines).encode()
    if not path.exists() or path.read_bytes() != content:
        with replace_file(path) as file:
            file.write(content)
