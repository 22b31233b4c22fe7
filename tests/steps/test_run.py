"""steps/kd/utils/run.py, called as Kaldi's run.pl is."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, has_ended, wait_until

RUN = Path(__file__).parents[2] / "steps/kd/utils/run.pl"


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(RUN), *args], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_each_job_has_its_own_number_and_log(tmp_path: Path) -> None:
    done = run("JOB=2:4", "exp/log/count.JOB.log", "echo", "part.JOB", "of", "JOB", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for job in (2, 3, 4):
        assert f"\npart.{job} of {job}\n" in (tmp_path / f"exp/log/count.{job}.log").read_text()
    assert not (tmp_path / "exp/log/count.1.log").exists()


def test_a_log_has_the_lines_that_kaldi_writes(tmp_path: Path) -> None:
    run("x.log", "echo", "out;", "echo", "err", ">&2", cwd=tmp_path)
    date = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \d{4}"
    assert re.fullmatch(
        rf"# echo out; echo err >&2\n# Started at {date}\n#\nout\nerr\n# Accounting: time=\d+ threads=1\n"
        rf"# Ended \(code 0\) at {date}, elapsed time \d+ seconds\n",
        (tmp_path / "x.log").read_text(),
    )


def test_failed_jobs_are_counted_and_the_others_run(tmp_path: Path) -> None:
    done = run("JOB=1:4", "x.JOB.log", "[", "JOB", "-ne", "3", "]", "&&", "touch", "good.JOB", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "run.pl: 1 / 4 failed, log is in x.*.log\n"
    assert "# Ended (code 1)" in (tmp_path / "x.3.log").read_text()
    assert sorted(path.name for path in tmp_path.glob("good.*")) == ["good.1", "good.2", "good.4"]


def test_a_single_failed_job_names_its_log(tmp_path: Path) -> None:
    assert run("x.log", "exit", "7", cwd=tmp_path).stderr == "run.pl: job failed, log is in x.log\n"
    assert "# Ended (code 7)" in (tmp_path / "x.log").read_text()
    assert (
        run("JOB=5", "y.JOB.log", "false", cwd=tmp_path).stderr == "run.pl: job failed, log is in y.5.log\n"
    )


def test_a_job_that_dies_of_a_signal_says_so(tmp_path: Path) -> None:
    assert run("x.log", "kill", "-9", "$$", cwd=tmp_path).returncode == 1
    assert "# Ended (code 0; signal 9)" in (tmp_path / "x.log").read_text()


def test_words_with_blanks_or_quotes_stay_words(tmp_path: Path) -> None:
    run("x.log", "printf", r"[%s]\\n", "a  b", 'c "d" $HOME', "", "e\tf", cwd=tmp_path)
    lines = (tmp_path / "x.log").read_text().splitlines()
    assert lines[3:7] == ["[a  b]", '[c "d" $HOME]', "[]", "[e\tf]"]


def test_options_for_a_queue_are_dropped_on_either_side_of_the_jobs(tmp_path: Path) -> None:
    options = ["--mem", "2G", "-V", "-pe", "smp", "4", "JOB=1:2", "-l", "arch=*64", "--max-jobs-run", "1"]
    assert run(*options, "x.JOB.log", "echo", "JOB", cwd=tmp_path).returncode == 0
    assert "# echo 2\n" in (tmp_path / "x.2.log").read_text()


def test_max_jobs_run_limits_what_runs_at_once(tmp_path: Path) -> None:
    one_at_a_time = ["mkdir", "lock", "&&", "sleep", "0.05", "&&", "rmdir", "lock"]
    assert run("--max-jobs-run", "1", "JOB=1:3", "x.JOB.log", *one_at_a_time, cwd=tmp_path).returncode == 0
    met = "[ -e here.1 -a -e here.2 ] && exit 0"
    meet = f"touch here.JOB; for i in $(seq 3000); do {met}; sleep 0.02; done; exit 1"
    assert run("--max-jobs-run", "2", "JOB=1:2", "y.JOB.log", *meet.split(), cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["x.log"], "usage: run.pl"),
        (["JOB=3:2", "x.JOB.log", "true"], "run.pl: invalid job range JOB=3:2"),
        (["JOB=0:2", "x.JOB.log", "true"], "run.pl: invalid job range JOB=0:2"),
        (["JOB=1:2", "x.log", "true"], "run.pl: several jobs but one log file, x.log; put JOB into its name"),
        (["--max-jobs-run", "0", "x.log", "true"], "run.pl: invalid option --max-jobs-run 0"),
    ],
)
def test_a_wrong_command_line_runs_nothing(tmp_path: Path, args: list[str], message: str) -> None:
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_log_that_cannot_be_written_fails_the_job(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    done = run("log/x.log", "true", cwd=tmp_path)
    assert done.returncode == 1
    assert "log/x.log" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_jobs_too(tmp_path: Path, number: signal.Signals) -> None:
    job = "echo $BASHPID > pid.JOB; exec sleep 600"
    args = ["--max-jobs-run", "1", "JOB=1:2", "x.JOB.log", *job.split()]
    runner = subprocess.Popen([RUN, *args], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    pid_file = tmp_path / "pid.1"
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), "the first job starts")
    runner.send_signal(number)
    _, stderr = runner.communicate(timeout=PATIENCE_S)
    assert runner.returncode == 128 + number
    assert stderr == f"run.pl: ended by signal {number.value}, log is in x.*.log\n"
    pid = int(pid_file.read_text())
    wait_until(lambda: has_ended(pid), f"process {pid} ends")
    assert not (tmp_path / "pid.2").exists()
