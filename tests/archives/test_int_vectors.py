"""Integer-vector tables against kaldi_native_io in both directions, and against Kaldi's alignments."""

import gzip
from collections.abc import Callable
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_kd.archives.int_vectors import open_int_vector_writer, read_int_vectors
from hybrid_kd.errors import HybridKdError

ORACLE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
VECTORS = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=30)


@ORACLE
@given(vectors=st.lists(VECTORS, min_size=1, max_size=4), text=st.booleans())
def test_kaldi_reads_what_we_write(vectors: list[list[int]], text: bool, tmp_path: Path) -> None:
    with open_int_vector_writer(f"ark{',t' if text else ''}:{tmp_path}/v.ark") as write:
        for index, vector in enumerate(vectors):
            write(f"u{index}", np.array(vector, np.int32))
    with kaldi_native_io.SequentialInt32VectorReader(f"ark:{tmp_path}/v.ark") as reader:
        assert [list(vector) for _, vector in reader] == vectors


@ORACLE
@given(vectors=st.lists(VECTORS, min_size=1, max_size=4), text=st.booleans())
def test_we_read_what_kaldi_writes(vectors: list[list[int]], text: bool, tmp_path: Path) -> None:
    with kaldi_native_io.Int32VectorWriter(f"ark{',t' if text else ''}:{tmp_path}/v.ark") as writer:
        for index, vector in enumerate(vectors):
            writer.write(f"u{index}", vector)
    ours = list(read_int_vectors(f"ark:{tmp_path}/v.ark"))
    assert [key for key, _ in ours] == [f"u{index}" for index in range(len(vectors))]
    assert [vector.tolist() for _, vector in ours] == vectors
    assert all(vector.dtype == np.int32 for _, vector in ours)


def test_binary_and_text_entries_and_gzip_members_may_be_mixed(tmp_path: Path) -> None:
    binary = b"b \0B\4\2\0\0\0\4\7\0\0\0\4\xff\xff\xff\xff"
    members = [b"a 1 2 3 \n", binary, b"\nc\t5\n", b"empty\n", b"d \n"]
    (tmp_path / "v.gz").write_bytes(b"".join(map(gzip.compress, members)))
    ours = {key: vector.tolist() for key, vector in read_int_vectors(f"ark:{tmp_path}/v.gz")}
    assert ours == {"a": [1, 2, 3], "b": [7, -1], "c": [5], "empty": [], "d": []}


def test_the_golden_alignment_reads_alike_from_binary_and_text(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    binary = dict(read_int_vectors(f"ark:{golden}/ali.ark"))
    text = dict(read_int_vectors(f"ark:{golden}/ali.txt"))
    assert list(binary) == list(text)
    assert sum(map(len, binary.values())) == 3624
    for utt_id, transition_ali in binary.items():
        np.testing.assert_array_equal(transition_ali, text[utt_id])


def test_writing_the_golden_alignment_gives_its_bytes(shared: Path, tmp_path: Path) -> None:
    golden = shared / "kaldi-an4" / "golden" / "ali.ark"
    with open_int_vector_writer(f"ark:{tmp_path}/ali.ark") as write:
        for utt_id, transition_ali in read_int_vectors(f"ark:{golden}"):
            write(utt_id, transition_ali)
    assert (tmp_path / "ali.ark").read_bytes() == golden.read_bytes()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"u \0BFM \4\0\0\0\0\4\0\0\0\0", r"utterance 'u': expected an int32 .* found the byte 70"),
        (
            b"u \0B\4\xff\xff\xff\x7f\4\1\0\0\0",
            "utterance 'u': truncated or of wrong size: 10737418235 bytes",
        ),
        (b"u \0B\4\xff\xff\xff\xff", "utterance 'u': a negative number of integers: -1"),
        (b"u \0B\4\1\0\0\0\5\1\0\0\0", "utterance 'u': not a vector of int32"),
        (b"u 1 2 x\n", "utterance 'u': not a line of 32-bit integers: '1 2 x"),
        (b"u 1 2.5\n", "utterance 'u': not a line of 32-bit integers"),
        (b"u 1 2_0\n", "utterance 'u': not a line of 32-bit integers"),
        (b"u 2147483648\n", "utterance 'u': not a line of 32-bit integers"),
        (b"u 99999999999999999999\n", "utterance 'u': not a line of 32-bit integers"),
        (b"u 1 2 \xc3\xa9\n", "utterance 'u': a text value that is not ASCII"),
        (b"u 1 2", r"utterance 'u': truncated: the file ends before '\\n'"),
        (b"u 1\nv", r"damaged after the key 'v' .*where a key should follow utterance 'u'"),
        (b"u 1\n\4\4 2\n", "not printable: .*where a key should follow utterance 'u'"),
        (b"u 1\n\xff\xfe 2\n", "not UTF-8: .*where a key should follow utterance 'u'"),
        (b"k" * 5000 + b" 2\n", "a word of more than 4096 bytes .*where a key should follow the beginning"),
    ],
)
def test_damage_names_file_and_key(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "v.ark").write_bytes(content)
    with pytest.raises(HybridKdError, match=f"v.ark.*{problem}.*\n  fix: "):
        list(read_int_vectors(f"ark:{tmp_path}/v.ark"))


def test_a_posterior_archive_is_not_taken_for_vectors(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    with pytest.raises(HybridKdError, match="where a key should follow utterance 'fkdo_an131_BUS_SIMU'"):
        list(read_int_vectors(f"ark:{golden}/nnet1_post_unnormalised.ark"))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (
            lambda packed: packed[:-8] + b"\0\0\0\0" + packed[-4:],
            "the gzip data is damaged: CRC check failed",
        ),
        (lambda packed: packed[:-4] + b"\1\0\0\0", "the gzip data is damaged: Incorrect length"),
        (lambda packed: packed[:-9], "the gzip data is truncated"),
        (lambda packed: packed + b"garbage", "the gzip data is damaged: Not a gzipped file"),
        (lambda packed: packed + gzip.compress(b"v 5\n")[:-3], "the gzip data is truncated"),
        (
            lambda packed: gzip.compress(b"t 5\n")[:-5] + b"\1\2\3\4\5" + packed,
            "the gzip data is damaged: CRC check failed",
        ),
    ],
)
def test_a_damaged_gzip_member_is_an_error_wherever_it_stands(
    tmp_path: Path, damage: Callable[[bytes], bytes], problem: str
) -> None:
    (tmp_path / "v.gz").write_bytes(damage(gzip.compress(b"u 1 2 3\n")))
    with pytest.raises(HybridKdError, match=f"v.gz: {problem}.*where a key should follow "):
        list(read_int_vectors(f"ark:{tmp_path}/v.gz"))


def test_entries_before_the_damaged_place_of_a_gzip_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"u 1 2 3\nv 4 5\n")[:-8])
    entries = read_int_vectors(f"ark:{tmp_path}/v.gz")
    assert [next(entries)[0], next(entries)[0]] == ["u", "v"]
    with pytest.raises(HybridKdError, match=r"truncated .*where a key should follow utterance 'v'"):
        next(entries)
