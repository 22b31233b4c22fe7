"""The output directory of a training: what it was begun with, and what is written when it ends."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hybrid_kd.archives.pdf_counts import write_pdf_counts
from hybrid_kd.config import option_defaults, options_to_dict, read_yaml, write_yaml
from hybrid_kd.distill.teachers import RunningTeacher, StoredTeacher
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.json_files import write_json
from hybrid_kd.log_file import about_directory
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.model_dir import (
    FINAL,
    copy_alignment_files,
    final_network_file,
    save_networks,
)
from hybrid_kd.network.nnet1 import write_feature_transform
from hybrid_kd.network.uncertainty import save_uncertainty_head
from hybrid_kd.provenance import collect_provenance, refuse_differences, sha256_of_file
from hybrid_kd.run_record import CONFIG, PROVENANCE, recorded, refuse_other_options
from hybrid_kd.training.averaging import forget_epochs
from hybrid_kd.training.distributed import World
from hybrid_kd.training.inputs import Inputs
from hybrid_kd.training.loop import CHECKPOINT
from hybrid_kd.training.options import TrainOptions
from hybrid_kd.training.pretraining import RBM_CHECKPOINT
from hybrid_kd.training.teachers import SAME_IDS

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

NOT_COMPARED = frozenset({"config", "num_threads"})  # may change between two runs of one training


def check_begun_with(options: TrainOptions) -> None:
    """Raises: HybridKdError if the directory was begun with other options."""
    path = options.out / CONFIG
    if path.is_file():
        defaults = option_defaults(TrainOptions)
        refuse_other_options(path, read_yaml(path), _compared(options), defaults=defaults)


def begin(options: TrainOptions, inputs: Inputs, world: World) -> None:
    """Write what describes the training before it starts; on a directory that was begun, compare.

    Raises: HybridKdError if it was begun with other inputs, or if the processes do not have the same.
    """
    provenance = _provenance(options, inputs)
    _refuse_other_ranks(options, provenance["inputs"], world)
    if not world.is_first:
        return
    provenance["processes"] = world.size
    path = options.out / PROVENANCE
    if path.is_file():
        refuse_differences(path, recorded(path, "inputs"), provenance["inputs"])
        return
    copy_alignment_files(options.train_ali, options.out)
    counts = np.bincount(inputs.train.pdf_ali.cpu().numpy(), minlength=inputs.num_pdfs)
    write_pdf_counts(options.out / "ali_train_pdf.counts", counts + 0.5)
    write_yaml(options.out / CONFIG, options_to_dict(options))
    write_json(path, provenance)


def finish(directory: Path, network: Dnn, splice: Splice) -> None:
    """Write the network; final.safetensors comes last and says that training has ended."""
    write_feature_transform(directory / "feature_transform", network, splice)
    if network.uncertainty is not None:
        save_uncertainty_head(directory, network.uncertainty)
    save_networks(directory / FINAL, (network,), splice)
    (directory / CHECKPOINT).unlink(missing_ok=True)
    (directory / RBM_CHECKPOINT).unlink(missing_ok=True)
    forget_epochs(directory)
    sha256 = sha256_of_file(directory / FINAL)
    logger.info("%s: trained, sha256 %s", directory / FINAL, sha256[:12], extra=about_directory(directory))


def _compared(options: TrainOptions) -> dict[str, Any]:
    return {name: value for name, value in options_to_dict(options).items() if name not in NOT_COMPARED}


def _refuse_other_ranks(options: TrainOptions, inputs: dict[str, Any], world: World) -> None:
    compared = _compared(options) | inputs
    first = world.by_first(lambda: compared)
    if names := [name for name in compared if compared[name] != first.get(name)]:
        differences = ", ".join(f"{name} is {compared[name]}, there {first.get(name)}" for name in names)
        raise HybridKdError.at(
            f"process {world.rank} of {world.size}",
            f"begun differently than process 0: {differences}",
            fix="start torchrun on every host with the same options, and the same data in the same places",
        )


def _provenance(options: TrainOptions, inputs: Inputs) -> dict[str, Any]:
    files = {"final.mdl": options.train_ali / "final.mdl"}
    if options.init is not None:
        files["init"] = final_network_file(options.init)
    files |= _numbered("teacher", [final_network_file(teacher) for teacher in options.teacher])
    files |= _numbered("utt_map", [utt_map for utt_map in options.utt_map if utt_map != SAME_IDS])
    provenance = collect_provenance(files)
    provenance["inputs"] |= {"train_frames": inputs.train.sha256, "dev_frames": inputs.dev.sha256}
    teachers = () if inputs.teachers is None else inputs.teachers.members
    stored = [teacher.store.header.sha256 for teacher in teachers if isinstance(teacher, StoredTeacher)]
    provenance["inputs"] |= _numbered("teacher_labels", stored)
    if options.teacher_data:
        seen = [teacher.inputs.sha256 for teacher in teachers if isinstance(teacher, RunningTeacher)]
        provenance["inputs"] |= _numbered("teacher_frames", seen)
    return provenance


def _numbered(name: str, values: Sequence[Value]) -> dict[str, Value]:
    """``name``, ``name 2``, ...: one for each teacher."""
    return {name if number == 1 else f"{name} {number}": v for number, v in enumerate(values, start=1)}
