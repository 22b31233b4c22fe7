"""FSTs as arrays and back."""

import tempfile
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import read_fst, to_arrays, to_bytes, to_fst
from tests.graph.languages import accepts, make_arrays, rows

ARCS = [(0, 3, 4, 0.5, 1), (1, 2, 0, 0.25, 0), (0, 0, 0, 1.5, 1)]


def test_arrays_and_objects_hold_the_same() -> None:
    arrays = make_arrays(ARCS, {1: 2.5})
    back = to_arrays(to_fst(arrays))
    assert rows(back) == set(ARCS)
    assert back.start == 0
    np.testing.assert_array_equal(back.final_costs, [np.inf, 2.5])
    assert back.num_arcs_of.tolist() == [2, 1]


def test_arcs_of_a_state_keep_their_order() -> None:
    assert to_arrays(to_fst(make_arrays(ARCS, {1: 0.0}))).ilabels.tolist() == [3, 0, 2]


def test_an_empty_transducer_has_no_states() -> None:
    arrays = to_arrays(kaldifst.StdVectorFst())
    assert (arrays.start, arrays.num_states, arrays.num_arcs) == (-1, 0, 0)


def test_a_disk_serves_where_there_are_no_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    before = sorted(Path(tempfile.gettempdir()).glob("hybrid_kd.*.fst"))
    assert rows(to_arrays(to_fst(make_arrays(ARCS, {1: 0.0})))) == set(ARCS)
    assert sorted(Path(tempfile.gettempdir()).glob("hybrid_kd.*.fst")) == before


def test_a_const_file_is_read_as_a_vector(tmp_path: Path) -> None:
    (tmp_path / "fst").write_bytes(to_bytes(make_arrays(ARCS, {1: 0.0})))
    assert read_fst(tmp_path / "fst", fix="").type == "vector"


@pytest.mark.parametrize("content", [b"", b"no transducer", None])
def test_what_is_no_transducer_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "L.fst").write_bytes(content)
    with pytest.raises(HybridKdError, match=r"L.fst: (no such file|not a transducer)"):
        read_fst(tmp_path / "L.fst", fix="make it again")


def test_a_transducer_that_is_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "L.fst").write_bytes(to_bytes(make_arrays(ARCS, {1: 0.0}))[:-8])
    with pytest.raises(HybridKdError, match=r"L.fst: "):
        read_fst(tmp_path / "L.fst", fix="make it again")


def test_labels_without_a_symbol_are_named(tmp_path: Path) -> None:
    (tmp_path / "L.fst").write_bytes(to_bytes(make_arrays(ARCS, {1: 0.0})))
    read_fst(tmp_path / "L.fst", fix="", symbols=({2, 3}, {4}))
    for symbols, match in ((({3}, {4}), "the ilabel 2, which"), (({2, 3}, {5}), "the olabel 4, which")):
        with pytest.raises(HybridKdError, match=f"L.fst: an arc has {match} its symbol table has not"):
            read_fst(tmp_path / "L.fst", fix="", symbols=symbols)


def test_properties_that_a_file_claims_are_not_believed(tmp_path: Path) -> None:
    """Composition would miss arcs if the labels of a state were said to be sorted, and are not."""
    content = bytearray(to_bytes(make_arrays([(0, 3, 3, 0.5, 1), (0, 2, 2, 0.25, 1)], {1: 0.0})))
    ilabel_sorted = 1 << 28
    at = content.index(b"standard") + 16
    content[at : at + 8] = (1 | ilabel_sorted).to_bytes(8, "little")
    (tmp_path / "G.fst").write_bytes(content)
    fst = read_fst(tmp_path / "G.fst", fix="")
    assert accepts(fst, [2])
    assert accepts(fst, [3])
