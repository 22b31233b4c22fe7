r"""Phonetic decision trees (Kaldi's ``tree``): from a window of phones and a pdf class to a pdf_id.

A tree asks for the value of a key: -1 is the pdf class, 0 .. context_width - 1 a position in the window of
phones (0 is no phone: the edge of an utterance).
Format: ``ContextDependency N P ToPdf MAP EndContextDependency``, where MAP is ``CE answer``,
``TE key size ( MAP|NULL .. )`` or ``SE key [ yes values ] { MAP MAP }``; a table's size is unsigned (in
binary a byte 0xFC before it, not 4).
Source: Kaldi tree/context-dep.cc and tree/event-map.cc.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.streams import parse_whole_file
from hybrid_kd.archives.topology import MAX_PDFS, int_to_bytes, ints_to_bytes, take_int
from hybrid_kd.atomic import replace_file

PDF_CLASS_KEY = -1
MAX_DEPTH = 200  # of nested questions; Kaldi's trees have about 30
MAX_CONTEXT_WIDTH = 20
UINT32_MARK = b"\xfc"  # Kaldi's binary uint32: minus its size, then four bytes


@dataclass(frozen=True)
class ConstantEvent:
    """A leaf."""

    answer: int  # a pdf_id


@dataclass(frozen=True)
class TableEvent:
    """One subtree for each value of the key; None where there is none."""

    key: int
    answers: tuple["EventMap | None", ...]


@dataclass(frozen=True)
class SplitEvent:
    """One question: is the key's value among ``yes_values``?"""

    key: int
    yes_values: frozenset[int]
    yes: "EventMap"
    no: "EventMap"


EventMap = ConstantEvent | TableEvent | SplitEvent


@dataclass(frozen=True)
class ContextTree:
    """What Kaldi calls ContextDependency; ``central_position`` is 0-based in the window of phones."""

    context_width: int
    central_position: int
    to_pdf: EventMap

    @cached_property
    def num_pdfs(self) -> int:
        """The largest pdf_id + 1."""
        return 1 + max(leaf.answer for leaf in _leaves(self.to_pdf))

    def pdf_id(self, phones: Sequence[int], pdf_class: int) -> int:
        """The pdf_id of a window of phones (``context_width`` of them) and a pdf class.

        Raises: ValueError for a window of another width; KeyError where the tree has no answer.
        """
        if len(phones) != self.context_width:
            raise ValueError(f"a window of {len(phones)} phones, the tree's is {self.context_width}")
        node: EventMap | None = self.to_pdf
        while not isinstance(node, ConstantEvent):
            if node is None:
                raise KeyError(f"the tree has no pdf for phones {tuple(phones)}, pdf class {pdf_class}")
            node = _descend(node, pdf_class if node.key == PDF_CLASS_KEY else phones[node.key])
        return node.answer

    def pdf_ids(self, central_phone: int, pdf_class: int) -> tuple[int, ...]:
        """The pdf_ids that a phone's pdf class can have in any context, ascending."""
        known = {self.central_position: central_phone, PDF_CLASS_KEY: pdf_class}
        return tuple(sorted({leaf.answer for leaf in _leaves(self.to_pdf, known)}))


def _descend(node: TableEvent | SplitEvent, value: int) -> EventMap | None:
    if isinstance(node, SplitEvent):
        return node.yes if value in node.yes_values else node.no
    return node.answers[value] if 0 <= value < len(node.answers) else None


def _leaves(root: EventMap, known: dict[int, int] | None = None) -> Iterator[ConstantEvent]:
    """All leaves that can be reached where the values of some keys are known."""
    waiting: list[EventMap | None] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ConstantEvent):
            yield node
        elif node is not None and known is not None and node.key in known:
            waiting.append(_descend(node, known[node.key]))
        elif node is not None:
            waiting += [node.yes, node.no] if isinstance(node, SplitEvent) else node.answers


def read_context_tree(path: Path) -> ContextTree:
    """Read a ``tree``, binary or text.

    Raises: HybridKdError.
    """
    return parse_whole_file(
        path, lambda reader: _parse_tree(reader, binary=reader.take_binary_mark()), what="a tree"
    )


def _parse_tree(reader: ByteReader, *, binary: bool) -> ContextTree:
    reader.expect_token("ContextDependency")
    width, central = take_int(reader, binary=binary), take_int(reader, binary=binary)
    if not 0 <= central < width <= MAX_CONTEXT_WIDTH:
        raise FormatError(f"a context of {width} phones, of which {central} is the central one")
    reader.expect_token("ToPdf")
    to_pdf = _parse_map(reader, width, binary=binary)
    if to_pdf is None or next(_leaves(to_pdf), None) is None:
        raise FormatError("the tree is empty")
    reader.expect_token("EndContextDependency")
    return ContextTree(width, central, to_pdf)


@dataclass
class _Open:
    """A table (no ``yes_values``) or a question, some of whose subtrees are still to come."""

    key: int
    yes_values: frozenset[int] | None
    size: int
    children: list[EventMap | None] = field(default_factory=list)


def _parse_map(reader: ByteReader, width: int, *, binary: bool) -> EventMap | None:
    """Parse one map with all that is inside it; no recursion, whose depth Python limits by its own."""
    path: list[_Open] = []
    while True:
        item = _take_item(reader, width, binary=binary)
        if isinstance(item, _Open):
            path.append(item)
        elif path:
            path[-1].children.append(item)
        else:
            return item
        while len(path[-1].children) == path[-1].size:
            closed = _close(reader, path.pop())
            if not path:
                return closed
            path[-1].children.append(closed)
        if len(path) > MAX_DEPTH:
            raise FormatError(f"more than {MAX_DEPTH} questions inside each other")


def _take_item(reader: ByteReader, width: int, *, binary: bool) -> ConstantEvent | _Open | None:
    kind = reader.expect_token("NULL", "CE", "TE", "SE")
    if kind == "NULL":
        return None
    if kind == "CE":
        if not 0 <= (answer := take_int(reader, binary=binary)) < MAX_PDFS:
            raise FormatError(f"pdf_id {answer} is out of range (0 to {MAX_PDFS - 1})")
        return ConstantEvent(answer)
    if not PDF_CLASS_KEY <= (key := take_int(reader, binary=binary)) < width:
        raise FormatError(f"a question about position {key} of {width} phones")
    if kind == "TE":
        size = _take_size(reader, binary=binary)
        reader.expect_token("(")
        return _Open(key, None, size)
    yes_values = _take_values(reader, binary=binary)
    reader.expect_token("{")
    return _Open(key, yes_values, 2)


def _close(reader: ByteReader, item: _Open) -> EventMap:
    if item.yes_values is None:
        reader.expect_token(")")
        return TableEvent(item.key, tuple(item.children))
    reader.expect_token("}")
    yes, no = item.children
    if yes is None or no is None:
        raise FormatError("a question without an answer")
    return SplitEvent(item.key, item.yes_values, yes, no)


def _take_size(reader: ByteReader, *, binary: bool) -> int:
    if not binary:
        size = take_int(reader, binary=False)
    elif reader.take(1) == UINT32_MARK:
        size = int.from_bytes(reader.take(4), "little")
    else:
        raise FormatError("expected an unsigned int32 (a byte 0xFC before it)")
    if size < 0:
        raise FormatError(f"a table of {size} subtrees")
    reader.require(size * len(b"CE 0 "))
    return size


def _take_values(reader: ByteReader, *, binary: bool) -> frozenset[int]:
    if binary:
        count = reader.take_count("values", min_bytes_each=4)
        return frozenset(reader.take_raw_int32s(count).tolist())
    reader.expect_token("[")
    values = []
    while (word := reader.take_token()) != "]":
        if not (word.isascii() and word.isdigit() and len(word) < 10):
            raise FormatError(f"expected a value or ], found {word[:40]!r}")
        values.append(int(word))
    return frozenset(values)


def write_context_tree(path: Path, tree: ContextTree) -> None:
    """Write what Kaldi writes in binary."""
    with replace_file(path) as file:
        file.write(b"\0BContextDependency " + int_to_bytes(tree.context_width))
        file.write(int_to_bytes(tree.central_position) + b"ToPdf ")
        file.write(_map_to_bytes(tree.to_pdf) + b"EndContextDependency ")


def _map_to_bytes(root: EventMap) -> bytes:
    """The map in binary, without recursion too."""
    parts: list[bytes] = []
    waiting: list[EventMap | bytes | None] = [root]
    while waiting:
        match waiting.pop():
            case bytes() as closing:
                parts.append(closing)
            case None:
                parts.append(b"NULL ")
            case ConstantEvent(answer):
                parts.append(b"CE " + int_to_bytes(answer))
            case TableEvent(key, answers):
                size = UINT32_MARK + len(answers).to_bytes(4, "little")
                parts.append(b"TE " + int_to_bytes(key) + size + b"( ")
                waiting += [b") ", *reversed(answers)]
            case SplitEvent(key, yes_values, yes, no):
                parts.append(b"SE " + int_to_bytes(key) + ints_to_bytes(sorted(yes_values)) + b"{ ")
                waiting += [b"} ", no, yes]
    return b"".join(parts)
