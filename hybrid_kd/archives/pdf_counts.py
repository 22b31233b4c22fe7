"""``ali_train_pdf.counts``: how often each pdf occurs in the training alignment, plus 0.5; a Kaldi vector."""

from pathlib import Path

import numpy as np
from jaxtyping import Float64, Num

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.matrices import parse_vector
from hybrid_kd.archives.tables import read_object
from hybrid_kd.atomic import replace_file


def read_pdf_counts(path: Path) -> Float64[np.ndarray, " pdfs"]:
    """Read the counts (occurrences, usually + 0.5), one for each pdf-id from 0.

    Raises: HybridKdError if it is not a vector of finite counts that are not negative, or is empty.
    """
    return read_object(str(path), _parse_counts)


def write_pdf_counts(path: Path, counts: Num[np.ndarray, " pdfs"]) -> None:
    """Write `` [ 1 2.5 ]``."""
    with replace_file(path) as file:
        items = " ".join(np.format_float_positional(count, trim="-") for count in counts.astype(np.float64))
        file.write(f" [ {items} ]\n".encode())


def _parse_counts(reader: ByteReader) -> Float64[np.ndarray, " pdfs"]:
    counts = parse_vector(reader)
    if not len(counts):
        raise FormatError("an empty vector of counts")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise FormatError("a count that is negative or not finite")
    return counts
