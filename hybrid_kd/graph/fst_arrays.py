"""FSTs as arrays by arc, for what kaldifst does not do; and between arrays, kaldifst's objects and files.

kaldifst opens no file of a user: it gets what `archives.openfst` has checked, with no properties claimed.

Weights are costs (negative natural logarithms); labels are 1-based, 0 is epsilon.
"""

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Int32

from hybrid_kd.archives.byte_reader import FormatError
from hybrid_kd.archives.openfst import ARC, Fst, fst_to_bytes, read_openfst, take_fst
from hybrid_kd.archives.streams import open_reader
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
    """The arrays of a kaldifst FST.

    Raises: FormatError where it holds NaN.
    """
    import kaldifst

    with _scratch_file() as name:
        const = fst if fst.type == "const" else kaldifst.StdConstFst(fst)
        if not const.write(name):
            raise OSError(None, "cannot be written", name)
        with open_reader(name) as reader:
            return by_arc(take_fst(reader))


def by_arc(fst: Fst) -> FstArrays:
    """The same FST with its arcs in columns."""
    sources = np.repeat(np.arange(fst.num_states, dtype=np.int32), np.diff(fst.arc_offsets))
    columns = (fst.arcs[name].copy() for name in ("ilabel", "olabel", "cost", "next_state"))
    return FstArrays(fst.start, fst.final_costs, sources, *columns)


def to_bytes(fst: FstArrays) -> bytes:
    """The file of a const FST."""
    arcs = np.empty(fst.num_arcs, ARC)
    arcs["ilabel"], arcs["olabel"] = fst.ilabels, fst.olabels
    arcs["cost"], arcs["next_state"] = fst.costs, fst.next_states
    arc_offsets = np.concatenate([[0], np.cumsum(fst.num_arcs_of, dtype=np.int64)])
    return fst_to_bytes(Fst(fst.start, fst.final_costs, arc_offsets, arcs))


def to_fst(fst: FstArrays) -> Any:
    """A kaldifst.StdVectorFst."""
    import kaldifst

    return kaldifst.StdVectorFst(_from_bytes(to_bytes(fst)))


def to_const_fst(fst: Fst) -> Any:
    """A kaldifst.StdConstFst, as decoders want it."""
    return _from_bytes(fst_to_bytes(fst))


def _from_bytes(content: bytes) -> Any:
    import kaldifst

    with _scratch_file() as name:
        Path(name).write_bytes(content)
        return kaldifst.StdFst.read(name)


@contextmanager
def named_failure(place: str | Path, *, fix: str) -> Iterator[None]:
    """Name the inputs that kaldifst fails on within the block: they cannot be determinised, costs overflow.

    Raises: HybridKdError in the place of its RuntimeError, and of a FormatError.
    """
    try:
        yield
    except FormatError as error:
        raise HybridKdError.at(place, f"composed, {error}", fix=fix) from error
    except RuntimeError as error:
        problem = " ".join(line for line in str(error).splitlines()[1:] if line.strip()) or str(error)
        raise HybridKdError.at(place, problem.removeprefix("[E] "), fix=fix) from error


@contextmanager
def _scratch_file() -> Iterator[str]:
    """A file to hand an FST over; on Linux it lies in memory (on a disk, removing it takes longest)."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("hybrid_kd.fst"), "rb") as memory:
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(prefix="hybrid_kd.", suffix=".fst") as file:
            yield file.name


def read_fst(path: Path, *, fix: str, symbols: tuple[Collection[int], Collection[int]] | None = None) -> Any:
    """Read an OpenFst file (vector or const) as a kaldifst.StdVectorFst.

    ``symbols`` are the input and output labels that its arcs may have.

    Raises: HybridKdError if it is missing, is not one, is damaged, is empty, or has other labels.
    """
    if not path.is_file():
        raise HybridKdError.at(path, "no such file", fix=fix)
    fst = read_openfst(path, what="a transducer", fix=fix)
    if fst.start < 0:
        raise HybridKdError.at(path, "empty", fix=fix)
    for side, known in zip(("ilabel", "olabel"), symbols or (), strict=False):
        labels = np.unique(fst.arcs[side])
        if len(strangers := np.setdiff1d(labels, [0, *known])):
            problem = f"an arc has the {side} {strangers[0]}, which its symbol table has not"
            raise HybridKdError.at(path, problem, fix=fix)
    return to_fst(by_arc(fst))
