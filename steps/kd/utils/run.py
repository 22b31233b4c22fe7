#!/usr/bin/env python3
"""Runs a command or numbered jobs on this machine, each with its log, called as Kaldi's run.pl is.

    run.pl [--max-jobs-run N] [--gpu N] [queue options] [JOB=1:4] exp/x/log/task.JOB.log program args JOB

It stands in for Kaldi's utils/run.pl where there is none. The arguments form one bash command (`\\|` pipes);
JOB is replaced in it and in the log's name. Options that concern a queue (--mem 4G, -l x, -pe smp 4) are read
and dropped. The exit status is 1 if a job failed. Standard library only: it runs under any python3.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

PROGRAM = Path(sys.argv[0]).name
SECONDS_TO_END = 15.0


@dataclass(frozen=True)
class Request:
    """What the command line asks for; ``name`` is the job variable ("" if there is only one, unnumbered)."""

    name: str
    first: int
    last: int
    max_jobs_run: int
    log: str
    words: list[str]


class UsageError(Exception):
    """A command line that cannot be meant."""


def parse_args(args: list[str]) -> Request:
    """Split off options and JOB=1:4, in either order.

    Raises: UsageError.
    """
    rest = list(args)
    name, first, last = "", 1, 1
    limits: list[int] = []
    num_gpus = 0
    while len(rest) >= 2:
        job = re.fullmatch(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", rest[0])
        if rest[0] == "-V":
            rest.pop(0)
        elif rest[0].startswith("-"):
            switch, value = rest.pop(0), rest.pop(0)
            if switch in ("--max-jobs-run", "-tc"):
                limits.append(_positive(switch, value))
            elif switch == "--gpu":
                num_gpus = int(value) if value.isdecimal() else 0
            elif switch == "-pe" and rest:
                rest.pop(0)
        elif job and not name:
            name, first, last = job[1], int(job[2]), int(job[3] or job[2])
            rest.pop(0)
        else:
            break
    if len(rest) < 2:
        raise UsageError(f"usage: {PROGRAM} [options] [JOB=1:N] log-file command-line arguments...")
    if not 0 < first <= last:
        raise UsageError(f"{PROGRAM}: invalid job range {name}={first}:{last}")
    if first < last and name not in rest[0]:
        raise UsageError(f"{PROGRAM}: several jobs but one log file, {rest[0]}; put {name} into its name")
    max_jobs_run = min(limits) if limits else _default_jobs(num_gpus)
    return Request(name, first, last, max_jobs_run, rest[0], rest[1:])


def _positive(switch: str, value: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise UsageError(f"{PROGRAM}: invalid option {switch} {value}")
    return int(value)


def _default_jobs(num_gpus: int) -> int:
    """As many jobs as GPUs if they ask for one, else as processors."""
    if num_gpus == 0:
        return os.cpu_count() or 1
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        print(f"{PROGRAM}: no GPU found by nvidia-smi, one job at a time", file=sys.stderr)
        return 1
    return max(1, len(listing.splitlines()))


def bash_command(words: list[str]) -> str:
    """Join words as run.pl does: those without blanks stay as they are (`\\|` acts), others are quoted."""
    return " ".join(_quote(word) for word in words)


def _quote(word: str) -> str:
    if re.fullmatch(r"\S+", word):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


class Jobs:
    """The jobs of one request: runs them, knows which are running, passes a signal on to them."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.command = bash_command(request.words)
        self.running: dict[int, subprocess.Popen[str]] = {}
        self.lock = threading.Lock()
        self.signal = 0

    def run(self) -> int:
        """Run all; the number of jobs that failed or were not run."""
        jobs = range(self.request.first, self.request.last + 1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        with ThreadPoolExecutor(min(self.request.max_jobs_run, len(jobs))) as pool:
            return sum(not good for good in pool.map(self._run_job, jobs))

    def log_of(self, job: int | str) -> str:
        name = self.request.name
        return self.request.log.replace(name, str(job)) if name else self.request.log

    def _run_job(self, job: int) -> bool:
        try:
            return self._run_logged(job)
        except OSError as error:
            print(f"{PROGRAM}: {self.log_of(job)}: {error.strerror}", file=sys.stderr)
            return False

    def _run_logged(self, job: int) -> bool:
        name = self.request.name
        command = self.command.replace(name, str(job)) if name else self.command
        log = Path(self.log_of(job))
        log.parent.mkdir(parents=True, exist_ok=True)
        start = time.time()
        with log.open("w") as file:
            file.write(f"# {command}\n# Started at {_date(start)}\n#\n")
        with log.open("a") as file:
            code = self._run_bash(job, f"( {command} )\n", file.fileno())
            seconds = round(time.time() - start)
            status = f"code {code}" if code >= 0 else f"code 0; signal {-code}"
            file.write(f"# Accounting: time={seconds} threads=1\n")
            file.write(f"# Ended ({status}) at {_date(time.time())}, elapsed time {seconds} seconds\n")
        return code == 0

    def _run_bash(self, job: int, script: str, output: int) -> int:
        """Give the script to bash on its stdin, in a process group of its own; its exit status or -signal."""
        with self.lock:
            if self.signal:
                return -self.signal
            process = subprocess.Popen(
                ["bash"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )
            self.running[job] = process
        process.communicate(script)
        with self.lock:
            del self.running[job]
        return process.returncode

    def _end(self, number: int, _frame: FrameType | None) -> None:
        """Pass the signal on to every running job's group; what has not ended after a while is killed."""
        with self.lock:
            self.signal = number
            processes = list(self.running.values())
        _signal_groups(processes, number)
        killer = threading.Timer(SECONDS_TO_END, _signal_groups, (processes, signal.SIGKILL))
        killer.daemon = True
        killer.start()


def _signal_groups(processes: list[subprocess.Popen[str]], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _date(seconds: float) -> str:
    return time.strftime("%a %b %e %H:%M:%S %Z %Y", time.localtime(seconds))


def main(args: list[str]) -> int:
    """0 if every job succeeded, 1 if not, 128 + signal if interrupted."""
    try:
        request = parse_args(args)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 1
    jobs = Jobs(request)
    num_failed = jobs.run()
    if jobs.signal:
        print(f"{PROGRAM}: ended by signal {jobs.signal}, log is in {jobs.log_of('*')}", file=sys.stderr)
        return 128 + jobs.signal
    if num_failed == 0:
        return 0
    if request.first == request.last:
        print(f"{PROGRAM}: job failed, log is in {jobs.log_of(request.first)}", file=sys.stderr)
    else:
        num_jobs = request.last - request.first + 1
        print(f"{PROGRAM}: {num_failed} / {num_jobs} failed, log is in {jobs.log_of('*')}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
