"""What a stopped training needs to go on and end with the same bits: one file, written atomically.

The file is a safetensors file: the accepted network, the optimiser's momentum, and as metadata the
state of the schedule and the records of all epochs. The log of a run is rewritten from it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.training.newbob import NewbobState


@dataclass(frozen=True)
class TrainingState:
    """After ``epoch`` epochs: 0 is before the first. records: the lines of train.jsonl."""

    epoch: int
    newbob: NewbobState
    records: tuple[dict[str, Any], ...]


def save_checkpoint(path: Path, state: TrainingState, tensors: dict[str, Tensor]) -> None:
    """Write the state and what ``Learner.state`` gave."""
    on_cpu = {name: value.contiguous().cpu() for name, value in tensors.items()}
    with replace_file(path) as file:
        file.write(save_safetensors(on_cpu, {"state": json.dumps(asdict(state))}))


def load_checkpoint(path: Path) -> tuple[TrainingState, dict[str, Tensor]]:
    """Read what ``save_checkpoint`` wrote.

    Raises: HybridKdError if the file is broken.
    """
    try:
        with safe_open(path, framework="pt") as file:
            content = json.loads((file.metadata() or {})["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        newbob = NewbobState(**content["newbob"])
        state = TrainingState(content["epoch"], newbob, tuple(content["records"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise HybridKdError.at(
            path, f"broken checkpoint: {error}", fix="delete the output directory and train again"
        ) from error
    return state, tensors
