"""A state-level lattice: its arrays, and its form in a file, an OpenFst VectorFst of arc type `lattice4`.

Costs are negative natural logs; acoustic costs are stored unscaled.
Source: OpenFst vector-fst.h and fst.cc (FstHeader); Kaldi lat/kaldi-lattice.cc.
"""

import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.openfst import MAGIC, FstHeader, take_fst_header

FST_VERSION = 2
ARC_TYPES = ("lattice4", "compactlattice44")
EXPANDED_AND_MUTABLE = 3  # the FST properties that every VectorFst has
ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("graph", "<f4"), ("acoustic", "<f4"), ("next", "<i4")])
STATE = np.dtype([("graph", "<f4"), ("acoustic", "<f4"), ("num_arcs", "<i8")])

_HEADER = struct.Struct("<iiQqqq")  # version, flags, properties, start, states, (unused) arcs
_STATE = struct.Struct("<ffq")


@dataclass(frozen=True)
class Lattice:
    """A lattice by state: state s owns the arcs arc_offsets[s] to arc_offsets[s + 1]."""

    arc_offsets: Int64[np.ndarray, " states_and_1"]
    ilabels: Int32[np.ndarray, " arcs"]  # transition_ids, 0 is epsilon
    olabels: Int32[np.ndarray, " arcs"]  # word_ids, 0 is epsilon
    next_states: Int32[np.ndarray, " arcs"]
    graph_costs: Float32[np.ndarray, " arcs"]
    acoustic_costs: Float32[np.ndarray, " arcs"]  # unscaled
    final_graph_costs: Float32[np.ndarray, " states"]  # inf: the state is not final
    final_acoustic_costs: Float32[np.ndarray, " states"]
    start: int  # -1 if there are no states

    @property
    def num_states(self) -> int:
        """How many states it has."""
        return len(self.final_graph_costs)

    @property
    def num_arcs(self) -> int:
        """How many arcs it has."""
        return len(self.ilabels)


def parse_lattice_header(reader: ByteReader) -> FstHeader:
    """Parse the header of a VectorFst that is a lattice.

    Raises: FormatError, also for symbol tables inside and for an unknown number of states.
    """
    if (magic := int.from_bytes(reader.peek(4), "little")) != MAGIC:
        raise FormatError(f"not a binary lattice (it begins with {magic:#x}; text lattices are not read)")
    header = take_fst_header(reader)
    if header.kind != "vector":
        raise FormatError(f"an FST of type {header.kind!r} is not a lattice")
    if header.arc_type not in ARC_TYPES:
        raise FormatError(f"an FST of arc type {header.arc_type!r} is not a lattice")
    reader.require(header.num_states * STATE.itemsize)
    return header


def parse_lattice4_states(reader: ByteReader, header: FstHeader) -> Lattice:
    """Parse the states of a `lattice4` VectorFst.

    Raises: FormatError.
    """
    states, arc_bytes = [], []
    for _ in range(header.num_states):
        states.append(state := reader.take(_STATE.size))
        num_arcs = _STATE.unpack(state)[2]
        arc_bytes.append(reader.take(ARC.itemsize * num_arcs))
    finals, arcs = np.frombuffer(b"".join(states), STATE), np.frombuffer(b"".join(arc_bytes), ARC)
    return check_lattice(
        Lattice(
            arc_offsets=np.concatenate([[0], np.cumsum(finals["num_arcs"], dtype=np.int64)]),
            ilabels=arcs["ilabel"].astype(np.int32),
            olabels=arcs["olabel"].astype(np.int32),
            next_states=arcs["next"].astype(np.int32),
            graph_costs=arcs["graph"].astype(np.float32),
            acoustic_costs=arcs["acoustic"].astype(np.float32),
            final_graph_costs=finals["graph"].astype(np.float32),
            final_acoustic_costs=finals["acoustic"].astype(np.float32),
            start=header.start,
        )
    )


def check_lattice(lattice: Lattice) -> Lattice:
    """The lattice itself.

    Raises: FormatError where an arc leads to no state, a label is negative or a cost is no LatticeWeight.
    """
    _check_costs(lattice.graph_costs, lattice.acoustic_costs, "an arc")
    _check_costs(lattice.final_graph_costs, lattice.final_acoustic_costs, "a final state")
    if lattice.num_arcs:
        if not 0 <= lattice.next_states.min() <= lattice.next_states.max() < lattice.num_states:
            raise FormatError(f"an arc leads out of the {lattice.num_states} states")
        if min(lattice.ilabels.min(), lattice.olabels.min()) < 0:
            raise FormatError("a negative label")
    return lattice


def _check_costs(
    graph_costs: Float32[np.ndarray, " costs"], acoustic_costs: Float32[np.ndarray, " costs"], what: str
) -> None:
    """Neither NaN nor minus infinity; both infinite or none (LatticeWeight::Member)."""
    is_sound = (graph_costs > -np.inf) & (acoustic_costs > -np.inf)
    is_sound &= np.isinf(graph_costs) == np.isinf(acoustic_costs)
    if not is_sound.all():
        index = int(np.argmin(is_sound))
        raise FormatError(f"{what} has the costs {graph_costs[index]} and {acoustic_costs[index]}")


def lattice_to_bytes(lattice: Lattice) -> bytes:
    """The `lattice4` VectorFst of a lattice."""
    names = b"".join(len(name).to_bytes(4, "little") + name for name in (b"vector", b"lattice4"))
    sizes = (lattice.start, lattice.num_states, 0)
    header = MAGIC.to_bytes(4, "little") + names
    header += _HEADER.pack(FST_VERSION, 0, EXPANDED_AND_MUTABLE, *sizes)
    return header + _states_to_bytes(lattice)


def _states_to_bytes(lattice: Lattice) -> bytes:
    """Each state's final costs and number of arcs, then its arcs."""
    states = np.empty(lattice.num_states, STATE)
    states["graph"], states["acoustic"] = lattice.final_graph_costs, lattice.final_acoustic_costs
    states["num_arcs"] = np.diff(lattice.arc_offsets)
    arcs = np.empty(lattice.num_arcs, ARC)
    arcs["ilabel"], arcs["olabel"], arcs["next"] = lattice.ilabels, lattice.olabels, lattice.next_states
    arcs["graph"], arcs["acoustic"] = lattice.graph_costs, lattice.acoustic_costs
    content = np.empty(states.nbytes + arcs.nbytes, np.uint8)
    is_arc = np.ones(len(content), bool)
    state_at = STATE.itemsize * np.arange(lattice.num_states) + ARC.itemsize * lattice.arc_offsets[:-1]
    is_arc[state_at[:, None] + np.arange(STATE.itemsize)] = False
    content[is_arc], content[~is_arc] = arcs.view(np.uint8), states.view(np.uint8)
    return content.tobytes()
