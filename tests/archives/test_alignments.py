"""Alignment directories: all jobs, in order, each utterance once."""

import gzip
from pathlib import Path

import pytest

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.errors import HybridKdError


@pytest.fixture
def ali(tmp_path: Path) -> Path:
    """Eleven jobs of one utterance each, in text."""
    (tmp_path / "num_jobs").write_text("11\n")
    for job in range(1, 12):
        (tmp_path / f"ali.{job}.gz").write_bytes(gzip.compress(f"u{job} {job} {job} \n".encode()))
    return tmp_path


def test_jobs_are_read_in_the_order_of_their_numbers(ali: Path) -> None:
    assert [utt_id for utt_id, _ in read_alignment_dir(ali)] == [f"u{job}" for job in range(1, 12)]


@pytest.mark.parametrize(
    ("experiment", "data", "num_utts", "num_frames"),
    [
        ("kaldi-an4", "tr05_multi", 1687, 453_396),
        ("kaldi-an4", "dt05_simu", 416, 103_928),
        ("kaldi-libri5k", "dt05_simu", 332, 198_944),
    ],
)
def test_kaldis_alignments_are_read_to_the_end(
    shared: Path, experiment: str, data: str, num_utts: int, num_frames: int
) -> None:
    alignment = dict(read_alignment_dir(shared / experiment / "exp" / f"tri3b_ali_{data}"))
    assert len(alignment) == num_utts
    assert sum(map(len, alignment.values())) == num_frames


def test_a_missing_job_is_an_error(ali: Path) -> None:
    (ali / "ali.2.gz").unlink()
    with pytest.raises(HybridKdError, match=r"num_jobs is 11, but the alignments are: ali.1.gz, ali.3.gz"):
        list(read_alignment_dir(ali))


def test_a_job_too_many_is_an_error(ali: Path) -> None:
    (ali / "num_jobs").write_text("10\n")
    with pytest.raises(
        HybridKdError, match=r"num_jobs is 10, but the alignments are: ali.1.gz, .*, \.\.\.\n"
    ):
        list(read_alignment_dir(ali))


def test_no_alignments_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "num_jobs").write_text("2\n")
    with pytest.raises(HybridKdError, match="num_jobs is 2, but the alignments are: none"):
        list(read_alignment_dir(tmp_path))


@pytest.mark.parametrize("content", ["", "0\n", "two\n", "-1\n", "1 2\n", "9999999\n"])
def test_a_malformed_num_jobs_is_an_error(ali: Path, content: str) -> None:
    (ali / "num_jobs").write_text(content)
    with pytest.raises(HybridKdError, match="num_jobs: not a number of jobs"):
        list(read_alignment_dir(ali))


def test_a_missing_directory_or_num_jobs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="none: no such directory"):
        list(read_alignment_dir(tmp_path / "none"))
    with pytest.raises(HybridKdError, match="it holds no num_jobs"):
        list(read_alignment_dir(tmp_path))


def test_an_utterance_that_comes_twice_is_an_error(ali: Path) -> None:
    (ali / "ali.11.gz").write_bytes(gzip.compress(b"u3 1\n"))
    with pytest.raises(HybridKdError, match=r"ali.11.gz, utterance 'u3': is aligned twice"):
        list(read_alignment_dir(ali))


def test_an_empty_job_file_is_an_error_but_an_empty_archive_is_not(ali: Path) -> None:
    (ali / "ali.5.gz").write_bytes(gzip.compress(b""))
    assert len(list(read_alignment_dir(ali))) == 10
    (ali / "ali.5.gz").write_bytes(b"")
    with pytest.raises(HybridKdError, match=r"ali.5.gz: empty, without even a gzip header"):
        list(read_alignment_dir(ali))
