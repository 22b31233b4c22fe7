"""Kaldi's own decoder, latgen-faster-mapped, where it is on the PATH; log-likelihoods come through a pipe."""

import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.archives.matrices import matrix_to_bytes
from hybrid_kd.atomic import replace_file
from hybrid_kd.decoding.job_stats import JobStats, Utterances
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.processes import Report

PROGRAM = "latgen-faster-mapped"
PARTIAL = re.compile(r"partial output for utterance (\S+)")
FAILED = re.compile(
    r"(?:Failed to decode (?:file|utterance with id)|Did not successfully decode utterance) ([^\s,]+)"
)
VERSION = re.compile(re.escape(PROGRAM) + r"\[([^\]]+)\]")


def find_kaldi() -> str | None:
    """The path of latgen-faster-mapped, or None."""
    return shutil.which(PROGRAM)


def latgen_command(
    program: str, search: SearchOptions, *, model_file: Path, graph_file: Path, words_file: Path
) -> tuple[str, ...]:
    """Kaldi's nnet1 decoding: log-likelihoods on standard input, lattices on standard output.

    Source: Kaldi steps/nnet/decode.sh.
    """
    return (
        program,
        "--min-active=200",
        "--max-active=7000",
        "--max-mem=50000000",
        f"--beam={search.beam}",
        f"--lattice-beam={search.lattice_beam}",
        f"--acoustic-scale={search.acoustic_scale}",
        "--allow-partial=true",
        f"--word-symbol-table={words_file}",
        str(model_file),
        str(graph_file),
        "ark:-",
        "ark:-",
    )


@dataclass(frozen=True)
class KaldiDecoder:
    """A command line of latgen-faster-mapped."""

    command: tuple[str, ...]

    def decode_job(self, utterances: Utterances, lattice_file: Path, log: Path, report: Report) -> JobStats:
        """Decode one job into ``lattice_file`` (.gz); the program's messages are appended to ``log``.

        Raises: HybridKdError if the program fails.
        """
        stats, num_frames = JobStats(), {}
        children_before, start, before = _children_cpu_s(), time.monotonic(), time.process_time()
        with _open_pipeline(self.command, lattice_file, log) as process:
            assert process.stdin is not None
            try:
                for utt_id, loglikes in utterances:
                    process.stdin.write(utt_id.encode() + b" " + matrix_to_bytes(loglikes, True))
                    num_frames[utt_id] = len(loglikes)
                    report(utt_id)
                process.stdin.close()
            except BrokenPipeError:
                pass  # the program has ended: its status says why
        stats.network_cpu_s = time.process_time() - before
        stats.search_cpu_s = _children_cpu_s() - children_before
        stats.wall_s = time.monotonic() - start
        return _add_what_log_says(stats, log.read_text(errors="replace"), num_frames)


@contextmanager
def _open_pipeline(
    command: tuple[str, ...], lattice_file: Path, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start ``latgen | gzip``; the archive takes its name if both succeed, both are stopped on any error."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(lattice_file) as output, log.open("ab") as messages:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, start_new_session=True
        )
        gzip = subprocess.Popen(["gzip", "-c"], stdin=process.stdout, stdout=output, start_new_session=True)
        assert process.stdout is not None
        process.stdout.close()
        try:
            yield process
            if process.wait() or gzip.wait():
                raise HybridKdError.at(
                    log, f"{PROGRAM} ended with status {process.returncode}", fix="see the end of this log"
                )
        finally:
            for child in (process, gzip):
                if child.poll() is None:
                    child.kill()
                    child.wait()


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _add_what_log_says(stats: JobStats, log: str, num_frames: dict[str, int]) -> JobStats:
    """Count done, partial and failed utterances from the program's messages."""
    stats.partial = [utt_id for utt_id in PARTIAL.findall(log) if utt_id in num_frames]
    failed = set(FAILED.findall(log)) & set(num_frames)
    stats.left_out = dict.fromkeys(sorted(failed), "no path through the graph")
    stats.num_done = len(num_frames) - len(failed)
    stats.num_frames = sum(frames for utt_id, frames in num_frames.items() if utt_id not in failed)
    version = VERSION.search(log)
    stats.decoder_version = version[1] if version else "unknown"
    return stats
