"""Networks of Kaldi's nnet1, text and binary: read, written back, and damaged."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.nnet1 import Component, read_nnet1, write_nnet1
from hybrid_kd.errors import HybridKdError


def small_network() -> list[Component]:
    """One component of each kind."""
    rng = np.random.default_rng(0)

    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    fixed = {"LearnRateCoef": 0.0}
    return [
        Component("Splice", 6, 2, (np.array([-1, 0, 1], np.int32),)),
        Component("AddShift", 6, 6, (numbers(6),), fixed),
        Component("Rescale", 6, 6, (numbers(6),), fixed),
        Component("AffineTransform", 3, 6, (numbers(3, 6), numbers(3)), {"BiasLearnRateCoef": 0.1}),
        Component("Sigmoid", 3, 3),
        Component("AffineTransform", 2, 3, (numbers(2, 3), numbers(2))),
        Component("ParametricRelu", 2, 2, (np.ones(2, np.float32), np.zeros(2, np.float32))),
        Component("Softmax", 2, 2),
    ]


def assert_same(found: tuple[Component, ...], expected: list[Component]) -> None:
    assert [(c.kind, c.output_dim, c.input_dim) for c in found] == [
        (c.kind, c.output_dim, c.input_dim) for c in expected
    ]
    for one, other in zip(found, expected, strict=True):
        for ours, theirs in zip(one.arrays, other.arrays, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["final.nnet", "nnet.init", "final.feature_transform"])
def test_kaldis_files_come_back_byte_by_byte(shared: Path, tmp_path: Path, name: str) -> None:
    kaldis = shared / "kaldi-an4/exp/nnet1_student_ce" / name
    write_nnet1(tmp_path / "same", read_nnet1(kaldis), binary=kaldis.read_bytes().startswith(b"\0B"))
    assert (tmp_path / "same").read_bytes() == kaldis.read_bytes()


@pytest.mark.parametrize("name", ["final.nnet", "final.feature_transform"])
def test_kaldis_numbers_survive_the_other_form(shared: Path, tmp_path: Path, name: str) -> None:
    kaldis = read_nnet1(shared / "kaldi-an4/exp/nnet1_student_ce" / name)[-4:]
    for binary in (False, True):
        write_nnet1(tmp_path / "net", kaldis, binary=binary)
        assert_same(read_nnet1(tmp_path / "net"), [*kaldis])


@pytest.mark.parametrize("binary", [True, False])
def test_every_kind_of_component_comes_back(tmp_path: Path, binary: bool) -> None:
    write_nnet1(tmp_path / "net", small_network(), binary=binary)
    assert_same(read_nnet1(tmp_path / "net"), small_network())
    assert read_nnet1(tmp_path / "net")[3].coefs == {
        "LearnRateCoef": 1.0,
        "BiasLearnRateCoef": pytest.approx(0.1),
        "MaxNorm": 0.0,
    }


def test_text_is_laid_out_as_kaldis(tmp_path: Path) -> None:
    weight = np.array([[0.5, -1e-7], [3, 0.1]], np.float32)
    affine = Component("AffineTransform", 2, 2, (weight, np.array([1, 2], np.float32)))
    relu = Component("ParametricRelu", 2, 2, (np.ones(2, np.float32), np.zeros(2, np.float32)))
    write_nnet1(tmp_path / "net", [affine, relu], binary=False)
    assert (tmp_path / "net").read_text() == (
        "<Nnet> \n<AffineTransform> 2 2 \n<LearnRateCoef> 1 <BiasLearnRateCoef> 1 <MaxNorm> 0 \n [\n"
        "  0.5 -1e-07 \n  3 0.1 ]\n [ 1 2 ]\n<!EndOfComponent> \n"
        "<ParametricRelu> 2 2 \n<AlphaLearnRateCoef> 0 <BetaLearnRateCoef> 0 \n [ 1 1 ]\n [ 0 0 ]\n"
        "<!EndOfComponent> \n</Nnet> \n"
    )


def test_what_kaldi_may_leave_out_may_be_left_out(tmp_path: Path) -> None:
    """Brackets, ends of components and numbers with tokens; names in small letters."""
    (tmp_path / "net").write_text("<affinetransform> 1 2\n [ 3 4 ]\n [ 5 ]\n<sigmoid> 1 1\n")
    affine, sigmoid = read_nnet1(tmp_path / "net")
    assert (affine.kind, sigmoid.kind) == ("AffineTransform", "Sigmoid")
    assert affine.coefs == {"LearnRateCoef": 1.0, "BiasLearnRateCoef": 1.0, "MaxNorm": 0.0}
    np.testing.assert_array_equal(affine.arrays[0], [[3, 4]])


@pytest.mark.parametrize("binary", [True, False])
def test_every_truncation_is_an_error(tmp_path: Path, binary: bool) -> None:
    write_nnet1(tmp_path / "net", small_network(), binary=binary)
    content = (tmp_path / "net").read_bytes()
    for length in range(len(content.rstrip())):
        (tmp_path / "net").write_bytes(content[:length])
        with pytest.raises(HybridKdError, match="net: "):
            read_nnet1(tmp_path / "net")


AFFINE = "<AffineTransform> 1 2\n [ 3 4 ]\n [ 5 ]\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "<Nnet> <LstmProjected> 1 2 </Nnet>\n",
            "has a <LstmProjected>, which hybrid_kd lacks\n  fix: give a",
        ),
        ("<Nnet> <Tanh> 2 2 </Nnet>\n", "has a <Tanh>, which hybrid_kd lacks"),
        ("<NnetProto> <AffineTransform>\n", "expected a component of nnet1, found '<NnetProto>'"),
        ("<Nnet> </Nnet>\n", "a network without components"),
        (f"<Nnet> {AFFINE}", "truncated"),
        (f"<Nnet> {AFFINE}<Sigmoid> 2 2\n</Nnet> \n", "<Sigmoid> takes 2, <AffineTransform> gives 1"),
        (f"<Nnet> {AFFINE}</Nnet> \n more", "something follows where it ends"),
        (
            "<AffineTransform> 1 3\n [ 3 4 ]\n [ 5 ]\n",
            "<AffineTransform> from 3 to 1 holds an array of 1 x 2",
        ),
        ("<AffineTransform> 1 2\n [ 3 4 ]\n [ 5 6 ]\n", "holds an array of 2"),
        ("<AffineTransform> 1 2\n [ 3 nan ]\n [ 5 ]\n", "NaN or infinity in <AffineTransform>"),
        ("<AffineTransform> 1 2 <Alpha> 3\n [ 3 4 ]\n [ 5 ]\n", "found b'<Alpha> 3"),
        ("<Sigmoid> 1 0\n", "a <Sigmoid> from 0 to 1"),
        ("<Sigmoid> 1 2\n", "<Sigmoid> gives 1, but takes 2"),
        ("<Splice> 4 2\n[ -1 0.5 ]\n", "frame offsets that are not integers"),
        ("<Splice> 6 2\n[ -1 0 ]\n", "<Splice> from 2 to 6 holds an array of 2"),
        ("", "truncated"),
    ],
)
def test_malformed_networks_are_an_error(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "net").write_text(content)
    with pytest.raises(HybridKdError) as caught:
        read_nnet1(tmp_path / "net")
    assert f"{tmp_path}/net: " in str(caught.value)
    assert problem in str(caught.value)


def test_a_huge_declared_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    write_nnet1(tmp_path / "net", small_network()[3:4])
    content = bytearray((tmp_path / "net").read_bytes())
    rows = content.index(b"FM \4") + 4
    content[rows : rows + 4] = (2**31 - 1).to_bytes(4, "little")
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(HybridKdError, match="truncated or of wrong size"):
        read_nnet1(tmp_path / "net")
