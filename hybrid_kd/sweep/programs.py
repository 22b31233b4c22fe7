"""Runs commands, several at a time, each with a log; all of them end when the sweep does."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from hybrid_kd.errors import HybridKdError

HYBRID_KD = (sys.executable, "-m", "hybrid_kd")
SECONDS_TO_STOP = 10.0
LINES_OF_A_LOG = 2  # an error's message and its fix


class Programs:
    """The commands that run at present.

    cmd: words that a command is handed to (run.pl, queue.pl --mem 4G), as in Kaldi's recipes; none: run here.
    """

    def __init__(self, cmd: Sequence[str], *, threads: int, lock: int) -> None:
        self._cmd = list(cmd)
        self.has_cmd = bool(cmd)
        self._lock = lock
        self._env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self._env["PATH"] += f":{Path.cwd() / 'utils'}:{Path.cwd() / 'steps/kd/utils'}"
        self._running: set[subprocess.Popen[bytes]] = set()
        self._changing = threading.Lock()
        self._is_stopping = False

    def run(self, args: Sequence[str], log: Path, *, num_jobs: int = 1) -> None:
        """Run `hybrid-kd ARGS` to its end; its output goes to ``log``, where JOB is 1 to ``num_jobs``.

        With several jobs the word JOB in ``args`` is the number of each; these need a ``cmd``.

        Raises: HybridKdError with the end of the log if it fails; InterruptedError once `stop` was called.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        first_log = Path(str(log).replace("JOB", "1"))
        words = [*HYBRID_KD, *args]
        if self._cmd:
            words = [*self._cmd, f"JOB=1:{num_jobs}", str(log), *words]
        with (first_log.with_suffix(".cmd") if self._cmd else first_log).open("w") as output:
            output.write(f"# {shlex.join(words)}\n")
            output.flush()
            status = self._wait(self._start(words, output.fileno()))
        if status:
            ends = f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
            raise HybridKdError.at(
                first_log, f"`hybrid-kd {args[0]}` {ends}", fix=f"mend this:\n{_end_of(first_log)}"
            )

    def _start(self, words: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._is_stopping:
                raise InterruptedError
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    pass_fds=(self._lock,),
                    start_new_session=True,
                )
            except OSError as error:
                raise HybridKdError.at(
                    "--cmd", f"{words[0]}: {error.strerror}", fix="put it on the PATH"
                ) from error
            self._running.add(process)
            return process

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        status = process.wait()
        with self._changing:
            self._running.discard(process)
            if self._is_stopping:
                raise InterruptedError
        return status

    def stop(self) -> None:
        """End all that runs, and let nothing begin."""
        with self._changing:
            self._is_stopping = True
            processes = list(self._running)
        for process in processes:
            _signal(process, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To it and to all processes that it began."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    return "\n".join(f"    {line}" for line in lines[-LINES_OF_A_LOG:]) or "    its log is empty"
