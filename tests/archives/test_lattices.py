"""Lattices against those that Kaldi wrote in both forms, and against kaldifst."""

import gzip
import struct
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.lattices import Lattice, open_lattice_writer, read_lattices
from hybrid_kd.errors import HybridKdError

INF = np.inf
ARRAYS = [
    "arc_offsets", "ilabels", "olabels", "next_states", "graph_costs", "acoustic_costs", "final_graph_costs",
    "final_acoustic_costs", "start",
]  # fmt: skip


@pytest.fixture
def golden(shared: Path) -> Path:
    """Exact values of every stage."""
    return shared / "kaldi-an4" / "golden"


def fst(arc_type: bytes, start: int, states: list[tuple[bytes, list[bytes]]]) -> bytes:
    """A VectorFst of final weights and arcs."""
    header = struct.pack("<ii6si", 2125659606, 6, b"vector", len(arc_type)) + arc_type
    header += struct.pack("<iiQqqq", 2, 0, 3, start, len(states), 0)
    return header + b"".join(final + struct.pack("<q", len(arcs)) + b"".join(arcs) for final, arcs in states)


def weight(graph: float, acoustic: float, *string: int) -> bytes:
    """A weight of `compactlattice44`."""
    return struct.pack(f"<ffi{len(string)}i", graph, acoustic, len(string), *string)


def compact_arc(word: int, cost: bytes, next_state: int) -> bytes:
    """An arc of `compactlattice44`."""
    return struct.pack("<ii", word, word) + cost + struct.pack("<i", next_state)


COMPACT = fst(
    b"compactlattice44",
    0,
    [
        (weight(INF, INF), [compact_arc(7, weight(1, 2, 11, 12, 13), 1), compact_arc(8, weight(3, 4), 1)]),
        (weight(0.5, -6, 21, 22), [compact_arc(9, weight(5, 6, 31), 2)]),
        (weight(0.25, 0), []),
    ],
)


def assert_same(ours: Lattice, other: Lattice) -> None:
    """Both lattices have the same arrays."""
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(other, name), err_msg=name)


def test_compact_lattices_expand_to_kaldis_own_state_level_lattices(golden: Path) -> None:
    kaldis = dict(read_lattices(golden / "lat_lattice4.ark"))
    ours = dict(read_lattices(golden / "lat_compact.ark"))
    assert list(ours) == list(kaldis)
    assert sum(lattice.num_arcs for lattice in ours.values()) == 42_013
    for utt_id, lattice in ours.items():
        assert_same(lattice, kaldis[utt_id])


def test_writing_kaldis_lattices_gives_their_bytes_but_for_the_properties(
    golden: Path, tmp_path: Path
) -> None:
    with open_lattice_writer(tmp_path / "lat.ark") as write:
        for utt_id, lattice in read_lattices(golden / "lat_lattice4.ark"):
            write(utt_id, lattice)
    ours = (tmp_path / "lat.ark").read_bytes()
    kaldis = (golden / "lat_lattice4.ark").read_bytes()
    assert len(ours) == len(kaldis)
    differing = np.flatnonzero(np.frombuffer(ours, np.uint8) != np.frombuffer(kaldis, np.uint8))
    assert len(differing) <= 8 * 8


def test_kaldifst_reads_what_we_write(golden: Path, tmp_path: Path) -> None:
    utt_id, lattice = next(read_lattices(golden / "lat_compact.ark"))
    with open_lattice_writer(tmp_path / "lat.ark") as write:
        write(utt_id, lattice)
    entry = (tmp_path / "lat.ark").read_bytes().removeprefix(utt_id.encode() + b" ")
    (tmp_path / "lat.fst").write_bytes(entry)
    theirs = kaldifst.Lattice.read(str(tmp_path / "lat.fst"))
    assert (theirs.num_states, theirs.start) == (lattice.num_states, lattice.start)
    lines = [line.split() for line in theirs.to_str().splitlines()]
    arcs = [line for line in lines if len(line) >= 4]
    sources = np.repeat(np.arange(lattice.num_states), np.diff(lattice.arc_offsets))
    labels = np.stack([sources, lattice.next_states, lattice.ilabels, lattice.olabels], axis=1)
    assert [[int(field) for field in line[:4]] for line in arcs] == labels.tolist()
    costs = [tuple(map(float, (line[4] if len(line) > 4 else "0,0").split(","))) for line in arcs]
    np.testing.assert_allclose(
        costs, np.stack([lattice.graph_costs, lattice.acoustic_costs], axis=1), rtol=1e-5
    )
    finals = [int(line[0]) for line in lines if 0 < len(line) < 3]
    assert sorted(finals) == np.flatnonzero(lattice.final_graph_costs < np.inf).tolist()


def test_a_string_becomes_a_path_with_word_and_costs_on_its_first_arc(tmp_path: Path) -> None:
    (tmp_path / "lat").write_bytes(b"u " + COMPACT)
    ((utt_id, lattice),) = read_lattices(tmp_path / "lat")
    assert utt_id == "u"
    assert lattice.num_states == 7  # 3 and 4 inside the first arc; 5 and 6 for the string on state 1
    assert lattice.arc_offsets.tolist() == [0, 2, 4, 4, 5, 6, 7, 7]
    assert lattice.ilabels.tolist() == [11, 0, 21, 31, 12, 13, 22]
    assert lattice.olabels.tolist() == [7, 8, 0, 9, 0, 0, 0]
    assert lattice.next_states.tolist() == [3, 1, 5, 2, 4, 1, 6]
    assert lattice.graph_costs.tolist() == [1, 3, 0.5, 5, 0, 0, 0]
    assert lattice.acoustic_costs.tolist() == [2, 4, -6, 6, 0, 0, 0]
    assert lattice.final_graph_costs.tolist() == [INF, INF, 0.25, INF, INF, INF, 0]
    assert lattice.final_acoustic_costs.tolist() == [INF, INF, 0, INF, INF, INF, 0]


def test_gzip_is_read_and_written_by_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "lat.1.gz").write_bytes(gzip.compress(b"u " + COMPACT) + gzip.compress(b"v " + COMPACT))
    lattices = dict(read_lattices(tmp_path / "lat.1.gz"))
    with open_lattice_writer(tmp_path / "lat.2.gz") as write:
        for utt_id, lattice in lattices.items():
            write(utt_id, lattice)
    again = dict(read_lattices(tmp_path / "lat.2.gz"))
    assert list(again) == ["u", "v"]
    assert_same(again["v"], lattices["u"])


def test_an_empty_lattice_comes_back_empty(tmp_path: Path) -> None:
    for arc_type in (b"lattice4", b"compactlattice44"):
        (tmp_path / "lat").write_bytes(b"u " + fst(arc_type, -1, []))
        ((_, lattice),) = read_lattices(tmp_path / "lat")
        assert (lattice.num_states, lattice.num_arcs, lattice.start) == (0, 0, -1)
        with open_lattice_writer(tmp_path / "again") as write:
            write("u", lattice)
        assert_same(next(read_lattices(tmp_path / "again"))[1], lattice)


FINAL = struct.pack("<ff", 0, 0)
ONE_STATE = fst(b"lattice4", 0, [(FINAL, [])])


def one_arc(*fields: float) -> bytes:
    """A `lattice4` of one state with one arc (ilabel, olabel, costs, next state)."""
    return fst(b"lattice4", 0, [(FINAL, [struct.pack("<iiffi", *fields)])])


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (b"\0BFM \4\0\0\0\0", r"not a binary lattice \(it begins with 0x4d464200; text lattices are not"),
        (b"\n0 1 2 3,4,5\n\n", "not a binary lattice"),
        (fst(b"standard", 0, [(b"\0\0\0\0", [])]), "an FST of arc type 'standard' is not a lattice"),
        (ONE_STATE.replace(b"vector", b"const\0"), "an FST of type 'const.x00'"),
        (fst(b"lattice4", 1, [(FINAL, [])]), "start state 1 of 1 states"),
        (fst(b"lattice4", -1, [(FINAL, [])]), "start state -1 of 1 states"),
        (fst(b"lattice4" + b"x" * 60, 0, []), "a type name of 68 bytes"),
        (one_arc(1, 1, 0, 0, 1), "an arc leads out of the 1 states"),
        (one_arc(-1, 1, 0, 0, 0), "a negative label"),
        (one_arc(1, 1, np.nan, 0, 0), "an arc has the costs nan and 0.0"),
        (one_arc(1, 1, 0, -INF, 0), "an arc has the costs 0.0 and -inf"),
        (one_arc(1, 1, INF, 0, 0), "an arc has the costs inf and 0.0"),
        (
            fst(b"lattice4", 0, [(struct.pack("<ff", 0, np.nan), [])]),
            "a final state has the costs 0.0 and nan",
        ),
        (COMPACT.replace(weight(3, 4), weight(3, np.nan)), "an arc has the costs 3.0 and nan"),
        (COMPACT.replace(weight(0.25, 0), weight(0.25, INF)), "a final state has the costs 0.25 and inf"),
        (ONE_STATE[:-8] + struct.pack("<q", 2**60), "20.* bytes should follow, 0 are there"),
        (ONE_STATE[:-8] + struct.pack("<q", -1), "a negative length"),
        (fst(b"lattice4", 0, [(FINAL, [])] * 2)[:-17], "32 bytes should follow, 15 are there"),
        (COMPACT.replace(struct.pack("<ii", 7, 7), struct.pack("<ii", 7, 6)), "an arc of words 7 and 6"),
        (COMPACT.replace(struct.pack("<ii", 31, 2), struct.pack("<ii", 31, 9)), "words 9 and 9 to state 9"),
    ],
)
def test_damage_names_file_and_utterance(tmp_path: Path, entry: bytes, problem: str) -> None:
    (tmp_path / "lat.gz").write_bytes(gzip.compress(b"good " + COMPACT + b"bad " + entry))
    (tmp_path / "lat").write_bytes(b"good " + COMPACT + b"bad " + entry)
    with pytest.raises(HybridKdError, match=f"lat, utterance 'bad': .*{problem}"):
        list(read_lattices(tmp_path / "lat"))
    with pytest.raises(HybridKdError, match=r"lat.gz, utterance 'bad': "):
        list(read_lattices(tmp_path / "lat.gz"))


def test_text_lattices_are_refused(golden: Path) -> None:
    with pytest.raises(HybridKdError, match="text lattices are not read"):
        list(read_lattices(golden / "lat_compact_first.txt"))
