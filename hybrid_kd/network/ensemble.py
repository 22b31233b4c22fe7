"""Several trained networks as one model: its posterior is the mean of theirs."""

import filecmp
from collections.abc import Sequence
from pathlib import Path

from hybrid_kd.config import write_yaml
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.json_files import write_json
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.model_dir import COUNTS, FINAL, copy_alignment_files, load_networks, save_networks
from hybrid_kd.provenance import collect_provenance


def make_ensemble(model_dirs: Sequence[Path], out: Path) -> None:
    """Write a model directory that holds all the networks; it serves wherever a model does, but for --init.

    Raises: HybridKdError if the models differ in pdfs, context or training alignment (pdf counts).
    """
    networks: list[Dnn] = []
    splices: list[Splice] = []
    for model_dir in model_dirs:
        members, splice = load_networks(model_dir)
        networks += members
        splices.append(splice)
    for model_dir, splice in zip(model_dirs[1:], splices[1:], strict=True):
        same_counts = filecmp.cmp(model_dirs[0] / COUNTS, model_dir / COUNTS, shallow=False)
        if splice != splices[0] or not same_counts:
            raise HybridKdError.at(
                model_dir,
                f"was trained on another alignment or context than {model_dirs[0]}",
                fix="average models of the same training data",
            )
    out.mkdir(parents=True, exist_ok=True)
    copy_alignment_files(model_dirs[0], out, also=(COUNTS,))
    write_yaml(out / "config.yaml", {"ensemble_of": [str(model_dir) for model_dir in model_dirs]})
    files = {f"member {index}": model_dir / FINAL for index, model_dir in enumerate(model_dirs)}
    write_json(out / "provenance.json", collect_provenance(files))
    save_networks(out / FINAL, tuple(networks), splices[0])
