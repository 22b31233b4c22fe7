"""Runs readers on mutants in forked processes, and says which ended otherwise than well or in a named error.

A process is forked from this one, where all modules are imported; it takes one mutant after another, and a
new one takes over when it dies or hangs. Each mutant follows from target, seed and number alone.
"""

import faulthandler
import io
import json
import mmap
import os
import random
import re
import resource
import select
import shutil
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from jaxtyping import TypeCheckError

from hybrid_kd.errors import HybridKdError
from tests.fuzz.mutations import mutate

MEMORY = 2 << 30  # bytes of address space above what a process has when it begins
SECONDS = 20.0  # of one mutant, by the clock: a busy machine is no hang
STATE = struct.Struct("<qd")  # number of the mutant and when it was begun
IDLE = -1


@dataclass(frozen=True)
class Target:
    """A reader of the project.

    make: writes golden files into an empty directory. read: reads them all, and asserts what must hold of
    what comes out. damaged: a glob of the files that are damaged. seal: makes checksums right again.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    damaged: str = "**/*"
    seal: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Failure:
    """A mutant that ended otherwise than well or in a named error."""

    target: str
    seed: int
    number: int
    change: str
    problem: str

    @property
    def kind(self) -> str:
        """Its last line without numbers and names: failures of one kind are reported once."""
        return re.sub(r"'[^']*'|0x[0-9a-f]+|\d+", "_", self.problem.strip().splitlines()[-1])[:200]

    @property
    def command(self) -> str:
        """How to see it again."""
        return f"python -m tests.fuzz --only {self.target} --seed {self.seed} --number {self.number}"


class Golden:
    """Whole files at a place of their own, which come back after each mutant."""

    def __init__(self, make: Callable[[Path], None], root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        make(root)
        self.content = {
            path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
        }

    def restore(self) -> None:
        """Bring the files back to what they were; others go."""
        for path in sorted(self.root.rglob("*"), reverse=True):
            name = path.relative_to(self.root)
            if path.is_symlink() or (path.is_file() and name not in self.content):
                path.unlink()
            elif path.is_dir() and not any(name in known.parents for known in self.content):
                shutil.rmtree(path)
        for name, content in self.content.items():
            path = self.root / name
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


class Bench:
    """Where the mutants of a target are made, one after the other."""

    def __init__(self, target: Target, golden: Golden) -> None:
        self.target, self.golden, self.root = target, golden, golden.root
        damaged = {path.relative_to(self.root) for path in self.root.glob(target.damaged) if path.is_file()}
        self.names = sorted(damaged)
        assert self.names, f"{target.name} has nothing to damage"

    def check(self) -> None:
        """What is not damaged must be read: otherwise the mutants show nothing.

        Raises: what the reader raises.
        """
        with redirect_stdout(io.StringIO()):
            self.target.read(self.root)
        self.golden.restore()

    def damage(self, seed: int, number: int) -> str:
        """Make a mutant; what was done, in words."""
        chance = random.Random(f"{self.target.name} {seed} {number}")
        name = chance.choice(self.names)
        path = self.root / name
        match chance.randrange(100):
            case 0:
                path.unlink()
                return f"{name}: deleted"
            case 1:
                path.unlink()
                path.mkdir()
                return f"{name}: a directory in its place"
        content, words = mutate(self.golden.content[name], name.name, chance)
        path.write_bytes(content)
        if self.target.seal is not None and chance.random() < 0.8:
            with suppress(Exception):
                self.target.seal(self.root)
                words += ", sealed"
        return f"{name}: {words}"


def problem_of(read: Callable[[Path], object], root: Path) -> str:
    """Read a mutant; nothing if that ends well or in an error that names place and fix."""
    try:
        read(root)
    except HybridKdError as error:
        first, _, rest = str(error).partition("\n")
        return "" if ": " in first and "  fix: " in rest else f"an error without place or fix: {error}"
    except OSError as error:  # the command line names the file of these
        return "" if error.filename is not None and error.errno is not None else traceback.format_exc()
    except SystemExit as error:
        return "" if error.code == 2 else f"SystemExit {error.code}"  # 2: a usage error
    except TypeCheckError:  # only under pytest, whose checks refuse an int where a float is meant
        return ""
    except BaseException:  # that is what is looked for
        return traceback.format_exc()
    return ""


def run_mutants(bench: Bench, seed: int, numbers: Sequence[int]) -> Iterator[Failure]:
    """The failures among these mutants of a target."""
    waiting = list(numbers)
    while waiting:
        child = _Child(bench, seed, waiting)
        try:
            yield from child.failures()
        except BaseException:
            child.kill()
            raise
        finally:
            last, problem = child.end()
        if problem:
            bench.golden.restore()
            change = bench.damage(seed, last)
            bench.golden.restore()
            yield Failure(bench.target.name, seed, last, change, problem)
        waiting = waiting[waiting.index(last) + 1 :] if last != IDLE else []


class _Child:
    """A process that works on some mutants."""

    def __init__(self, bench: Bench, seed: int, numbers: Sequence[int]) -> None:
        self._bench = bench
        self._state = mmap.mmap(-1, STATE.size)
        self._state[:] = STATE.pack(numbers[0], time.monotonic())
        self._said = bench.root.with_name(f"{bench.root.name}.log")
        self._problem = ""
        self._results, results = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._results)
            self._work(seed, numbers, results)
        os.close(results)

    def _work(self, seed: int, numbers: Sequence[int], results: int) -> None:
        """Never returns."""
        status = 1
        try:
            os.setsid()  # a mutant's own children end with it
            said = os.open(self._said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            for stream in (1, 2):
                os.dup2(said, stream)
            faulthandler.enable(file=2, all_threads=False)
            _limit_memory()
            for number in numbers:
                self._state[:] = STATE.pack(number, time.monotonic())
                os.ftruncate(said, 0)
                change = self._bench.damage(seed, number)
                problem = problem_of(self._bench.target.read, self._bench.root)
                self._bench.golden.restore()
                if problem:
                    failure = Failure(self._bench.target.name, seed, number, change, problem)
                    os.write(results, json.dumps(asdict(failure)).encode() + b"\n")
            self._state[:] = STATE.pack(IDLE, 0)
            status = 0
        except BaseException:  # a fault of the fuzzer itself
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)

    def failures(self) -> Iterator[Failure]:
        """What the process reports until it ends, or is stopped because a mutant takes too long."""
        rest = b""
        while True:
            ready, _, _ = select.select([self._results], [], [], 0.5)
            if ready:
                if not (part := os.read(self._results, 1 << 16)):
                    return
                *lines, rest = (rest + part).split(b"\n")
                yield from (Failure(**json.loads(line)) for line in lines)
            elif os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return  # its own children may hold the pipe open
            number, begun = STATE.unpack(self._state[:])
            if number != IDLE and time.monotonic() - begun > SECONDS:
                self._problem = f"a hang: it took more than {SECONDS:g} s"
                self.kill()
                return

    def kill(self) -> None:
        """End it, and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def end(self) -> tuple[int, str]:
        """The mutant that the process ended in, and what was wrong; IDLE and nothing if it did all."""
        os.close(self._results)
        _, status = os.waitpid(self._pid, 0)
        number, _ = STATE.unpack(self._state[:])
        self.kill()  # what a mutant has started
        if status == 0:
            return IDLE, ""
        said = self._said.read_text(errors="replace")[-3000:]
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {status >> 8}"
        return number, f"{said}\n{self._problem or how}"


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def make_benches(targets: Iterable[Target], scratch: Path) -> dict[str, Bench]:
    """A bench for each target; those that read the same files share them."""
    golden: dict[Callable[[Path], None], Golden] = {}
    benches = {}
    for target in targets:
        if target.make not in golden:
            golden[target.make] = Golden(target.make, scratch / str(len(golden)))
        benches[target.name] = Bench(target, golden[target.make])
    return benches
