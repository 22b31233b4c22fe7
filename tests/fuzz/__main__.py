"""``python -m tests.fuzz --seconds 600 --seed 7 [--only NAME]``: damage files for as long as one likes."""

import argparse
import logging
import shlex
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.campaign import Bench, Failure, make_benches, problem_of, run_mutants
from tests.fuzz.targets import TARGETS

ROUND = 40  # mutants of a target, then the next one


def main() -> int:
    """The exit status is 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long, by the clock")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=sorted(TARGETS), default=[], metavar="NAME")
    parser.add_argument("--number", type=int, help="this one mutant, in this process")
    parser.add_argument(
        "--out", type=Path, help="where what is found is kept (default: a temporary directory)"
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    names = options.only or list(TARGETS)
    out = options.out or Path(tempfile.mkdtemp(prefix="hybrid_kd.fuzz."))
    with tempfile.TemporaryDirectory(prefix="hybrid_kd.fuzz.") as scratch:
        benches = make_benches([TARGETS[name] for name in names], Path(scratch))
        for name, bench in benches.items():
            try:
                bench.check()
            except Exception as error:
                raise RuntimeError(f"{name} does not read what is whole") from error
        if options.number is not None:
            return show(benches[names[0]], options.seed, options.number, out)
        return run(benches, options.seed, options.seconds, out)


def show(bench: Bench, seed: int, number: int, out: Path) -> int:
    """One mutant: its files are kept, its traceback is printed."""
    print(bench.damage(seed, number))
    for name in bench.names:
        if (bench.root / name).is_file() and (bench.root / name).read_bytes() != bench.golden.content[name]:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes((bench.root / name).read_bytes())
            print(f"kept as {out / name}")
    problem = problem_of(bench.target.read, bench.root)
    print(problem or "it ends well, or in a named error")
    return int(bool(problem))


def run(benches: dict[str, Bench], seed: int, seconds: float, out: Path) -> int:
    """Round after round until the time is over; each kind of failure is told once, and kept."""
    end, first = time.monotonic() + seconds, 0
    counts: Counter[tuple[str, str]] = Counter()
    num_mutants = 0
    while time.monotonic() < end:
        for name, bench in benches.items():
            if time.monotonic() >= end:
                break
            num_mutants += ROUND
            for failure in run_mutants(bench, seed, range(first, first + ROUND)):
                counts[name, failure.kind] += 1
                if counts[name, failure.kind] == 1:
                    tell(failure, out)
        first += ROUND
    print(f"{num_mutants} mutants, {len(counts)} kinds of failures, {counts.total()} failures; kept in {out}")
    for (name, kind), count in counts.most_common():
        print(f"{count:6}  {name}: {kind}")
    return int(bool(counts))


def tell(failure: Failure, out: Path) -> None:
    """Print a failure, and write how to see it again."""
    print(f"{failure.command}\n  {failure.change}\n  {failure.kind}", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    command = shlex.split(failure.command)
    text = f"{shlex.join(command)}\n{failure.change}\n\n{failure.problem}\n"
    (out / f"{failure.target}.{failure.seed}.{failure.number}.txt").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
