"""Compressed matrices, byte for byte against Kaldi and kaldi_native_io."""

import io
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hybrid_kd.archives.byte_reader import ByteReader
from hybrid_kd.archives.compression import compress_matrix
from hybrid_kd.archives.matrices import open_matrix_writer, parse_binary_matrix, read_matrices

pytestmark = pytest.mark.numerical

ORACLE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
MATRICES = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20),
    elements=st.floats(-1000, 1000, width=16),
)


def test_what_kaldi_compressed_is_the_same_bytes(shared: Path, tmp_path: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    with open_matrix_writer(f"ark:{tmp_path}/m.ark", compress=True) as write:
        for utt_id, matrix in read_matrices(f"ark:{golden}/fmllr.ark"):
            write(utt_id, matrix)
    assert (tmp_path / "m.ark").read_bytes() == (golden / "fmllr_compressed.ark").read_bytes()


@ORACLE
@given(matrix=MATRICES)
@example(matrix=np.array([[2**-24]], np.float32))  # its span is 1 in double, and less in float32
def test_any_matrix_is_compressed_as_by_kaldi_native_io(matrix: np.ndarray, tmp_path: Path) -> None:
    """From 9 rows CM, below CM2; repeated values and constant columns are frequent here.

    kaldi_native_io rounds a column's borders once more than Kaldi does: the bytes of CM may differ by 1.
    """
    with kaldi_native_io.CompressedMatrixWriter(f"ark:{tmp_path}/theirs.ark") as writer:
        writer.write("a", matrix, kaldi_native_io.CompressionMethod.kAutomaticMethod)
    with open_matrix_writer(f"ark:{tmp_path}/ours.ark", compress=True) as write:
        write("a", matrix)
    ours, theirs = ((tmp_path / f"{whose}.ark").read_bytes() for whose in ("ours", "theirs"))
    rows, columns = matrix.shape
    num_exact = len(ours) if rows <= 8 else len(b"a \0BCM ") + 16 + 8 * columns
    assert ours[:num_exact] == theirs[:num_exact]
    difference = np.frombuffer(ours, np.uint8).astype(int) - np.frombuffer(theirs, np.uint8)
    assert np.abs(difference).max() <= 1


@pytest.mark.filterwarnings("error")
def test_values_a_rounding_apart_stay_within_their_span() -> None:
    """The borders of a column coincide; dividing by their distance gives NaN, another byte on each CPU."""
    low, high = np.float32(1000), np.nextafter(np.float32(1000), np.float32(2000))
    matrix = np.where(np.arange(24)[:, None] % 3 < [1, 2], low, high)
    restored = parse_binary_matrix(ByteReader(io.BytesIO(compress_matrix(matrix))))
    assert set(np.unique(restored)) <= {low, high}


def test_text_holds_the_rounded_values(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for options in ("", ",t"):
        with open_matrix_writer(f"ark{options}:{tmp_path}/m{options}", compress=True) as write:
            write("a", matrix)
    binary, text = (dict(read_matrices(f"ark:{tmp_path}/m{options}"))["a"] for options in ("", ",t"))
    np.testing.assert_array_equal(binary, text)
    assert 0 < np.abs(binary - matrix).max() < 0.05


def test_a_matrix_without_rows_stays_one() -> None:
    content = compress_matrix(np.zeros((0, 0), np.float32))
    assert parse_binary_matrix(ByteReader(io.BytesIO(content))).shape == (0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_cannot_be_compressed(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinity cannot be compressed"):
        compress_matrix(np.array([[1, bad]], np.float32))
