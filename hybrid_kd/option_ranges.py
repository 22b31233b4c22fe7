"""Ranges of a command's numeric options: checked in one place, before anything is read or written."""

from collections.abc import Mapping
from typing import Any

from hybrid_kd.errors import HybridKdError

Ranges = Mapping[str, tuple[int | float, int | float]]  # smallest and largest value, by the option's name

NUM_THREADS = (0, 4096)  # of --num-threads, where 0 leaves the number to torch


def check_ranges(options: Any, ranges: Ranges) -> None:
    """Check each named field of a dataclass of options; None passes, of several values each is checked.

    Raises: HybridKdError that names the flag, for a value out of its range or NaN.
    """
    for name, (low, high) in ranges.items():
        value = getattr(options, name)
        for item in value if isinstance(value, tuple) else (value,):
            if item is not None and not low <= item <= high:  # NaN compares false
                problem = f"{item} is out of range"
                raise HybridKdError.at(flag_of(name), problem, fix=f"give {low:.12g} to {high:.12g}")


def flag_of(name: str) -> str:
    """``hidden_dim`` -> ``--hidden-dim``."""
    return "--" + name.replace("_", "-")
