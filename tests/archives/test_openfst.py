"""OpenFst files as checked arrays; the library itself is the oracle."""

import struct
from collections.abc import Callable
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.openfst import CONST_STATE, Fst, fst_to_bytes, read_openfst
from hybrid_kd.errors import HybridKdError

ARCS = [(3, 4, 0.5, 1), (0, 0, 1.5, 1), (2, 0, 0.25, 0)]
TEXT = "0 1 3 4 0.5\n0 1 0 0 1.5\n1 0 2 0 0.25\n1 2.5\n"
HEADER = struct.calcsize("<ii5si8siiQqqq")  # of a const FST; a vector FST's is one byte longer
FIRST_STATE = HEADER + 1  # of a vector FST: final cost f4, arcs i8
LAST_ARC = -28  # of the vector FST below: its last state has one arc


def small_fst() -> kaldifst.StdVectorFst:
    return kaldifst.compile(TEXT)


def written(path: Path, fst: kaldifst.StdFst) -> bytes:
    assert fst.write(str(path))
    return path.read_bytes()


def read(path: Path) -> Fst:
    return read_openfst(path, what="a transducer", fix="make it again")


def const_bytes(path: Path) -> bytes:
    return written(path, kaldifst.StdConstFst(small_fst()))


def vector_bytes(path: Path) -> bytes:
    return written(path, small_fst())


KINDS = {"const": const_bytes, "vector": vector_bytes}


@pytest.fixture(params=KINDS)
def content(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    return KINDS[request.param](tmp_path / "whole.fst")


def test_const_and_vector_files_are_read_into_the_same_arrays(content: bytes, tmp_path: Path) -> None:
    fst = read(tmp_path / "whole.fst")
    assert (fst.start, fst.num_states, fst.num_arcs) == (0, 2, 3)
    assert fst.arcs.tolist() == ARCS
    assert fst.final_costs.tolist() == [np.inf, 2.5]
    assert fst.arc_offsets.tolist() == [0, 2, 3]
    assert fst.num_epsilons("ilabel").tolist() == [1, 0]
    assert fst.num_epsilons("olabel").tolist() == [1, 1]


def test_a_const_file_is_written_as_the_library_writes_it(tmp_path: Path) -> None:
    """But for the properties (8 bytes), of which only that it is a const FST is claimed."""
    content = const_bytes(tmp_path / "fst")
    ours = fst_to_bytes(read(tmp_path / "fst"))
    assert ours[: HEADER - 32] == content[: HEADER - 32]
    assert ours[HEADER - 24 :] == content[HEADER - 24 :]


def test_the_library_reads_what_is_written(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "again").write_bytes(fst_to_bytes(read(tmp_path / "whole.fst")))
    assert kaldifst.StdFst.read(str(tmp_path / "again")).to_str() == small_fst().to_str()


@pytest.mark.parametrize("shift", range(2))
def test_the_padding_of_an_aligned_const_file_is_passed_over(tmp_path: Path, shift: int) -> None:
    """OpenFst pads to 16 bytes if a flag says so, and always did in version 1."""
    content = const_bytes(tmp_path / "fst")
    flags_or_version = struct.pack("<ii", *((2, 4) if shift else (1, 0)))
    at = content.index(b"standard") + 8
    states = HEADER + 2 * CONST_STATE.itemsize
    head = content[:at] + flags_or_version + content[at + 8 : HEADER]
    head += bytes(-len(head) % 16) + content[HEADER:states]
    (tmp_path / "fst").write_bytes(head + bytes(-len(head) % 16) + content[states:])
    assert read(tmp_path / "fst").arcs.tolist() == ARCS


def test_an_empty_fst_has_no_states(tmp_path: Path) -> None:
    written(tmp_path / "fst", kaldifst.StdVectorFst())
    assert (read(tmp_path / "fst").start, read(tmp_path / "fst").num_states) == (-1, 0)


def test_costs_may_be_negative_and_those_of_arcs_infinite(tmp_path: Path) -> None:
    written(tmp_path / "fst", kaldifst.compile("0 1 3 4 -0.5\n0 1 5 5 Infinity\n1 -2.5\n"))
    assert read(tmp_path / "fst").arcs["cost"].tolist() == [-0.5, np.inf]
    assert read(tmp_path / "fst").final_costs.tolist() == [np.inf, -2.5]


def test_every_truncation_is_an_error(content: bytes, tmp_path: Path) -> None:
    for size in range(len(content)):
        (tmp_path / "L.fst").write_bytes(content[:size])
        with pytest.raises(HybridKdError, match=r"L.fst: not a transducer: .*\n  fix: make it again"):
            read(tmp_path / "L.fst")


def test_something_after_the_end_is_an_error(content: bytes, tmp_path: Path) -> None:
    for more in (b"\1", bytes(12), bytes(16)):
        (tmp_path / "L.fst").write_bytes(content + more)
        with pytest.raises(
            HybridKdError, match=r"something follows|do not fit the file's size|multiple of 4"
        ):
            read(tmp_path / "L.fst")


def test_a_flipped_bit_of_any_byte_is_an_error_or_gives_sound_arrays(content: bytes, tmp_path: Path) -> None:
    """Each index and cost is sound, so that the library reads it; sizes and counts must be the file's."""
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        (tmp_path / "L.fst").write_bytes(flipped)
        try:
            fst = read(tmp_path / "L.fst")
        except HybridKdError as error:
            assert "L.fst: not a transducer: " in str(error)  # noqa: PT017
            continue
        assert (fst.num_states, fst.num_arcs) == (2, 3)
        assert set(fst.arcs["next_state"].tolist()) <= {0, 1}
        assert min(fst.arcs["ilabel"].min(), fst.arcs["olabel"].min()) >= 0
        assert fst.start in (0, 1)
        assert (fst.final_costs > -np.inf).all()


def put(offset: int, layout: str, *values: float) -> Callable[[bytes], bytes]:
    """Overwrite some bytes."""

    def change(content: bytes) -> bytes:
        changed, at = bytearray(content), offset % len(content)
        struct.pack_into(layout, changed, at, *values)
        return bytes(changed)

    return change


def test_states_that_lie_inside_each_other_are_refused(tmp_path: Path) -> None:
    """A number of arcs of -2 (its upper half is 0) leads back, and the next state's number to the end."""
    words = np.zeros(17, "<i4")
    words[1], words[7], words[12] = 2, 2, -2
    content = put(FIRST_STATE - 16, "<q", 3)(vector_bytes(tmp_path / "L.fst"))
    (tmp_path / "L.fst").write_bytes(content[:FIRST_STATE] + words.tobytes())
    with pytest.raises(HybridKdError, match="arcs of 3 states do not fit the file's size"):
        read(tmp_path / "L.fst")


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        ("const", put(0, "<i", 7), "it does not begin as an OpenFst file does"),
        ("const", put(4, "<i", 65), "a type name of 65 bytes"),
        ("const", put(8, "5s", b"edit\0"), "type 'edit.x00' with 'standard' arcs, not const or vector"),  # type: ignore[arg-type]
        ("vector", put(18, "8s", b"log64\0\0\0"), "type 'vector' with 'log64"),  # type: ignore[arg-type]
        ("const", put(HEADER - 40, "<i", 9), "type 'const', version 9, flags 0x0 is not read"),
        ("const", put(HEADER - 36, "<i", 1), "holds symbol tables .*fstsymbols --clear_isymbols"),
        ("vector", put(FIRST_STATE - 24, "<q", -1), "start state -1 of 2 states"),
        ("vector", put(FIRST_STATE - 24, "<q", 2), "start state 2 of 2 states"),
        ("vector", put(FIRST_STATE - 16, "<q", -1), "start state 0 of -1 states"),
        ("vector", put(FIRST_STATE - 16, "<q", 2**40), "bytes should follow"),
        ("vector", put(FIRST_STATE - 16, "<q", 1), "arcs of 1 states do not fit the file's size"),
        ("vector", put(FIRST_STATE - 16, "<q", 3), "cut short: it ends in state 2 of 3"),
        ("vector", put(FIRST_STATE + 4, "<q", -1), "arcs of 2 states do not fit the file's size"),
        ("vector", put(FIRST_STATE + 4, "<q", 2**31 - 1), "it ends in state 1 of 2"),
        ("vector", put(FIRST_STATE + 4, "<q", 2 + 2**32), "do not fit the file's size"),
        ("vector", put(FIRST_STATE, "<f", np.nan), "state 0 of 2 has the final cost nan"),
        ("const", put(HEADER, "<f", -np.inf), "state 0 of 2 has the final cost -inf"),
        ("const", put(HEADER + 4, "<I", 1), "the arcs of the 2 states are not the 3 of the header"),
        ("const", put(HEADER + 8, "<I", 3), "the arcs of the 2 states are not the 3 of the header"),
        ("const", put(HEADER + 12, "<I", 2), "state 0 has another number of arcs without ilabel"),
        ("const", put(HEADER + 16, "<I", 0), "state 0 has another number of arcs without olabel"),
        ("const", put(HEADER - 8, "<q", 2), "the arcs of the 2 states are not the 2 of the header"),
        ("const", put(HEADER - 8, "<q", 2**60), "bytes should follow"),
        ("const", put(HEADER - 8, "<q", -1), "a negative length"),
        ("const", put(-16, "<i", -1), "state 1 of 2 has an arc of labels -1 and 0 and cost 0.25 to state 0"),
        ("const", put(-8, "<f", np.nan), "labels 2 and 0 and cost nan to state 0"),
        ("vector", put(LAST_ARC + 24, "<i", -1), "state 1 of 2 has an arc .* to state -1"),
        ("vector", put(LAST_ARC + 24, "<i", 2), "state 1 of 2 has an arc .* to state 2"),
    ],
)
def test_what_is_damaged_is_named(
    tmp_path: Path, kind: str, change: Callable[[bytes], bytes], problem: str
) -> None:
    whole = KINDS[kind](tmp_path / "whole")
    (tmp_path / "L.fst").write_bytes(change(whole))
    with pytest.raises(HybridKdError, match=f"L.fst: not a transducer: .*{problem}"):
        read(tmp_path / "L.fst")
