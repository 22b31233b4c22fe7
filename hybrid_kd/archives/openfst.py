"""OpenFst files with standard arcs (tropical weights: costs), parsed into checked arrays, and written.

A file is a header (magic i32; type and arc type, each i32 length + characters; version i32, flags i32,
properties u64, start i64, states i64, arcs i64) and then, in a const FST, an array of states and one of all
arcs; in a vector FST, state by state, its final cost f32, its number of arcs i64 and these arcs.

The libraries that compose and decode trust every count and index of a file: a damaged one is a segmentation
fault there. So no library opens a file; it gets what was parsed here (`graph.fst_arrays`).
Source: OpenFst fst.h, FstHeader; const-fst.h; vector-fst.h; float-weight.h, TropicalWeight::Member.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, Shaped, UInt32

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.streams import parse_whole_file

MAGIC = 2125659606
ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("cost", "<f4"), ("next_state", "<i4")])
CONST_STATE = np.dtype(
    [
        ("final_cost", "<f4"),  # infinite: not final
        ("first_arc", "<u4"),
        ("num_arcs", "<u4"),
        ("num_input_epsilons", "<u4"),
        ("num_output_epsilons", "<u4"),
    ]
)
VECTOR_STATE_WORDS, ARC_WORDS = 3, 4  # a vector FST in units of 32 bits
EXPANDED = 1  # the one property that a const FST must claim
CONST_VERSION = 2
ALIGNED_CONST_VERSION = 1
VERSIONS = {"const": (ALIGNED_CONST_VERSION, CONST_VERSION), "vector": (2,)}
HAS_SYMBOLS, IS_ALIGNED = 3, 4  # flags
ALIGNMENT = 16
MAX_NAME_BYTES = 64

_COUNTS = struct.Struct("<iiQqqq")  # version, flags, properties, start, states, arcs


@dataclass(frozen=True)
class FstHeader:
    """What the header of a file says."""

    kind: str
    arc_type: str
    version: int
    is_aligned: bool  # padding before the arrays of a const FST
    start: int  # -1: no state at all
    num_states: int
    num_arcs: int  # not used in a vector FST


@dataclass(frozen=True)
class Fst:
    """An FST by state: state s owns the arcs arc_offsets[s] to arc_offsets[s + 1]."""

    start: int  # -1 if there are no states
    final_costs: Float32[np.ndarray, " states"]  # inf: the state is not final
    arc_offsets: Int64[np.ndarray, " states_and_1"]
    arcs: Shaped[np.ndarray, " arcs"]  # ARC; labels are 1-based, 0 is epsilon

    @property
    def num_states(self) -> int:
        """How many states it has."""
        return len(self.final_costs)

    @property
    def num_arcs(self) -> int:
        """How many arcs it has."""
        return len(self.arcs)

    def num_epsilons(self, side: str) -> UInt32[np.ndarray, " states"]:
        """How many arcs of each state have no ``side`` (ilabel or olabel)."""
        before = np.concatenate([[0], np.cumsum(self.arcs[side] == 0)])
        counts: UInt32[np.ndarray, " states"] = np.diff(before[self.arc_offsets]).astype(np.uint32)
        return counts


def read_openfst(path: Path, *, what: str, fix: str) -> Fst:
    """Read a file that holds one const or vector FST; ``what`` it should be (with an article).

    Raises: HybridKdError for a header, count, index or cost that is damaged, and for another kind of FST.
    """
    return parse_whole_file(path, take_fst, what=what, fix=fix)


def take_fst(reader: ByteReader) -> Fst:
    """Parse the FST that fills the rest of a file.

    Raises: FormatError.
    """
    header = take_fst_header(reader)
    if header.kind not in VERSIONS or header.arc_type != "standard":
        raise FormatError(
            f"an OpenFst file of type {header.kind!r} with {header.arc_type!r} arcs, not const or vector, "
            "standard (fstconvert --fst_type=const, fstmap --map_type=to_standard)"
        )
    take_states = _take_const_states if header.kind == "const" else _take_vector_states
    fst = take_states(reader, header)
    _check_arcs(fst)
    if len(strange := np.flatnonzero(~(fst.final_costs > -np.inf))):  # NaN compares false
        state = int(strange[0])
        raise FormatError(f"state {state} of {fst.num_states} has the final cost {fst.final_costs[state]}")
    return fst


def take_fst_header(reader: ByteReader) -> FstHeader:
    """Parse the header of an FST with any arcs.

    Raises: FormatError, also for symbol tables inside and for an unknown number of states.
    """
    if int.from_bytes(reader.peek(4), "little") != MAGIC:
        raise FormatError("it does not begin as an OpenFst file does")
    reader.take(4)
    kind, arc_type = _take_name(reader), _take_name(reader)
    version, flags, _, start, num_states, num_arcs = _COUNTS.unpack(reader.take(_COUNTS.size))
    if flags & HAS_SYMBOLS:
        raise FormatError("it holds symbol tables (write it without: fstsymbols --clear_isymbols ..)")
    if version not in VERSIONS.get(kind, (version,)) or flags & ~IS_ALIGNED:
        raise FormatError(f"an FST of type {kind!r}, version {version}, flags {flags:#x} is not read")
    if num_states < 0 or not -1 <= start < num_states or (start < 0 < num_states):
        raise FormatError(f"start state {start} of {num_states} states")
    is_aligned = bool(flags & IS_ALIGNED) or (kind == "const" and version == ALIGNED_CONST_VERSION)
    return FstHeader(kind, arc_type, version, is_aligned, start, num_states, num_arcs)


def _take_name(reader: ByteReader) -> str:
    length = int.from_bytes(reader.take(4), "little")
    if length > MAX_NAME_BYTES:
        raise FormatError(f"a type name of {length} bytes")
    return reader.take(length).decode("latin-1")


def _take_const_states(reader: ByteReader, header: FstHeader) -> Fst:
    states = _take_array(reader, CONST_STATE, header.num_states, is_aligned=header.is_aligned)
    arcs = _take_array(reader, ARC, header.num_arcs, is_aligned=header.is_aligned)
    offsets = _offsets(states["num_arcs"])
    if offsets[-1] != len(arcs) or (states["first_arc"] != offsets[:-1]).any():
        raise FormatError(f"the arcs of the {len(states)} states are not the {len(arcs)} of the header")
    fst = Fst(header.start, states["final_cost"].copy(), offsets, arcs)
    for side, name in (("ilabel", "num_input_epsilons"), ("olabel", "num_output_epsilons")):
        if len(strange := np.flatnonzero(fst.num_epsilons(side) != states[name])):
            state = int(strange[0])
            raise FormatError(f"state {state} has another number of arcs without {side} than it says")
    return fst


def _take_array(
    reader: ByteReader, dtype: np.dtype[np.void], count: int, *, is_aligned: bool
) -> Shaped[np.ndarray, " count"]:
    if is_aligned:
        reader.take(-reader.position % ALIGNMENT)
    return np.frombuffer(reader.take(dtype.itemsize * count), dtype)


def _take_vector_states(reader: ByteReader, header: FstHeader) -> Fst:
    reader.require(4 * VECTOR_STATE_WORDS * header.num_states)
    content = reader.take_rest()
    if len(content) % 4:
        raise FormatError(f"cut short: {len(content)} bytes of states and arcs are not a multiple of 4")
    positions = _state_positions(memoryview(content).cast("i"), header.num_states)
    words = np.frombuffer(content, "<i4")
    sizes = np.diff(positions)
    at = positions[:-1]
    if (sizes < VECTOR_STATE_WORDS).any() or positions[-1] != len(words) or words[at + 2].any():
        raise FormatError(f"the numbers of arcs of {header.num_states} states do not fit the file's size")
    is_arc = np.ones(len(words), bool)
    for word in range(VECTOR_STATE_WORDS):
        is_arc[at + word] = False
    offsets = _offsets((sizes - VECTOR_STATE_WORDS) // ARC_WORDS)
    return Fst(header.start, words[at].view("<f4").astype(np.float32), offsets, words[is_arc].view(ARC))


def _state_positions(words: memoryview, num_states: int) -> Int64[np.ndarray, " states_and_1"]:
    """Where each state begins and the last one ends; each is found by the number of arcs of the one before.

    That is the one loop in Python over a graph's states. Numbers that are negative or need more than 32 bits
    are left to the caller, who looks at all of them at once.
    """
    positions, position = [0], 0
    try:
        for _ in range(num_states):
            position += VECTOR_STATE_WORDS + ARC_WORDS * words[position + 1]
            positions.append(position)
    except IndexError:
        raise FormatError(f"cut short: it ends in state {len(positions) - 1} of {num_states}") from None
    return np.array(positions, np.int64)


def _offsets(num_arcs: Shaped[np.ndarray, " states"]) -> Int64[np.ndarray, " states_and_1"]:
    return np.concatenate([[0], np.cumsum(num_arcs, dtype=np.int64)])


def _check_arcs(fst: Fst) -> None:
    """Raises: FormatError for the first arc to a state that is not there, with a negative label or no cost.

    A negative cost is legal, and so is an infinite one (an arc that is never taken).
    """
    arcs = fst.arcs
    is_sound = (arcs["cost"] > -np.inf) & (arcs["ilabel"] >= 0) & (arcs["olabel"] >= 0)
    is_sound &= (arcs["next_state"] >= 0) & (arcs["next_state"] < fst.num_states)
    if is_sound.all():
        return
    index = int(np.argmin(is_sound))
    state = int(np.searchsorted(fst.arc_offsets, index, side="right")) - 1
    ilabel, olabel, cost, next_state = arcs[index].tolist()
    raise FormatError(
        f"state {state} of {fst.num_states} has an arc of labels {ilabel} and {olabel} and cost {cost:g} to "
        f"state {next_state}"
    )


def fst_to_bytes(fst: Fst) -> bytes:
    """The file of a const FST."""
    states = np.empty(fst.num_states, CONST_STATE)
    states["final_cost"] = fst.final_costs
    states["first_arc"], states["num_arcs"] = fst.arc_offsets[:-1], np.diff(fst.arc_offsets)
    states["num_input_epsilons"] = fst.num_epsilons("ilabel")
    states["num_output_epsilons"] = fst.num_epsilons("olabel")
    names = b"".join(struct.pack("<i", len(name)) + name for name in (b"const", b"standard"))
    counts = _COUNTS.pack(CONST_VERSION, 0, EXPANDED, fst.start, fst.num_states, fst.num_arcs)
    return b"".join([struct.pack("<i", MAGIC), names, counts, states.tobytes(), fst.arcs.tobytes()])
