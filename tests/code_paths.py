"""Which code the numerical libraries run in this process.

`python -m tests.code_paths` prints it, `parse` reads that. Each fact carries the name of the environment
variable that chooses it, and comes from the library itself: a library ignores values that it does not know,
and lowers others. MKL and oneDNN report while they compute, if MKL_VERBOSE and ONEDNN_VERBOSE are 1.
"""

import ctypes
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VERBOSE = {"MKL_VERBOSE": "1", "ONEDNN_VERBOSE": "1"}
CORE_NAMES = ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename")
PATTERNS = {
    "ATEN_CPU_CAPABILITY": r"^aten (\S+)$",
    "ONEDNN_MAX_CPU_ISA": r"^onednn_verbose,.*,cpu,isa:(?:Intel )?(.+)$",
    "MKL_CBWR": r"^MKL_VERBOSE .*\bCNR:(\S+)",
    "OPENBLAS_CORETYPE": r"^openblas (\S+)$",
    "NPY_DISABLE_CPU_FEATURES": r"^numpy without (\S*)$",
    "OMP_NUM_THREADS": r"^threads (\d+)$",
}


def parse(output: str) -> dict[str, str]:
    """What is in force, by environment variable: lower case, no dots (SSE41 is reported as SSE4.1)."""
    found = {}
    for variable, pattern in PATTERNS.items():
        values = {match.lower().replace(".", "") for match in re.findall(pattern, output, re.M)}
        found[variable] = " and ".join(sorted(values)) or "unknown"
    return found


def numpy_features() -> tuple[str, ...]:
    """The processor features for which this build of numpy has code of its own."""
    return tuple(_multiarray().__cpu_dispatch__)


def _multiarray() -> Any:
    try:
        return importlib.import_module("numpy._core._multiarray_umath")
    except ImportError:  # numpy 1
        return importlib.import_module("numpy.core._multiarray_umath")


def _openblas_cores() -> Iterator[str]:
    """One for numpy's copy of OpenBLAS, one for scipy's."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    for path in sorted({line.split()[-1] for line in lines if "openblas" in line}):
        library = ctypes.CDLL(path)
        for name in CORE_NAMES:
            if hasattr(library, name):
                function = getattr(library, name)
                function.restype = ctypes.c_char_p
                yield function().decode()


def main() -> None:
    """Print the facts, and make MKL and oneDNN print theirs."""
    import scipy.linalg  # noqa: F401 (loads its own OpenBLAS)
    import torch

    features = _multiarray().__cpu_features__
    print("aten", torch.backends.cpu.get_cpu_capability())
    print("threads", torch.get_num_threads())
    print("numpy without", ",".join(name for name in numpy_features() if not features[name]))
    for core in _openblas_cores():
        print("openblas", core)
    print(end="", flush=True)
    torch.ones(8, 8) @ torch.ones(8, 8)
    image, kernel = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3)
    torch.mkldnn_convolution(image, kernel, None, [0, 0], [1, 1], [1, 1], 1)


if __name__ == "__main__":
    main()
