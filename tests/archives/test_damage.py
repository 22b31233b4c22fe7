"""Every truncation of a small table of any kind is an error that names the file; every byte of gzip counts.

Other damage is drawn by chance: tests/fuzz.
"""

import gzip
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from tests.archives.golden_tables import INT_VECTORS, KINDS, TableKind, int_vector_bytes


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> TableKind:
    return KINDS[request.param]


def test_every_truncation_is_an_error(kind: TableKind, tmp_path: Path) -> None:
    content = kind.make(tmp_path / "whole")
    path = tmp_path / "table"
    border = content.index(b"u2 ")
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        lost = content[length : border if length <= border else None]
        if not lost.strip():
            continue  # what is left are whole entries
        with pytest.raises(HybridKdError, match="table") as caught:
            list(kind.read(path))
        in_key = length % border < len(b"u2 ")
        assert in_key or ("'u1'" if length < border else "'u2'") in str(caught.value)


def test_every_truncation_and_flip_of_a_gzip_file_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(int_vector_bytes(tmp_path / "whole", ""), mtime=0)
    path = tmp_path / "table.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(HybridKdError, match=r"table.gz"):
            list(INT_VECTORS(path))
    first_data_byte = 10  # before it stand flags, time and system, which no reader checks
    for place in range(first_data_byte, len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        with pytest.raises(HybridKdError, match=r"table.gz"):
            list(INT_VECTORS(path))
