"""Parallel jobs: errors, deaths, interruptions."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.errors import HybridKdError
from hybrid_kd.processes import Report, run_jobs
from tests.waiting import PATIENCE_S, wait_until


def run(tmp_path: Path, work, jobs=(1, 2)) -> None:  # type: ignore[no-untyped-def]
    run_jobs(work, jobs, log=lambda job: tmp_path / f"{job}.log", total=4, what="testing")


def test_every_job_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    def work(job: int, report: Report) -> None:
        (tmp_path / f"pid.{job}").write_text(str(os.getpid()))
        for utt_id in ("u1", "u2"):
            report(utt_id)

    run(tmp_path, work)
    pids = {(tmp_path / f"pid.{job}").read_text() for job in (1, 2)}
    assert len(pids | {str(os.getpid())}) == 3


def test_what_a_job_logs_goes_to_its_log(tmp_path: Path) -> None:
    def work(job: int, report: Report) -> None:
        logging.getLogger(__name__).info("job %d says this", job)

    run(tmp_path, work)
    assert (tmp_path / "2.log").read_text() == "job 2 says this\n"


def test_an_error_of_a_job_is_raised_and_stops_the_others(tmp_path: Path) -> None:
    def work(job: int, report: Report) -> None:
        if job == 1:
            wait_until((tmp_path / "begun").exists, "the other job starts")
            raise HybridKdError.at(
                "feats.scp", "features have 13 coefficients, the model takes 40", fix="other data"
            )
        try:
            (tmp_path / "begun").touch()
            time.sleep(600)
            (tmp_path / "outlived").touch()
        finally:
            (tmp_path / "cleaned").touch()

    with pytest.raises(
        HybridKdError, match="features have 13 coefficients, the model takes 40\n  fix: other data"
    ):
        run(tmp_path, work)
    assert (tmp_path / "cleaned").exists()
    assert not (tmp_path / "outlived").exists()


def test_a_full_disk_in_a_job_is_its_os_error(tmp_path: Path) -> None:
    def work(job: int, report: Report) -> None:
        raise OSError(28, "No space left on device", "lat.1.gz")

    with pytest.raises(OSError, match="No space left on device") as caught:
        run(tmp_path, work)
    assert caught.value.filename == "lat.1.gz"


def test_a_killed_job_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    def work(job: int, report: Report) -> None:
        if job == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(
        HybridKdError, match=r"2\.log: the process of this job was killed by signal 9(.|\n)*--nj"
    ):
        run(tmp_path, work)


def test_a_killed_job_names_the_input_that_it_worked_on(tmp_path: Path) -> None:
    """The last entry that it read from any table."""
    (tmp_path / "ali.ark").write_text("u1 1\nu2 2\nu3 3\n")

    def work(job: int, report: Report) -> None:
        for utt_id, _ in read_int_vectors(f"ark:{tmp_path}/ali.ark"):
            if utt_id == "u2" and job == 2:
                os.kill(os.getpid(), signal.SIGKILL)

    match = r"2\.log: .* was killed by signal 9 while it worked on .*ali\.ark, utterance 'u2'\n  fix:"
    with pytest.raises(HybridKdError, match=match):
        run(tmp_path, work)


def test_a_bug_in_a_job_is_in_its_log(tmp_path: Path) -> None:
    def work(job: int, report: Report) -> None:
        raise ZeroDivisionError(f"in job {job}")

    with pytest.raises(HybridKdError, match="ended with status 1\n  fix: see the end of this log"):
        run(tmp_path, work, jobs=(1,))
    assert "ZeroDivisionError: in job 1" in (tmp_path / "1.log").read_text()


SCRIPT = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
from hybrid_kd.atomic import replace_file
from hybrid_kd.processes import run_jobs
out = Path(sys.argv[1])
def work(job, report):
    with replace_file(out / f"lat.{job}.gz") as file:
        (out / f"ready.{job}").touch()
        while True:
            report("u")
            time.sleep(0.05)
try:
    run_jobs(work, (1, 2), log=lambda job: out / f"{job}.log", total=10**9, what="testing")
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_parent_leaves_no_process_and_nothing_half_written(
    tmp_path: Path, stop: signal.Signals
) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], start_new_session=True)
    wait_until(lambda: len(list(tmp_path.glob("ready.*"))) == 2, "both jobs write")
    process.send_signal(stop)
    assert process.wait(PATIENCE_S) == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not list(tmp_path.glob(".*partial")), "the jobs remove what they wrote")
    assert not list(tmp_path.glob("*lat*"))
    assert not list(tmp_path.glob(".*lat*"))
