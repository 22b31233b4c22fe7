"""Tables of any kind: which it is shows in the first entry; all entries are read and summed up in words."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, Int32, Num

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.int_vectors import parse_int_vector
from hybrid_kd.archives.lattice4 import Lattice
from hybrid_kd.archives.lattices import parse_lattice
from hybrid_kd.archives.matrices import parse_matrix, parse_vector, take_range
from hybrid_kd.archives.openfst import MAGIC
from hybrid_kd.archives.posteriors import Posteriors, parse_posteriors
from hybrid_kd.archives.specifiers import Location
from hybrid_kd.archives.tables import read_table

Value = (
    Float32[np.ndarray, "_ _"] | Float64[np.ndarray, " _"] | Int32[np.ndarray, " _"] | Posteriors | Lattice
)
Number = int | float

PARSERS: dict[str, Callable[[ByteReader], Value]] = {
    "matrices": parse_matrix,
    "vectors": parse_vector,
    "integer vectors": parse_int_vector,
    "posteriors": parse_posteriors,
    "lattices": parse_lattice,
}
TEXT_LOOK_AHEAD = 1 << 16
INT32_BYTES = 5


@dataclass
class Span:
    """Running sum and bounds of some numbers."""

    total: Number = 0
    least: Number = np.inf
    most: Number = -np.inf

    def add(self, *numbers: Number) -> None:
        """Take in some numbers."""
        self.total += sum(numbers)
        self.least, self.most = min(self.least, *numbers), max(self.most, *numbers)

    def __str__(self) -> str:
        return f"{self.least:.7g}" if self.least == self.most else f"{self.least:.7g} to {self.most:.7g}"


@dataclass
class TableSummary:
    """What all entries of a table have together; ``spans`` are by what they measure.

    ``words`` are what to say instead of rows, columns, items and values.
    """

    kind: str = ""
    words: dict[str, str] = field(default_factory=dict)
    first_key: str = ""
    last_key: str = ""
    num_entries: int = 0
    num_not_finite: int = 0  # entries that hold NaN or infinity
    spans: dict[str, Span] = field(default_factory=dict)

    def add(self, key: str, value: Value) -> None:
        """Count one entry."""
        self.first_key = self.first_key or key
        self.last_key = key
        self.num_entries += 1
        for what, numbers in _measure(value).items():
            self.spans.setdefault(what, Span()).add(*numbers)
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            self.num_not_finite += 1

    def lines(self) -> list[str]:
        """The summary in words."""
        if not self.num_entries:
            return ["an empty table: 0 entries"]
        entries = "1 entry" if self.num_entries == 1 else f"{self.num_entries} entries"
        lines = [f"{self.kind}: {entries}, '{self.first_key}' to '{self.last_key}'"]
        for what, span in self.spans.items():
            told = str(span) if what in _NOT_SUMMED else f"{span.total:.15g} in all, {span} an entry"
            lines.append(f"  {self.words.get(what, what)}: {told}")
        if self.num_not_finite:
            lines.append(f"  {self.num_not_finite} of them hold NaN or infinity")
        return lines


_NOT_SUMMED = frozenset(["columns", "values", "ids"])


def summarise_table(rspecifier: str, *, allow_pipes: bool = False) -> TableSummary:
    """Read a table of any kind to its end.

    Raises: HybridKdError that names file and key for what cannot be parsed.
    """
    parse = ParseAny()
    summary = TableSummary()
    for key, value in read_table(rspecifier, parse, take_range=take_any_range, allow_pipes=allow_pipes):
        summary.add(key, value)
    summary.kind = parse.kind
    return summary


class ParseAny:
    """Parses values; the first one decides of which kind all are."""

    def __init__(self) -> None:
        self.kind = ""

    def __call__(self, reader: ByteReader) -> Value:
        """Parse one value.

        Raises: FormatError.
        """
        self.kind = self.kind or detect_kind(reader)
        return PARSERS[self.kind](reader)


def take_any_range(value: Value, location: Location) -> Value:
    """Cut out a range, which only matrices have.

    Raises: FormatError.
    """
    if not isinstance(value, np.ndarray) or value.ndim != 2:
        raise FormatError("a range is only for matrices")
    return take_range(value, location)


def detect_kind(reader: ByteReader) -> str:
    """The kind of the value at which the reader stands (a key of `PARSERS`).

    Raises: FormatError.
    """
    head = reader.peek(7)
    if int.from_bytes(head[:4], "little") == MAGIC:
        return "lattices"
    if head[:2] != b"\0B":
        return _detect_text_kind(reader.peek(TEXT_LOOK_AHEAD))
    if head[2:4] in (b"FV", b"DV"):
        return "vectors"
    if head[2:3] != b"\4":
        return "matrices"
    # n int32s take 5 n bytes and then comes a key; n frames of posteriors take more, or are all empty
    num_bytes = len(head) + INT32_BYTES * int.from_bytes(head[3:], "little")
    return "posteriors" if reader.peek_at(num_bytes) == b"\4" else "integer vectors"


def _detect_text_kind(ahead: bytes) -> str:
    """Kaldi writes two spaces before a matrix or vector, one before a posterior."""
    line = ahead.partition(b"\n")[0]
    words = line.replace(b"[", b" [ ").replace(b"]", b" ] ").split()
    if all(word.removeprefix(b"-").isdigit() for word in words):
        return "integer vectors"
    if words[0] != b"[":
        raise FormatError(f"a value of no kind that is known: {ahead[:40]!r}")
    if b"]" not in words:
        return "matrices"
    if words.count(b"]") > 1 or not line.startswith(b" "):
        return "posteriors"
    return "vectors"


def _measure(value: Value) -> dict[str, list[Number]]:
    """The numbers of one value that are worth telling."""
    match value:
        case Lattice():
            num_final = int((value.final_graph_costs != np.inf).sum())
            return {"states": [value.num_states], "arcs": [value.num_arcs], "final states": [num_final]}
        case Posteriors():
            return {
                "frames": [value.num_frames],
                "pairs": [len(value.ids)],
                **_bounds("ids", value.ids),
            }
        case np.ndarray() if value.ndim == 2:
            return {"rows": [len(value)], "columns": [value.shape[1]]}
        case _:
            return {"items": [len(value)], **_bounds("values", value)}


def _bounds(what: str, numbers: Num[np.ndarray, " numbers"]) -> dict[str, list[Number]]:
    return {what: [float(numbers.min()), float(numbers.max())]} if len(numbers) else {}
