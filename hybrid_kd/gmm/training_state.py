"""What a training stage is between two iterations, and its checkpoint: one safetensors file beside ``tree``.

Numbers are kept in float64, so that a stage that was stopped ends with the bits of one that was not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64, Int32
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hybrid_kd.archives.context_tree import ContextTree, read_context_tree, write_context_tree
from hybrid_kd.archives.topology import Topology
from hybrid_kd.archives.transition_model import TransitionModel, initial_transition_model
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.model import StackedGmm

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class TrainingState:
    """Before ``iteration``. ``alignments`` are by shard; ``matrix`` is LDA + MLLT, ``transforms`` fMLLR."""

    iteration: int
    tree: ContextTree
    model: TransitionModel
    gmm: StackedGmm
    occupancies: Float64[np.ndarray, " pdfs"]
    alignments: tuple[Int32[np.ndarray, " _"], ...]
    failed: dict[str, str] = field(default_factory=dict)  # utterances that are not aligned, and why
    matrix: Float[np.ndarray, "dim columns"] | None = None
    transforms: Mapping[str, Float[np.ndarray, "_ _"]] | None = None


def save_checkpoint(directory: Path, state: TrainingState) -> None:
    """Write ``tree``, then the state."""
    if not (directory / CHECKPOINT).exists():
        write_context_tree(directory / "tree", state.tree)
    arrays = {
        "pdf_of_gaussian": state.gmm.pdf_of_gaussian,
        "weights": state.gmm.weights,
        "means": state.gmm.means,
        "variances": state.gmm.variances,
        "log_probs": state.model.log_probs,
        "occupancies": state.occupancies,
        "transition_ali": np.concatenate(state.alignments),
        "shard_frames": np.array([len(part) for part in state.alignments], np.int64),
    }
    if state.matrix is not None:
        arrays["matrix"] = state.matrix
    if state.transforms is not None:
        arrays["transforms"] = np.stack(list(state.transforms.values()))
    metadata = {
        "iteration": state.iteration,
        "failed": state.failed,
        "speakers": list(state.transforms or {}),
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with replace_file(directory / CHECKPOINT) as file:
        file.write(save(contiguous, {"state": json.dumps(metadata)}))


def load_checkpoint(directory: Path, topology: Topology) -> TrainingState | None:
    """Read what `save_checkpoint` wrote; None where there is none.

    Raises: HybridKdError if a file is broken.
    """
    path = directory / CHECKPOINT
    if not path.is_file():
        return None
    tree = read_context_tree(directory / "tree")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {})["state"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _state(metadata, arrays, tree, topology)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise HybridKdError.at(
            path, f"broken checkpoint: {error}", fix="delete the output directory and train again"
        ) from error


def _state(
    metadata: dict[str, object], arrays: dict[str, np.ndarray], tree: ContextTree, topology: Topology
) -> TrainingState:
    names = ("pdf_of_gaussian", "weights", "means", "variances")
    gmm = StackedGmm.from_parts(*(arrays[name] for name in names), num_pdfs=tree.num_pdfs)
    model = replace(initial_transition_model(topology, tree), log_probs=arrays["log_probs"])
    cuts = np.cumsum(arrays["shard_frames"])[:-1]
    iteration, failed, speakers = (metadata[name] for name in ("iteration", "failed", "speakers"))
    if not (isinstance(iteration, int) and isinstance(failed, dict) and isinstance(speakers, list)):
        raise TypeError("iteration, failed or speakers is of another type")
    transforms = arrays.get("transforms")
    return TrainingState(
        iteration=iteration,
        tree=tree,
        model=model,
        gmm=gmm,
        occupancies=arrays["occupancies"],
        alignments=tuple(np.split(arrays["transition_ali"], cuts)),
        failed=failed,
        matrix=arrays.get("matrix"),
        transforms=None if transforms is None else dict(zip(speakers, transforms, strict=True)),
    )
