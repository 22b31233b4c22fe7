"""The output directory of a training: what it was begun with, and what is written when it ends."""

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.archives.pdf_counts import write_pdf_counts
from hybrid_kd.config import options_to_dict, read_yaml, write_yaml
from hybrid_kd.distill.label_store import read_label_store
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.model_dir import (
    FINAL,
    copy_alignment_files,
    final_network_file,
    save_networks,
    write_feature_transform,
)
from hybrid_kd.provenance import collect_provenance, refuse_differences, sha256_of_file
from hybrid_kd.training.inputs import Inputs
from hybrid_kd.training.loop import CHECKPOINT
from hybrid_kd.training.options import TrainOptions
from hybrid_kd.training.pretraining import RBM_CHECKPOINT

logger = logging.getLogger(__name__)

CONFIG = "config.yaml"
PROVENANCE = "provenance.json"
NOT_COMPARED = frozenset({"config", "num_threads"})  # may change between two runs of one training


def check_begun_with(options: TrainOptions) -> None:
    """Raises: HybridKdError if the directory was begun with other options."""
    path = options.out / CONFIG
    if path.is_file():
        # An option that is newer than the run had its default then.
        begun_with = {field.name: field.default for field in fields(TrainOptions)} | read_yaml(path)
        now = options_to_dict(options)
        names = [name for name in now if name not in NOT_COMPARED]
        refuse_differences(path, {n: begun_with[n] for n in names}, {n: now[n] for n in names})


def begin(options: TrainOptions, inputs: Inputs) -> None:
    """Write what describes the training before it starts; on a directory that was begun, compare.

    Raises: HybridKdError if it was begun with other inputs.
    """
    provenance = _provenance(options, inputs)
    path = options.out / PROVENANCE
    if path.is_file():
        refuse_differences(path, read_json(path)["inputs"], provenance["inputs"])
        return
    copy_alignment_files(options.train_ali, options.out)
    counts = np.bincount(inputs.train.pdf_ali.cpu().numpy(), minlength=inputs.num_pdfs)
    write_pdf_counts(options.out / "ali_train_pdf.counts", counts + 0.5)
    write_yaml(options.out / CONFIG, options_to_dict(options))
    write_json(path, provenance)


def finish(directory: Path, network: Dnn, splice: Splice) -> None:
    """Write the network; final.safetensors comes last and says that training has ended."""
    write_feature_transform(directory / "feature_transform", network, splice)
    save_networks(directory / FINAL, (network,), splice)
    (directory / CHECKPOINT).unlink(missing_ok=True)
    (directory / RBM_CHECKPOINT).unlink(missing_ok=True)
    logger.info("%s: trained, sha256 %s", directory / FINAL, sha256_of_file(directory / FINAL)[:12])


def _provenance(options: TrainOptions, inputs: Inputs) -> dict[str, Any]:
    files = {"final.mdl": options.train_ali / "final.mdl"}
    if options.init is not None:
        files["init"] = final_network_file(options.init)
    if options.teacher is not None:
        files["teacher"] = final_network_file(options.teacher)
    provenance = collect_provenance(files)
    provenance["inputs"] |= {"train_frames": inputs.train.sha256(), "dev_frames": inputs.dev.sha256()}
    if options.teacher_labels is not None:
        provenance["inputs"]["teacher_labels"] = read_label_store(options.teacher_labels).header.sha256
    return provenance
