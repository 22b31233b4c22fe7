"""``hybrid-kd train-together``."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True)
class Options:
    """Train students of one shape side by side: on the same minibatches, each as if it were alone.

    Each has its own labels, temperatures, learning rates, initial network and end; all share data, teacher,
    shape and the order of frames (--order-seed where their seeds differ). The same command continues.
    """

    systems: Positional[Path]
    """list of systems: lines '<name> <options of hybrid-kd train>', where EXP stands for --exp"""
    exp: Path
    """directory that each system's directory, named as it is, lies in"""
    opts: str = ""
    """options that all have; written with =, as --opts='--train-data data/tr --train-ali exp/ali ...'"""


def run(options: Options) -> None:
    """Train them."""
    from hybrid_kd.training.system import train_together
    from hybrid_kd.training.system_list import read_system_list

    train_together(read_system_list(options.systems, exp=options.exp, opts=options.opts))
