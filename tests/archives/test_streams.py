"""How much memory a file takes, and files that unpack to far more than they hold."""

import gzip
import lzma
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_kd.archives import streams
from hybrid_kd.archives.byte_reader import BLOCK_BYTES
from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.streams import copy_decompressed, open_reader
from hybrid_kd.errors import HybridKdError

COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, "": bytes}
DECLARED = 2**31 - 1


@contextmanager
def at_most(num_bytes: float) -> Iterator[None]:
    """The block allocates no more than that at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < num_bytes
    finally:
        tracemalloc.stop()


def matrix_header(rows: int, columns: int) -> bytes:
    return b"u \0BFM \4" + rows.to_bytes(4, "little") + b"\4" + columns.to_bytes(4, "little")


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    "entry",
    [
        matrix_header(DECLARED, DECLARED),
        b"u \0BCM " + bytes(8) + DECLARED.to_bytes(4, "little") * 2,
        b"u \0BFV \4" + DECLARED.to_bytes(4, "little"),
        b"u \0B\4" + DECLARED.to_bytes(4, "little"),
    ],
    ids=["matrix", "compressed", "vector", "integers"],
)
def test_a_declared_size_takes_no_memory(tmp_path: Path, entry: bytes, suffix: str) -> None:
    path = tmp_path / f"a.ark{suffix}"
    path.write_bytes(COMPRESS[suffix](entry + bytes(1000)))
    read = read_int_vectors if b"B\4" in entry else read_matrices
    with at_most(2 * BLOCK_BYTES), pytest.raises(HybridKdError, match=r"utterance 'u': "):
        list(read(f"ark:{path}"))


def test_a_matrix_takes_twice_its_size_while_it_is_read(tmp_path: Path) -> None:
    """The blocks as they come and joined, then what was read and a writable copy."""
    num_rows = 1 << 20
    path = tmp_path / "a.ark.gz"
    path.write_bytes(gzip.compress(matrix_header(num_rows, 4) + bytes(16 * num_rows), 1))
    with at_most(2.3 * 16 * num_rows):
        ((_, matrix),) = read_matrices(f"ark:{path}")
    assert matrix.shape == (num_rows, 4)


@pytest.mark.parametrize(
    ("layout", "read"),
    [(b"u [ %b]\n", read_matrices), (b"u %b\n", read_int_vectors)],
    ids=["matrix", "integers"],
)
def test_a_long_line_of_text_is_not_held_as_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: bytes, read: Callable[[str], Iterator[Any]]
) -> None:
    """The words alone would take twenty times the line."""
    monkeypatch.setattr("hybrid_kd.archives.text_numbers.BLOCK_BYTES", 1 << 14)
    text = layout % (b"1 " * 500_000)
    (tmp_path / "a.ark").write_bytes(text)
    with at_most(14 * len(text)):
        ((_, value),) = read(f"ark:{tmp_path / 'a.ark'}")
    np.testing.assert_array_equal(value, np.ones_like(value))
    assert value.size == 500_000


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(streams, "ANY_RATIO_BYTES", 1 << 20)
    path = tmp_path / f"HCLG.fst{suffix}"
    path.write_bytes(COMPRESS[suffix](bytes(1 << 23)))
    with pytest.raises(HybridKdError, match=rf"fst{suffix}: .*data unpacks to more than 200 times its size"):
        copy_decompressed(path, tmp_path / "plain", fix="copy it again")
    assert (tmp_path / "plain").stat().st_size < 1 << 22


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_small_file_may_unpack_to_any_size(tmp_path: Path, suffix: str) -> None:
    """An utterance of silence only is a constant alignment."""
    (tmp_path / f"a{suffix}").write_bytes(COMPRESS[suffix](bytes(1 << 20)))
    copy_decompressed(tmp_path / f"a{suffix}", tmp_path / "plain", fix="")
    assert (tmp_path / "plain").read_bytes() == bytes(1 << 20)


def test_blocks_are_the_file_and_end_with_it(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(3 * BLOCK_BYTES // 2)
    (tmp_path / "a").write_bytes(content)
    with open_reader(str(tmp_path / "a")) as reader:
        assert reader.take(5) == content[:5]
        assert reader.take_rest() == content[5:]
        assert reader.take_some() == b""


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
@pytest.mark.parametrize("content", [b"", b"no such format"])
def test_what_is_not_compressed_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    form = {".gz": "gzip", ".xz": "xz"}[suffix]
    match = f"without even a {form} header" if not content else f"the {form} data is damaged"
    with pytest.raises(HybridKdError, match=match):
        copy_decompressed(path, tmp_path / "plain", fix="")
