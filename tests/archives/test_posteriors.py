"""Posterior tables against kaldi_native_io in both directions, and against what Kaldi's nnet1 wrote."""

from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_kd.archives.posteriors import Posteriors, open_posterior_writer, read_posteriors
from hybrid_kd.errors import HybridKdError

ORACLE = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
PAIRS = st.tuples(
    st.integers(0, 2**31 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False),
)
FRAMES = st.lists(st.lists(PAIRS, max_size=4), max_size=8)
Frames = list[list[tuple[int, float]]]


def from_frames(frames: Frames) -> Posteriors:
    """The arrays of Kaldi's nested lists."""
    pairs = [pair for frame in frames for pair in frame]
    return Posteriors(
        np.cumsum([0, *map(len, frames)], dtype=np.int64),
        np.array([pdf_id for pdf_id, _ in pairs], np.int32),
        np.array([value for _, value in pairs], np.float32),
    )


def to_frames(posteriors: Posteriors) -> Frames:
    """Kaldi's nested lists of the arrays."""
    pairs = list(zip(posteriors.ids.tolist(), posteriors.values.tolist(), strict=True))
    bounds = zip(posteriors.offsets[:-1], posteriors.offsets[1:], strict=True)
    return [pairs[start:end] for start, end in bounds]


@ORACLE
@given(entries=st.lists(FRAMES, min_size=1, max_size=3), text=st.booleans())
def test_kaldi_reads_what_we_write(entries: list[Frames], text: bool, tmp_path: Path) -> None:
    with open_posterior_writer(f"ark{',t' if text else ''}:{tmp_path}/p.ark") as write:
        for index, frames in enumerate(entries):
            write(f"u{index}", from_frames(frames))
    with kaldi_native_io.SequentialPosteriorReader(f"ark:{tmp_path}/p.ark") as reader:
        assert [value for _, value in reader] == entries


@ORACLE
@given(entries=st.lists(FRAMES, min_size=1, max_size=3))
def test_we_read_what_kaldi_writes(entries: list[Frames], tmp_path: Path) -> None:
    with kaldi_native_io.PosteriorWriter(f"ark:{tmp_path}/p.ark") as writer:
        for index, frames in enumerate(entries):
            writer.write(f"u{index}", frames)
    assert [to_frames(ours) for _, ours in read_posteriors(f"ark:{tmp_path}/p.ark")] == entries


@ORACLE
@given(entries=st.lists(FRAMES, min_size=1, max_size=3), text=st.booleans())
def test_we_read_what_we_write(entries: list[Frames], text: bool, tmp_path: Path) -> None:
    with open_posterior_writer(f"ark{',t' if text else ''}:{tmp_path}/p.ark") as write:
        for index, frames in enumerate(entries):
            write(f"u{index}", from_frames(frames))
    assert [to_frames(ours) for _, ours in read_posteriors(f"ark:{tmp_path}/p.ark")] == entries


def test_the_golden_posteriors_read_alike_from_binary_and_text(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    binary = dict(read_posteriors(f"ark:{golden}/nnet1_post_unnormalised.ark"))
    assert sum(posteriors.num_frames for posteriors in binary.values()) == 3624
    for utt_id, text in read_posteriors(f"ark:{golden}/nnet1_post_first.txt"):
        np.testing.assert_array_equal(text.offsets, binary[utt_id].offsets)
        np.testing.assert_array_equal(text.ids, binary[utt_id].ids)
        np.testing.assert_allclose(text.values, binary[utt_id].values, rtol=1e-6)


@pytest.mark.parametrize(("name", "options"), [("unnormalised.ark", ""), ("first.txt", ",t")])
def test_writing_the_golden_posteriors_gives_their_bytes(
    shared: Path, tmp_path: Path, name: str, options: str
) -> None:
    golden = shared / "kaldi-an4" / "golden" / f"nnet1_post_{name}"
    with open_posterior_writer(f"ark{options}:{tmp_path}/p.ark") as write:
        for utt_id, posteriors in read_posteriors(f"ark:{golden}"):
            write(utt_id, posteriors)
    assert (tmp_path / "p.ark").read_bytes() == golden.read_bytes()


def test_frames_without_entries_are_kept(tmp_path: Path) -> None:
    (tmp_path / "p.ark").write_text("u1 [ 3 0.75 9 0.25 ] [ ] [] [ 0 1 ] \nu2 \n")
    posteriors = dict(read_posteriors(f"ark:{tmp_path}/p.ark"))
    assert to_frames(posteriors["u1"]) == [[(3, 0.75), (9, 0.25)], [], [], [(0, 1.0)]]
    assert posteriors["u2"].num_frames == 0


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"\0B\4\xff\xff\xff\x7f", "10737418235 bytes should follow, 0 are there"),
        (b"\0B\4\xff\xff\xff\xff", "a negative number of frames: -1"),
        (b"\0B\4\1\0\0\0\4\xff\xff\xff\x7f", "21474836470 bytes should follow, 0 are there"),
        (b"\0B\4\1\0\0\0\4\1\0\0\0\4\1\0\0\0\5\0\0\0\0", "not a posterior"),
        (b"\0BFM \4\0\0\0\0", "expected an int32"),
        (b"[ 1 0.5\n", r"a text posterior ends in"),
        (b"[ 1 0.5 2 ]\n", "malformed frame"),
        (b"1 0.5 ]\n", "malformed frame"),
        (b"[ 1 [ 2 0.5 ]\n", "malformed frame"),
        (b"[ 1 x ]\n", "not a number"),
        (b"[ 1 1_0 ]\n", "not a number"),
        (b"[ 1.5 1 ]\n", "not a line of 32-bit integers"),
        (b"[ 1 0.5 ] ", r"truncated: the file ends before '\\n'"),
    ],
)
def test_damage_names_file_and_key(tmp_path: Path, value: bytes, problem: str) -> None:
    (tmp_path / "p.ark").write_bytes(b"u " + value)
    with pytest.raises(HybridKdError, match=f"p.ark, utterance 'u': .*{problem}"):
        list(read_posteriors(f"ark:{tmp_path}/p.ark"))


def test_an_alignment_is_not_taken_for_posteriors(shared: Path) -> None:
    golden = shared / "kaldi-an4" / "golden"
    with pytest.raises(HybridKdError, match=r"ali.ark, utterance 'fkdo_an131_BUS_SIMU'"):
        list(read_posteriors(f"ark:{golden}/ali.ark"))
