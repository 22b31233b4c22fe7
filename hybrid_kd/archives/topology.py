"""HMM topologies of a TransitionModel: the states and transitions of each phone, from binary or text.

In a chain topology a state's self-loop has a pdf class of its own; in an HMM topology both are the same.
Source: Kaldi hmm/hmm-topology.cc.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.streams import parse_whole_file

NO_PDF = -1
MAX_PDFS = 1_000_000  # a larger pdf-id is damage, and arrays are made by number of pdfs


@dataclass(frozen=True)
class TopologyState:
    """One HMM state; ``transitions`` are (destination state, initial probability)."""

    forward_pdf_class: int  # NO_PDF: the state emits nothing
    self_loop_pdf_class: int
    transitions: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class TopologyEntry:
    """The states that some phones share; the last one is final."""

    phones: tuple[int, ...]
    states: tuple[TopologyState, ...]


@dataclass(frozen=True)
class Topology:
    """All entries; each phone (1-based) is in one of them."""

    entries: tuple[TopologyEntry, ...]

    @property
    def phones(self) -> tuple[int, ...]:
        """All phones, ascending."""
        return tuple(sorted(phone for entry in self.entries for phone in entry.phones))

    @property
    def is_hmm(self) -> bool:
        """Whether every state has one pdf class (not so in chain models)."""
        states = (state for entry in self.entries for state in entry.states)
        return all(state.forward_pdf_class == state.self_loop_pdf_class for state in states)

    def states_by_phone(self) -> dict[int, tuple[TopologyState, ...]]:
        """The states of each phone."""
        return {phone: entry.states for entry in self.entries for phone in entry.phones}


def take_int(reader: ByteReader, *, binary: bool) -> int:
    """A Kaldi integer, in binary or as a word.

    Raises: FormatError.
    """
    if binary:
        return reader.take_int32()
    word = reader.take_word()
    if not (word.isascii() and word.removeprefix("-").isdigit() and len(word) <= 11):
        raise FormatError(f"expected an integer, found {word[:40]!r}")
    if not -(2**31) <= (value := int(word)) < 2**31:
        raise FormatError(f"{value} is not a 32-bit integer")
    return value


def take_real(reader: ByteReader, *, binary: bool) -> float:
    """A Kaldi float, in binary or as a word.

    Raises: FormatError.
    """
    if binary:
        return reader.take_float32()
    word = reader.take_word()
    try:
        return float(np.float32(word))
    except ValueError:
        raise FormatError(f"expected a number, found {word[:40]!r}") from None


def int_to_bytes(value: int) -> bytes:
    """Kaldi's binary int32."""
    return b"\4" + value.to_bytes(4, "little", signed=True)


def ints_to_bytes(values: Sequence[int]) -> bytes:
    """Kaldi's binary vector of int32: its size, then the values without marks."""
    return int_to_bytes(len(values)) + np.array(values, "<i4").tobytes()


def real_to_bytes(value: float) -> bytes:
    """Kaldi's binary float32."""
    return b"\4" + struct.pack("<f", value)


def read_topology(path: Path) -> Topology:
    """Read the ``topo`` of a lang directory, text or binary.

    Raises: HybridKdError.
    """
    return parse_whole_file(
        path, lambda reader: parse_topology(reader, binary=reader.take_binary_mark()), what="a topology"
    )


def parse_topology(reader: ByteReader, *, binary: bool) -> Topology:
    """Parse ``<Topology> .. </Topology>``.

    Raises: FormatError, also where a phone is not positive or has two entries, or a transition leads nowhere.
    """
    reader.expect_token("<Topology>")
    entries = _parse_binary_entries(reader) if binary else _parse_text_entries(reader)
    phones = [phone for entry in entries for phone in entry.phones]
    if not phones or min(phones) < 1 or len(set(phones)) < len(phones):
        raise FormatError("the topology's phones are not unique positive numbers")
    for entry in entries:
        _check_entry(entry)
    return Topology(tuple(entries))


def _check_entry(entry: TopologyEntry) -> None:
    for state in entry.states:
        for destination, probability in state.transitions:
            if not 0 <= destination < len(entry.states) or not 0 <= probability <= 1:
                raise FormatError(f"a transition to state {destination} with probability {probability}")
        if (state.forward_pdf_class < 0) != (state.self_loop_pdf_class < 0):
            raise FormatError("a state with only one pdf class")


def _parse_binary_entries(reader: ByteReader) -> list[TopologyEntry]:
    phones = _take_int_vector(reader)
    phone2idx = _take_int_vector(reader)
    count = reader.take_int32()
    has_self_loop_classes = count == -1  # not HMM: the real count follows
    count = reader.take_int32() if has_self_loop_classes else count
    all_states = [
        _take_binary_states(reader, has_self_loop_classes=has_self_loop_classes) for _ in range(count)
    ]
    reader.expect_token("</Topology>")
    phones_of: list[list[int]] = [[] for _ in all_states]
    for phone in phones:
        index = phone2idx[phone] if 0 < phone < len(phone2idx) else -1
        if not 0 <= index < len(all_states):
            raise FormatError(f"phone {phone} has no topology entry")
        phones_of[index].append(phone)
    return [
        TopologyEntry(tuple(phones), states) for phones, states in zip(phones_of, all_states, strict=True)
    ]


def _take_binary_states(reader: ByteReader, *, has_self_loop_classes: bool) -> tuple[TopologyState, ...]:
    states = []
    for _ in range(reader.take_count("states", min_bytes_each=10)):
        forward = reader.take_int32()
        self_loop = reader.take_int32() if has_self_loop_classes else forward
        count = reader.take_count("transitions", min_bytes_each=10)
        transitions = tuple((reader.take_int32(), reader.take_float32()) for _ in range(count))
        states.append(TopologyState(forward, self_loop, transitions))
    return tuple(states)


def _take_int_vector(reader: ByteReader) -> list[int]:
    count = reader.take_count("phones", min_bytes_each=4)
    return [int(item) for item in reader.take_raw_int32s(count)]


def _parse_text_entries(reader: ByteReader) -> list[TopologyEntry]:
    entries = []
    while reader.expect_token("<TopologyEntry>", "</Topology>") == "<TopologyEntry>":
        reader.expect_token("<ForPhones>")
        phones = []
        while (word := reader.take_token()) != "</ForPhones>":
            if not (word.isascii() and word.isdigit() and len(word) < 10):
                raise FormatError(f"expected a phone or </ForPhones>, found {word[:40]!r}")
            phones.append(int(word))
        states: list[TopologyState] = []
        while reader.expect_token("<State>", "</TopologyEntry>") == "<State>":
            if take_int(reader, binary=False) != len(states):
                raise FormatError("states are not numbered in order")
            states.append(_take_text_state(reader))
        entries.append(TopologyEntry(tuple(phones), tuple(states)))
    return entries


def _take_text_state(reader: ByteReader) -> TopologyState:
    forward = self_loop = NO_PDF
    transitions = []
    while True:
        match reader.take_token():
            case "<PdfClass>":
                forward = self_loop = take_int(reader, binary=False)
            case "<ForwardPdfClass>":
                forward = take_int(reader, binary=False)
            case "<SelfLoopPdfClass>":
                self_loop = take_int(reader, binary=False)
            case "<Transition>":
                transitions.append((take_int(reader, binary=False), take_real(reader, binary=False)))
            case "</State>":
                return TopologyState(forward, self_loop, tuple(transitions))
            case token:
                raise FormatError(f"unexpected {token[:40]!r} in a topology state")


def topology_to_text(topology: Topology) -> str:
    """The text that Kaldi writes."""
    lines = ["<Topology> "]
    for entry in topology.entries:
        lines += ["<TopologyEntry> ", "<ForPhones> ", " ".join(map(str, entry.phones)) + " ", "</ForPhones> "]
        lines += [_state_to_text(index, state) for index, state in enumerate(entry.states)]
        lines += ["</TopologyEntry> "]
    return "\n".join([*lines, "</Topology> "]) + "\n"


def _state_to_text(index: int, state: TopologyState) -> str:
    parts = [f"<State> {index} "]
    forward, self_loop = state.forward_pdf_class, state.self_loop_pdf_class
    if forward != self_loop:
        parts += [f"<ForwardPdfClass> {forward} <SelfLoopPdfClass> {self_loop} "]
    elif forward != NO_PDF:
        parts += [f"<PdfClass> {forward} "]
    parts += [f"<Transition> {to} {probability:.7g} " for to, probability in state.transitions]
    return "".join([*parts, "</State> "])


def topology_to_bytes(topology: Topology) -> bytes:
    """The binary form inside a final.mdl."""
    index_of = {phone: index for index, entry in enumerate(topology.entries) for phone in entry.phones}
    phone_to_index = [index_of.get(phone, -1) for phone in range(max(topology.phones) + 1)]
    parts = [b"<Topology> ", ints_to_bytes(topology.phones), ints_to_bytes(phone_to_index)]
    parts += [] if topology.is_hmm else [int_to_bytes(-1)]
    parts.append(int_to_bytes(len(topology.entries)))
    for entry in topology.entries:
        parts.append(int_to_bytes(len(entry.states)))
        parts += [_state_to_bytes(state, is_hmm=topology.is_hmm) for state in entry.states]
    return b"".join([*parts, b"</Topology> "])


def _state_to_bytes(state: TopologyState, *, is_hmm: bool) -> bytes:
    parts = [int_to_bytes(state.forward_pdf_class)]
    parts += [] if is_hmm else [int_to_bytes(state.self_loop_pdf_class)]
    parts.append(int_to_bytes(len(state.transitions)))
    parts += [int_to_bytes(to) + real_to_bytes(probability) for to, probability in state.transitions]
    return b"".join(parts)
