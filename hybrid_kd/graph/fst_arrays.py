"""FSTs as arrays, for what kaldifst does not do; and between arrays, kaldifst's objects and files.

Weights are costs (negative natural logarithms); labels are 1-based, 0 is epsilon.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Int32

from hybrid_kd.archives.openfst import (
    ARC,
    CONST_STATE,
    const_arcs,
    const_fst_to_bytes,
    const_states,
    parse_header,
)
from hybrid_kd.errors import HybridKdError

NOT_FINAL = np.float32(np.inf)


@dataclass(frozen=True)
class FstArrays:
    """An FST; the arcs of a state stand together, in its order, and states ascend."""

    start: int  # -1: empty
    final_costs: Float32[np.ndarray, " states"]  # NOT_FINAL where a state is not final
    sources: Int32[np.ndarray, " arcs"]
    ilabels: Int32[np.ndarray, " arcs"]
    olabels: Int32[np.ndarray, " arcs"]
    costs: Float32[np.ndarray, " arcs"]
    next_states: Int32[np.ndarray, " arcs"]

    @property
    def num_states(self) -> int:
        return len(self.final_costs)

    @property
    def num_arcs(self) -> int:
        return len(self.sources)

    @property
    def num_arcs_of(self) -> Int[np.ndarray, " states"]:
        """How many arcs leave each state."""
        return np.bincount(self.sources, minlength=self.num_states)


def sorted_by_source(fst: FstArrays) -> FstArrays:
    """Bring the arcs of each state together; within a state they keep their order."""
    order = np.argsort(fst.sources, kind="stable")
    columns = (fst.sources, fst.ilabels, fst.olabels, fst.costs, fst.next_states)
    return FstArrays(fst.start, fst.final_costs, *(column[order] for column in columns))


def to_arrays(fst: Any) -> FstArrays:
    """The arrays of a kaldifst FST."""
    import kaldifst

    with _scratch_file() as name:
        const = fst if fst.type == "const" else kaldifst.StdConstFst(fst)
        if not const.write(name):
            raise OSError(None, "cannot be written", name)
        content = np.fromfile(name, np.uint8)
    header = parse_header(content)
    states, arcs = const_states(content, header), const_arcs(content, header)
    sources = np.repeat(np.arange(len(states), dtype=np.int32), states["num_arcs"])
    columns = (arcs[name].copy() for name in ("ilabel", "olabel", "cost", "next_state"))
    return FstArrays(header.start, states["final_cost"].copy(), sources, *columns)


def to_bytes(fst: FstArrays) -> bytes:
    """The file of a const FST."""
    states = np.zeros(fst.num_states, CONST_STATE)
    states["final_cost"] = fst.final_costs
    states["num_arcs"] = fst.num_arcs_of
    states["first_arc"] = np.cumsum(states["num_arcs"]) - states["num_arcs"]
    for name, labels in (("num_input_epsilons", fst.ilabels), ("num_output_epsilons", fst.olabels)):
        states[name] = np.bincount(fst.sources[labels == 0], minlength=fst.num_states)
    arcs = np.empty(fst.num_arcs, ARC)
    arcs["ilabel"], arcs["olabel"] = fst.ilabels, fst.olabels
    arcs["cost"], arcs["next_state"] = fst.costs, fst.next_states
    return const_fst_to_bytes(fst.start, states, arcs)


def to_fst(fst: FstArrays) -> Any:
    """A kaldifst.StdVectorFst."""
    import kaldifst

    with _scratch_file() as name:
        Path(name).write_bytes(to_bytes(fst))
        return kaldifst.StdVectorFst(kaldifst.StdFst.read(name))


@contextmanager
def _scratch_file() -> Iterator[str]:
    """A file to hand an FST over; on Linux it lies in memory (on a disk, removing it takes longest)."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("hybrid_kd.fst"), "rb") as memory:
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(prefix="hybrid_kd.", suffix=".fst") as file:
            yield file.name


def read_fst(path: Path, *, fix: str) -> Any:
    """Read an OpenFst file (vector or const) as a kaldifst.StdVectorFst.

    Raises: HybridKdError if it is missing, is not one, or is empty.
    """
    import kaldifst

    if not path.is_file():
        raise HybridKdError.at(path, "no such file", fix=fix)
    try:
        parse_header(np.frombuffer(path.read_bytes()[:200], np.uint8))
        fst = kaldifst.StdFst.read(str(path))
    except (ValueError, RuntimeError) as error:
        raise HybridKdError.at(path, f"not a transducer: {error}", fix=fix) from error
    if fst is None or fst.start < 0:
        raise HybridKdError.at(path, "empty, or cut short", fix=fix)
    return kaldifst.StdVectorFst(fst)
