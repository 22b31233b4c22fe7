"""ali_train_pdf.counts as Kaldi writes it, and back."""

from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest

from hybrid_kd.archives.pdf_counts import read_pdf_counts, write_pdf_counts
from hybrid_kd.errors import HybridKdError


def test_kaldis_counts_are_read_and_written_back(shared: Path, tmp_path: Path) -> None:
    kaldis = shared / "kaldi-an4" / "exp" / "nnet1_student_ce" / "ali_train_pdf.counts"
    counts = read_pdf_counts(kaldis)
    assert len(counts) == 384
    assert counts.sum() == 453_396 + 0.5 * 384
    write_pdf_counts(tmp_path / "counts", counts)
    assert (tmp_path / "counts").read_text() == kaldis.read_text()


def test_large_counts_keep_their_halves(tmp_path: Path) -> None:
    write_pdf_counts(tmp_path / "counts", np.array([123_456_789.5, 0, 3]))
    assert (tmp_path / "counts").read_text() == " [ 123456789.5 0 3 ]\n"
    assert read_pdf_counts(tmp_path / "counts").tolist() == [123_456_789.5, 0, 3]


def test_binary_counts_are_read(tmp_path: Path) -> None:
    with kaldi_native_io.DoubleVectorWriter(f"ark:{tmp_path}/v.ark") as writer:
        writer.write("u", np.array([123_456_789.5, 2.5]))
    (tmp_path / "counts").write_bytes((tmp_path / "v.ark").read_bytes().removeprefix(b"u "))
    assert read_pdf_counts(tmp_path / "counts").tolist() == [123_456_789.5, 2.5]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (" [ ]\n", "an empty vector of counts"),
        (" [ 1 -2 ]\n", "a count that is negative or not finite"),
        (" [ 1 nan ]\n", "a count that is negative or not finite"),
        (" [ 1\n 2 ]\n", "expected a vector, found 2 rows"),
        (" [ 1 2", "truncated"),
        (" [ 1 2 ]\n [ 3 ]\n", "something follows where the file should end"),
        ("", "found b''"),
    ],
)
def test_malformed_counts_are_an_error(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "counts").write_text(content)
    with pytest.raises(HybridKdError, match=f"counts: .*{problem}"):
        read_pdf_counts(tmp_path / "counts")
