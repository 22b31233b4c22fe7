"""Runs the numerical tests as other machines would (`make test-machines`).

    python -m tests.machines [--workers N] [NAME ...]

The libraries choose their code by the processor, and each code adds in an order of its own. Each of MACHINES
sets environment variables that make them choose another code, checks that they do, and runs the tests marked
`numerical`.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import code_paths

ROOT = Path(__file__).resolve().parent.parent
MARK = "pytest.mark.numerical"
NO_NUMPY_DISPATCH = ",".join(code_paths.numpy_features())
# MKL lowers the number to that of the cores, and torch follows, unless the second forbids it.
THREE_THREADS = {"OMP_NUM_THREADS": "3", "MKL_DYNAMIC": "FALSE"}


@dataclass(frozen=True)
class Machine:
    """Environment variables, and what they stand for."""

    name: str
    environment: Mapping[str, str]
    why: str


MACHINES = (
    Machine("detected", {}, "what the libraries choose here by themselves"),
    Machine("aten-default", {"ATEN_CPU_CAPABILITY": "default"}, "torch's own kernels without AVX2"),
    Machine("aten-avx2", {"ATEN_CPU_CAPABILITY": "avx2"}, "torch's own kernels without AVX-512"),
    Machine("onednn-sse41", {"ONEDNN_MAX_CPU_ISA": "SSE41"}, "oneDNN without AVX"),
    Machine("onednn-avx2", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, "oneDNN without AVX-512 and AMX"),
    Machine("mkl-compatible", {"MKL_CBWR": "COMPATIBLE"}, "MKL as on every x86 processor"),
    Machine("openblas-nehalem", {"OPENBLAS_CORETYPE": "Nehalem"}, "products of numpy and scipy with SSE4.2"),
    Machine("openblas-haswell", {"OPENBLAS_CORETYPE": "Haswell"}, "the same with AVX2, also on AMD Zen"),
    Machine("numpy-baseline", {"NPY_DISABLE_CPU_FEATURES": NO_NUMPY_DISPATCH}, "numpy's loops without AVX2"),
    Machine("three-threads", THREE_THREADS, "sums in three parts; `make test` uses one thread"),
    Machine(
        "oldest",
        {
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Nehalem",
            "NPY_DISABLE_CPU_FEATURES": NO_NUMPY_DISPATCH,
        },
        "all libraries without AVX2",
    ),
    Machine(
        "haswell",
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
            **THREE_THREADS,
        },
        "all libraries without AVX-512, three threads",
    ),
)
# What the user's environment may hold; OpenBLAS trusts a cache size that is right for one core type only.
CLEARED = {"OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}.union(
    *(machine.environment for machine in MACHINES)
)


def environment_of(machine: Machine, inherited: Mapping[str, str]) -> dict[str, str]:
    """The inherited environment with this machine's settings alone; one thread, if it sets no number."""
    kept = {name: value for name, value in inherited.items() if name not in CLEARED}
    return {**kept, "OMP_NUM_THREADS": "1", **machine.environment}


def without_effect(machine: Machine, in_force: Mapping[str, str]) -> list[str]:
    """A sentence for each setting that the library ignores."""
    return [
        f"{variable}={wanted} has no effect here: {in_force[variable]}"
        for variable, wanted in machine.environment.items()
        if variable in in_force and in_force[variable] != wanted.lower()
    ]


def numerical_modules(tests: Path) -> list[Path]:
    """The test modules that carry the mark."""
    return sorted(path for path in tests.rglob("test_*.py") if MARK in path.read_text())


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def run_as(machine: Machine, *, workers: int) -> bool:
    """Print one line: what came of the tests, or why they were not run; below it, what failed."""
    environment = environment_of(machine, os.environ)
    _, report = _run(["tests.code_paths"], environment | code_paths.VERBOSE)
    ignored = without_effect(machine, code_paths.parse(report))
    if ignored:
        can_be = platform.machine() in {"x86_64", "AMD64"}
        print(f"{machine.name:17} {'FAILED' if can_be else 'skipped'}: {'; '.join(ignored)}", flush=True)
        return not can_be
    modules = map(str, numerical_modules(ROOT / "tests"))
    status, output = _run(["pytest", "-n", str(workers), "-m", "numerical", *modules], environment)
    lines = output.splitlines() or ["no output"]
    print(f"{machine.name:17} {'FAILED: ' * (status != 0)}{lines[-1]}", flush=True)
    if status != 0:
        settings = " ".join(f"{name}={value}" for name, value in machine.environment.items())
        failures = [line for line in lines if line.startswith(("FAILED ", "ERROR "))] or lines[-20:]
        print(*failures, f"fix: run what failed alone, with {settings}", sep="\n  ", flush=True)
    return status == 0


def main() -> int:
    """The exit status: 1 if a test failed on a machine, or a machine could not be had."""
    machines = {machine.name: machine for machine in MACHINES}
    listed = "\n".join(f"  {machine.name:17} {machine.why}" for machine in MACHINES)
    parser = argparse.ArgumentParser(
        prog="python -m tests.machines",
        description="Run the numerical tests as other machines would.",
        epilog=f"machines (all, if none is named):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--workers", type=int, default=2, help="test processes at a time (2)")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names).difference(machines))
    if unknown:
        parser.error(f"no machine is called {', '.join(unknown)}; there are {', '.join(machines)}")
    chosen = [machines[name] for name in arguments.names or machines]
    passed = [run_as(machine, workers=arguments.workers) for machine in chosen]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
