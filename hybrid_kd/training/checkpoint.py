"""What a stopped training needs to go on and end with the same bits: one file, written atomically.

The file is a safetensors file: the accepted network, the optimiser's momentum, and as metadata the
state of the schedule and the records of all epochs. The log of a run is rewritten from it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import build_record, parse_json
from hybrid_kd.network.tensor_file import load_tensors, write_state
from hybrid_kd.training.newbob import NewbobState


@dataclass(frozen=True)
class TrainingState:
    """After ``epoch`` epochs: 0 is before the first. records: the lines of train.jsonl."""

    epoch: int
    newbob: NewbobState
    records: tuple[dict[str, Any], ...]


def save_checkpoint(path: Path, state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    """Write the state and what ``Learner.state`` gave."""
    write_state(path, tensors, {"state": json.dumps(asdict(state))})


def load_checkpoint(path: Path) -> tuple[TrainingState, dict[str, Tensor]]:
    """Read what ``save_checkpoint`` wrote.

    Raises: HybridKdError if the file is broken or damaged, or its training had diverged.
    """
    try:
        tensors, metadata = load_tensors(path)
        state = build_record(TrainingState, parse_json(metadata.get("state", "null")))
        if not math.isfinite(state.newbob.best_loss):
            raise ValueError(f"the dev cross-entropy is {state.newbob.best_loss}")
    except ValueError as error:
        raise broken_checkpoint(path, error) from error
    return state, tensors


def broken_checkpoint(path: Path, error: Exception) -> HybridKdError:
    """The error of a checkpoint that no training can continue from."""
    fix = "delete the output directory and train again"
    return HybridKdError.at(path, f"broken checkpoint: {error}", fix=fix)
