"""Matrix tables against kaldi_native_io in both directions, and against files that Kaldi wrote."""

import gzip
import subprocess
import sys
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from jaxtyping import Float32

from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices, read_matrix
from hybrid_kd.errors import HybridKdError

Matrix = Float32[np.ndarray, "rows columns"]

ORACLE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
MATRICES = arrays(np.float32, SHAPES, elements=st.floats(width=32))
# Kaldi's own text reader fails on subnormal numbers and on -inf
READABLE = st.floats(width=32, allow_subnormal=False, allow_nan=False, allow_infinity=False)
METHODS = ["kAutomaticMethod", "kSpeechFeature", "kTwoByteAuto", "kTwoByteSignedInteger", "kOneByteAuto"]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three matrices of 7, 0 and 5 rows, with a script, in a directory of their own."""
    rng = np.random.default_rng(0)
    path = tmp_path / "m.ark"
    with open_matrix_writer(f"ark,scp:{path},{tmp_path / 'm.scp'}") as write:
        write("a", rng.standard_normal((7, 4), dtype=np.float32))
        write("b", np.zeros((0, 0), np.float32))
        write("c", rng.standard_normal((5, 4), dtype=np.float32))
    return path


def read_oracle(rspecifier: str) -> dict[str, Matrix]:
    """What kaldi_native_io reads (its arrays are views into its own memory)."""
    with kaldi_native_io.SequentialFloatMatrixReader(rspecifier) as reader:
        return {key: np.array(value, copy=True) for key, value in reader}


@ORACLE
@given(matrix=arrays(np.float32, SHAPES, elements=READABLE), text=st.booleans())
def test_kaldi_reads_what_we_write(matrix: Matrix, text: bool, tmp_path: Path) -> None:
    with open_matrix_writer(f"ark{',t' if text else ''}:{tmp_path}/m.ark") as write:
        write("a", matrix)
        write("é", matrix[:1])
    theirs = read_oracle(f"ark:{tmp_path}/m.ark")
    np.testing.assert_array_equal(theirs["a"], matrix)
    np.testing.assert_array_equal(theirs["é"], matrix[:1])


@ORACLE
@given(matrix=MATRICES, text=st.booleans())
def test_we_read_what_we_write(matrix: Matrix, text: bool, tmp_path: Path) -> None:
    with open_matrix_writer(f"ark{',t' if text else ''}:{tmp_path}/m.ark") as write:
        write("a", matrix)
    ((key, ours),) = read_matrices(f"ark:{tmp_path}/m.ark")
    assert key == "a"
    np.testing.assert_array_equal(ours, matrix)


@ORACLE
@given(
    matrix=arrays(np.float32, SHAPES, elements=st.floats(-(2.0**20), 2.0**20, width=32)), text=st.booleans()
)
def test_we_read_what_kaldi_writes(matrix: Matrix, text: bool, tmp_path: Path) -> None:
    with kaldi_native_io.FloatMatrixWriter(f"ark{',t' if text else ''}:{tmp_path}/m.ark") as writer:
        writer.write("a", matrix)
        writer.write("b", matrix)
    ours = dict(read_matrices(f"ark:{tmp_path}/m.ark"))
    np.testing.assert_allclose(ours["b"], matrix, rtol=1e-5 if text else 0, atol=1e-30)


@ORACLE
@given(
    matrix=arrays(np.float32, SHAPES, elements=st.floats(-(2.0**14), 2.0**14, width=32)),
    method=st.sampled_from(METHODS),
)
def test_compressed_matrices_are_decoded_as_kaldi_does(matrix: Matrix, method: str, tmp_path: Path) -> None:
    with kaldi_native_io.CompressedMatrixWriter(f"ark:{tmp_path}/m.ark") as writer:
        writer.write("a", matrix, getattr(kaldi_native_io.CompressionMethod, method))
    theirs = read_oracle(f"ark:{tmp_path}/m.ark")["a"]
    ours = dict(read_matrices(f"ark:{tmp_path}/m.ark"))["a"]
    assert ours.dtype == np.float32
    assert ours.flags.c_contiguous
    assert ours.flags.writeable
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(1.0, float(np.ptp(matrix)), abs(matrix).max()))


def test_double_matrices_become_float32(tmp_path: Path) -> None:
    matrix = np.array([[1.5, -2.25], [1e300, 0.1]])
    with kaldi_native_io.DoubleMatrixWriter(f"ark:{tmp_path}/m.ark") as writer:
        writer.write("a", matrix)
    ((_, ours),) = read_matrices(f"ark:{tmp_path}/m.ark")
    np.testing.assert_array_equal(ours, np.array([[1.5, -2.25], [np.inf, 0.1]], np.float32))


def test_the_three_compressions_of_the_golden_features_agree(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    plain = dict(read_matrices(f"ark:{golden}/fmllr.ark"))
    assert len(plain) == 8
    for name, max_loss in (("compressed", 0.07), ("cm2_first", 2e-4), ("cm3_first", 0.04)):
        theirs = read_oracle(f"ark:{golden}/fmllr_{name}.ark")
        for key, ours in read_matrices(f"ark:{golden}/fmllr_{name}.ark"):
            np.testing.assert_allclose(ours, theirs[key], rtol=0, atol=2e-6)
            np.testing.assert_allclose(ours, plain[key], rtol=0, atol=max_loss)


def test_the_golden_splicing_repeats_rows_of_the_features(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    ((key, spliced),) = read_matrices(f"ark:{golden}/fmllr_spliced_first.ark")
    plain = dict(read_matrices(f"ark:{golden}/fmllr.ark"))[key]
    assert spliced.shape == (len(plain), 440)
    np.testing.assert_array_equal(spliced[:, 200:240], plain)


def test_empty_matrices_come_back_empty(archive: Path) -> None:
    assert [len(matrix) for _, matrix in read_matrices(f"ark:{archive}")] == [7, 0, 5]
    assert read_oracle(f"ark:{archive}")["b"].shape == (0, 0)


def test_a_script_gives_what_the_archive_gives(archive: Path) -> None:
    by_archive = dict(read_matrices(f"ark:{archive}"))
    by_script = dict(read_matrices(f"scp:{archive.with_suffix('.scp')}"))
    assert list(by_script) == list(by_archive)
    for key, matrix in by_script.items():
        np.testing.assert_array_equal(matrix, by_archive[key])


def test_kaldi_reads_our_script(archive: Path) -> None:
    theirs = read_oracle(f"scp:{archive.with_suffix('.scp')}")
    np.testing.assert_array_equal(theirs["c"], dict(read_matrices(f"ark:{archive}"))["c"])


def test_we_read_kaldis_script_in_any_order_with_more_archives_than_stay_open(tmp_path: Path) -> None:
    lines = []
    for index in range(20):
        name = f"{tmp_path}/{index}"
        with kaldi_native_io.FloatMatrixWriter(f"ark,scp:{name}.ark,{name}.scp") as writer:
            for row in range(3):
                writer.write(f"u{index:02}-{row}", np.full((2, 2), 10 * index + row, np.float32))
        lines += Path(f"{name}.scp").read_text().splitlines()
    (tmp_path / "all.scp").write_text("\n".join(reversed(lines)) + "\n")
    matrices = list(read_matrices(f"scp:{tmp_path}/all.scp"))
    assert len(matrices) == 60
    assert all(matrix[0, 0] == 10 * int(key[1:3]) + int(key[4:]) for key, matrix in matrices)


@pytest.mark.parametrize(
    ("range_", "rows", "columns"),
    [
        ("[1:3]", slice(1, 4), slice(None)),
        ("[:,2:2]", slice(None), slice(2, 3)),
        ("[6:6,0:1]", slice(6, 7), slice(2)),
    ],
)
def test_range_bounds_are_inclusive(archive: Path, range_: str, rows: slice, columns: slice) -> None:
    location = archive.with_suffix(".scp").read_text().split()[1]
    whole = read_matrix(location)
    np.testing.assert_array_equal(read_matrix(location + range_), whole[rows, columns])
    (archive.parent / "ranges.scp").write_text(f"a {location}{range_}\n")
    assert read_oracle(f"scp:{archive.parent}/ranges.scp")["a"].shape == whole[rows, columns].shape


@pytest.mark.parametrize("range_", ["[0:7]", "[4:3]", "[0:1,3:4]"])
def test_a_range_beyond_the_matrix_is_an_error(archive: Path, range_: str) -> None:
    location = archive.with_suffix(".scp").read_text().split()[1]
    (archive.parent / "ranges.scp").write_text(f"a {location}{range_}\n")
    with pytest.raises(HybridKdError, match=r"m.ark, utterance 'a': range .* asked of a matrix with "):
        list(read_matrices(f"scp:{archive.parent}/ranges.scp"))


def test_paths_in_scripts_begin_at_the_working_directory(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive.parent / "sub").mkdir()
    (archive.parent / "sub" / "r.scp").write_text("a m.ark:2\n")
    monkeypatch.chdir(archive.parent)
    assert len(dict(read_matrices("scp:sub/r.scp"))["a"]) == 7
    monkeypatch.chdir(archive.parent / "sub")
    with pytest.raises(HybridKdError, match=r"m.ark, utterance 'a': cannot be read: No such file"):
        list(read_matrices("scp:r.scp"))


def test_permissive_leaves_out_what_is_not_there_but_not_what_is_damaged(
    archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = archive.with_suffix(".scp")
    script.write_text("absent nowhere.ark:3\n" + script.read_text())
    assert [key for key, _ in read_matrices(f"scp,p:{script}")] == ["a", "b", "c"]
    assert "left out 'absent': no such file nowhere.ark" in caplog.text
    script.write_text(f"a {archive}:3\n")
    with pytest.raises(HybridKdError, match=r"m.ark, utterance 'a'"):
        list(read_matrices(f"scp,p:{script}"))


def test_a_command_is_run_only_if_allowed(archive: Path) -> None:
    with pytest.raises(HybridKdError, match=r"this would run a command\n  fix: .*--allow-pipes"):
        list(read_matrices(f"ark:cat {archive} |"))
    assert len(list(read_matrices(f"ark:cat {archive} |", allow_pipes=True))) == 3
    script = archive.with_suffix(".scp")
    script.write_text(f"a head -c 200 {archive} | tail -c +3 |\n")
    with pytest.raises(HybridKdError, match="utterance 'a': this would run a command"):
        list(read_matrices(f"scp:{script}"))


def test_a_command_that_fails_is_an_error(archive: Path) -> None:
    with pytest.raises(HybridKdError, match="the command failed with status 3"):
        list(read_matrices(f"ark:cat {archive}; exit 3 |", allow_pipes=True))


def test_gzip_is_read_and_written_by_its_suffix(archive: Path) -> None:
    packed = archive.with_suffix(".ark.gz")
    with open_matrix_writer(f"ark:{packed}") as write:
        for key, matrix in read_matrices(f"ark:{archive}"):
            write(key, matrix)
    assert gzip.decompress(packed.read_bytes()) == archive.read_bytes()
    assert [key for key, _ in read_matrices(f"ark:{packed}")] == ["a", "b", "c"]
    with pytest.raises(HybridKdError, match="byte 2 is asked for, but this can only be read forwards"):
        read_matrix(f"{packed}:2")


def test_standard_input_and_output_work(archive: Path) -> None:
    program = (
        "from hybrid_kd.archives.matrices import *\n"
        "with open_matrix_writer('ark:-') as write:\n"
        "    [write(key, matrix) for key, matrix in read_matrices('ark:-')]"
    )
    copied = subprocess.run(
        [sys.executable, "-c", program],
        input=archive.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert copied.stdout == archive.read_bytes()


def test_a_device_is_written_to_and_not_replaced() -> None:
    with open_matrix_writer("ark:/dev/null") as write:
        write("a", np.ones((1, 1), np.float32))
    assert not Path("/dev/null").is_file()


def test_nothing_is_left_of_a_table_whose_writing_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with open_matrix_writer(f"ark,scp:{tmp_path}/a,{tmp_path}/b") as write:
            write("a", np.ones((1, 1), np.float32))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", ["", "a b", "a\n", " a"])
def test_a_key_with_white_space_is_refused(tmp_path: Path, key: str) -> None:
    with (
        pytest.raises(HybridKdError, match="cannot be a key"),
        open_matrix_writer(f"ark:{tmp_path}/a.ark") as write,
    ):
        write(key, np.ones((1, 1), np.float32))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"\0BFV \4\1\0\0\0abcd", "expected a matrix, found a vector"),
        (b"\0BXX \4\1\0\0\0\4\1\0\0\0abcd", "expected a matrix, found b'XX'"),
        (
            b"\0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f",
            "18446744056529682436 bytes should follow, 0 are there",
        ),
        (b"\0BFM \4\xff\xff\xff\xff\4\1\0\0\0", "impossible shape -1 x 1"),
        (b"\0BFM \4\xff\xff\xff\x7f\4\0\0\0\0", "impossible shape 2147483647 x 0"),
        (b"\0BFM \2\1\0\0\0\4\1\0\0\0", "malformed sizes"),
        (b"\0BCM " + b"\0" * 8 + b"\2\0\0\0\2\0\0\0", "20 bytes should follow, 0 are there"),
        (b"\0BCM2 " + b"\0" * 8 + b"\xff\xff\xff\x7f\2\0\0\0", "bytes should follow, 0 are there"),
        (b"\0C", r"expected \\0B, found b'\\x00C'"),
        (b" [ 1 2\n 3 ]\n", "rows of a text matrix differ in length"),
        (b" [ 1 two ]\n", "something that is not a number"),
        (b" [ 1 2_0 ]\n", "something that is not a number"),
        (b" [ 1 2 ] [ 3 ]\n", r"a text matrix is followed by b'\[ 3 \]'"),
        (b" [ 1 2", "truncated: the file ends before ']'"),
        (b" 1 2 3\n", "found b'1 2 3"),
    ],
)
def test_a_damaged_value_names_file_and_key(tmp_path: Path, value: bytes, problem: str) -> None:
    path = tmp_path / "m.ark"
    path.write_bytes(b"good \0BFM \4\1\0\0\0\4\1\0\0\0abcdbad " + value)
    entries = read_matrices(f"ark:{path}")
    assert next(entries)[0] == "good"
    with pytest.raises(HybridKdError, match=rf"m.ark, utterance 'bad': .*{problem}.*\n  fix: "):
        next(entries)


def test_the_same_damage_in_a_stream_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.ark.gz"
    path.write_bytes(gzip.compress(b"bad \0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7fabcd"))
    with pytest.raises(HybridKdError, match=r"utterance 'bad': truncated or of wrong size: .*, 4 are there"):
        list(read_matrices(f"ark:{path}"))


def test_a_file_that_is_one_matrix_holds_nothing_else(shared: Path, tmp_path: Path) -> None:
    final = shared / "kaldi-an4" / "golden" / "final.mat"
    assert read_matrix(str(final)).shape == (40, 91)
    (tmp_path / "m").write_bytes(final.read_bytes() + b"x")
    with pytest.raises(HybridKdError, match="something follows where the file should end"):
        read_matrix(str(tmp_path / "m"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [("a\n", "line 1 has only 'a'"), ("a x.ark:\xff\n", "cannot be read"), ("a \x00\n", "cannot be read")],
)
def test_a_malformed_script_is_an_error(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "m.scp").write_text(content)
    with pytest.raises(HybridKdError, match=problem):
        list(read_matrices(f"scp:{tmp_path}/m.scp"))


def test_missing_files_and_directories_are_errors(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"none.ark: cannot be read: No such file"):
        list(read_matrices(f"ark:{tmp_path}/none.ark"))
    with pytest.raises(HybridKdError, match="cannot be read: Is a directory"):
        list(read_matrices(f"ark:{tmp_path}"))
    (tmp_path / "empty.ark.gz").touch()
    with pytest.raises(HybridKdError, match="empty, without even a gzip header"):
        list(read_matrices(f"ark:{tmp_path}/empty.ark.gz"))


def test_an_empty_archive_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "m.ark").touch()
    assert not list(read_matrices(f"ark:{tmp_path}/m.ark"))
