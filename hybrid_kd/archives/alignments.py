"""Alignment directories: ``ali.1.gz`` .. ``ali.N.gz``, as many as ``num_jobs`` says."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.errors import HybridKdError


def read_alignment_dir(path: Path) -> Iterator[tuple[str, Int32[np.ndarray, " frames"]]]:
    """Read (utt_id, transition_ali) of every utterance, in the order of jobs.

    Raises: HybridKdError for missing jobs, an utterance that comes twice, what cannot be parsed to its end.
    """
    seen: set[str] = set()
    for archive in alignment_archives(path):
        for utt_id, transition_ali in read_int_vectors(f"ark:{archive}"):
            if utt_id in seen:
                raise HybridKdError.at(archive, "is aligned twice", fix="align again", key=utt_id)
            seen.add(utt_id)
            yield utt_id, transition_ali


def alignment_archives(path: Path) -> list[Path]:
    """The files ``ali.1.gz`` .. ``ali.N.gz`` of a directory.

    Raises: HybridKdError if they are not exactly those that ``num_jobs`` counts.
    """
    num_jobs = read_num_jobs(path)
    there = sorted(int(match[1]) for file in path.iterdir() if (match := _ALI.fullmatch(file.name)))
    if there != list(range(1, num_jobs + 1)):
        found = ", ".join(f"ali.{job}.gz" for job in there[:10]) or "none"
        raise HybridKdError.at(
            path,
            f"num_jobs is {num_jobs}, but the alignments are: {found}{', ...' if len(there) > 10 else ''}",
            fix="align again into an empty directory",
        )
    return [path / f"ali.{job}.gz" for job in there]


def read_num_jobs(path: Path) -> int:
    """The number in ``num_jobs``.

    Raises: HybridKdError.
    """
    file = path / "num_jobs"
    if not file.is_file():
        missing = "it holds no num_jobs" if path.is_dir() else "no such directory"
        raise HybridKdError.at(
            path, missing, fix="give a directory of finished jobs (steps/align_*.sh, `hybrid-kd decode`)"
        )
    text = file.read_bytes().strip()
    if not re.fullmatch(rb"[1-9][0-9]{0,5}", text):
        raise HybridKdError.at(file, f"not a number of jobs: {text[:20]!r}", fix="make the directory again")
    return int(text)


_ALI = re.compile(r"ali\.([0-9]{1,6})\.gz")
