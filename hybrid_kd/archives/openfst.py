"""OpenFst files with standard arcs (tropical weights: costs): headers, and arcs as arrays.

A file is a header (magic i32; type and arc type, each i32 length + characters; version i32, flags i32,
properties u64, start i64, states i64, arcs i64) and then, in a const FST, an array of states and one of all
arcs; in a vector FST, state by state, its final cost f32, its number of arcs i64 and these.
Source: OpenFst fst.h, FstHeader; const-fst.h; vector-fst.h.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

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
EXPANDED = 1  # the one property that a const FST must claim
CONST_VERSION = 2


@dataclass(frozen=True)
class FstHeader:
    """What a file's header tells; ``end`` is where the header ends."""

    kind: str  # const or vector
    start: int  # -1: no state at all
    num_states: int
    num_arcs: int  # 0 in a vector FST, whatever it holds
    end: int


def parse_header(content: np.ndarray) -> FstHeader:
    """Parse the header of a file's bytes (uint8).

    Raises: ValueError or struct.error if it is not a const or vector FST with standard arcs.
    """
    head = content[:200].tobytes()
    if len(head) < 8 or struct.unpack_from("<i", head)[0] != MAGIC:
        raise ValueError("it does not begin as an OpenFst file does")
    kind, position = _parse_string(head, 4)
    arc_type, position = _parse_string(head, position)
    if kind not in ("const", "vector") or arc_type != "standard":
        raise ValueError(
            f"an OpenFst file of type {kind!r} with {arc_type!r} arcs, not const or vector, standard"
        )
    _, flags, _, start, num_states, num_arcs = struct.unpack_from("<iiQqqq", head, position)
    if flags & 3:
        raise ValueError("it holds symbol tables; write it without them")
    return FstHeader(kind, start, num_states, num_arcs, position + 40)


def _parse_string(head: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<i", head, position)
    if not 0 <= length <= 32:
        raise ValueError("damaged header")
    return head[position + 4 : position + 4 + length].decode("latin-1"), position + 4 + length


def const_arcs(content: np.ndarray, header: FstHeader) -> Any:
    """The arcs (ARC) of a const FST: they lie together at the end of the file.

    Raises: ValueError if the file is too short for them.
    """
    num_bytes, states_bytes = header.num_arcs * ARC.itemsize, header.num_states * CONST_STATE.itemsize
    if min(header.num_arcs, header.num_states) < 0 or header.end + states_bytes + num_bytes > len(content):
        sizes = f"{header.num_states} states and {header.num_arcs} arcs"
        raise ValueError(f"cut short: {sizes} do not fit in {len(content)} bytes")
    return content[len(content) - num_bytes :].view(ARC)


def vector_arcs(content: np.ndarray, header: FstHeader) -> Any:
    """The arcs (ARC) of a vector FST.

    Raises: ValueError or struct.error if the file is too short for them.
    """
    data, position = content.tobytes(), header.end
    pieces = []
    for _ in range(header.num_states):
        (num_arcs,) = struct.unpack_from("<q", data, position + 4)
        position += 12
        if not 0 <= num_arcs * ARC.itemsize <= len(data) - position:
            raise ValueError(f"cut short at byte {position}")
        pieces.append(np.frombuffer(data, ARC, num_arcs, position))
        position += num_arcs * ARC.itemsize
    return np.concatenate(pieces) if pieces else np.zeros(0, ARC)


def const_states(content: np.ndarray, header: FstHeader) -> Any:
    """The states (CONST_STATE) of a const FST."""
    num_bytes = header.num_states * CONST_STATE.itemsize
    return content[header.end : header.end + num_bytes].view(CONST_STATE)


def const_fst_to_bytes(start: int, states: np.ndarray, arcs: np.ndarray) -> bytes:
    """A const FST's file; ``states`` are CONST_STATE, ``arcs`` ARC, in the order of their states."""
    names = b"".join(struct.pack("<i", len(name)) + name for name in (b"const", b"standard"))
    counts = struct.pack("<iiQqqq", CONST_VERSION, 0, EXPANDED, start, len(states), len(arcs))
    return struct.pack("<i", MAGIC) + names + counts + states.tobytes() + arcs.tobytes()
