"""``hybrid-kd ensemble``."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True)
class Options:
    """Make one model of several networks: its posterior is the mean of theirs; it labels and decodes."""

    models: Positional[tuple[Path, ...]]
    """model directories, trained on the same alignment"""
    out: Path
    """directory of the model that they make together"""


def run(options: Options) -> None:
    """Write the ensemble."""
    from hybrid_kd.errors import HybridKdError
    from hybrid_kd.network.ensemble import make_ensemble

    if len(options.models) < 2:
        raise HybridKdError.at("hybrid-kd ensemble", "needs two models or more", fix="name their directories")
    make_ensemble(options.models, options.out)
