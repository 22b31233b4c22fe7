"""`compactlattice44`: lattices of words, with strings of transition_ids as weights, expanded to state level.

An arc with a string of n transition_ids becomes a path of n arcs with the word and the costs on the first; so
does a string on a final weight, whose path ends in a new final state. States are numbered as by Kaldi.
Source: Kaldi fstext/lattice-utils-inl.h, ConvertLattice.
"""

import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.lattice4 import Lattice, check_lattice
from hybrid_kd.archives.openfst import FstHeader

# paths = arcs of the file and strings on final weights, in the file's order; arcs = what they are expanded to

NEW_FINAL = -1  # where the path of a final weight's string leads
NOT_FINAL = (np.inf, np.inf)
PATH = np.dtype(
    [
        ("source", "<i8"),
        ("word", "<i4"),
        ("graph", "<f4"),
        ("acoustic", "<f4"),
        ("length", "<i8"),
        ("next", "<i8"),
    ]
)

_FINAL = struct.Struct("<ffi")  # graph cost, acoustic cost, length of the string
_ARC = struct.Struct("<iiffi")  # ilabel, olabel, graph cost, acoustic cost, length of the string
_COUNT = struct.Struct("<q")


@dataclass(frozen=True)
class _Steps:
    """For each arc after expansion, the path that it is part of and its place there."""

    path: Int64[np.ndarray, " arcs"]
    place: Int64[np.ndarray, " arcs"]
    is_last: Bool[np.ndarray, " arcs"]


def parse_compact_states(reader: ByteReader, header: FstHeader) -> Lattice:
    """Parse the states of a `compactlattice44` VectorFst and expand its strings.

    Raises: FormatError.
    """
    finals: list[tuple[float, float]] = []
    paths: list[tuple[int, int, float, float, int, int]] = []  # fields of PATH
    strings: list[bytes] = []
    for state in range(header.num_states):
        graph, acoustic, length = _FINAL.unpack(reader.take(_FINAL.size))
        string = reader.take(4 * length)
        is_path = length > 0 and graph != np.inf
        finals.append(NOT_FINAL if is_path else (graph, acoustic))
        if is_path:
            paths.append((state, 0, graph, acoustic, length, NEW_FINAL))
            strings.append(string)
        for _ in range(_COUNT.unpack(reader.take(_COUNT.size))[0]):
            ilabel, olabel, graph, acoustic, length = _ARC.unpack(reader.take(_ARC.size))
            strings.append(reader.take(4 * length))
            next_state = int.from_bytes(reader.take(4), "little", signed=True)
            if ilabel != olabel or not 0 <= next_state < header.num_states:
                raise FormatError(f"an arc of words {ilabel} and {olabel} to state {next_state}")
            paths.append((state, ilabel, graph, acoustic, length, next_state))
    transition_ids = np.frombuffer(b"".join(strings), "<i4").astype(np.int32)
    final_costs = np.array(finals, np.float32).reshape(-1, 2)
    return check_lattice(_expand(np.array(paths, PATH), transition_ids, final_costs, start=header.start))


def _expand(
    paths: Shaped[np.ndarray, " paths"],
    transition_ids: Int32[np.ndarray, " ids"],
    final_costs: Float32[np.ndarray, "states 2"],
    *,
    start: int,
) -> Lattice:
    steps = _steps(paths)
    is_first = steps.place == 0
    ends_anew = paths["next"] == NEW_FINAL
    num_new = np.maximum(paths["length"], 1) - 1 + ends_anew
    first_new = len(final_costs) + np.cumsum(num_new) - num_new
    new_states = first_new[steps.path] + steps.place  # where a step leads, but for the last one of an arc
    sources = np.where(is_first, paths["source"][steps.path], new_states - 1)
    next_states = np.where(steps.is_last & ~ends_anew[steps.path], paths["next"][steps.path], new_states)
    all_finals = np.concatenate([final_costs, np.full((int(num_new.sum()), 2), np.inf, np.float32)])
    all_finals[(first_new + num_new - 1)[ends_anew]] = 0
    ilabels = np.zeros(len(sources), np.int32)
    ilabels[paths["length"][steps.path] > 0] = transition_ids
    order = np.argsort(sources, kind="stable")
    counts = np.bincount(sources, minlength=len(all_finals))
    on_first = np.where(is_first, steps.path, len(paths))  # the last of the costs below is 0
    words, graph_costs, acoustic_costs = (
        np.append(paths[name], np.zeros(1, PATH[name]))[on_first] for name in ("word", "graph", "acoustic")
    )
    return Lattice(
        arc_offsets=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
        ilabels=ilabels[order],
        olabels=words[order],
        next_states=next_states[order].astype(np.int32),
        graph_costs=graph_costs[order],
        acoustic_costs=acoustic_costs[order],
        final_graph_costs=all_finals[:, 0].copy(),
        final_acoustic_costs=all_finals[:, 1].copy(),
        start=start,
    )


def _steps(paths: Shaped[np.ndarray, " paths"]) -> _Steps:
    num_steps = np.maximum(paths["length"], 1)
    path = np.repeat(np.arange(len(paths)), num_steps)
    place = np.arange(len(path)) - np.repeat(np.cumsum(num_steps) - num_steps, num_steps)
    return _Steps(path, place, place == num_steps[path] - 1)
