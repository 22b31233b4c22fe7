"""How far the teachers of an experiment agree, where they have uncertainty heads: found, and measured once.

``agreement_<second>.json`` in the first teacher's directory holds it.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from hybrid_kd.config import listed
from hybrid_kd.distill.label_header import HEADER, read_label_header
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.model_dir import FINAL, load_model
from hybrid_kd.network.uncertainty import UNCERTAINTY
from hybrid_kd.provenance import sha256_of_file
from hybrid_kd.report.agreement import measure_agreement
from hybrid_kd.report.collect import name_beside
from hybrid_kd.report.dev_posteriors import dev_set_of
from hybrid_kd.report.measured_once import measured_once, measured_record
from hybrid_kd.report.records import SystemResult
from hybrid_kd.report.uncertainty_records import AgreementRecord

logger = logging.getLogger(__name__)

VERSION = 1  # of what is measured


def read_agreements(exp: Path, systems: Sequence[SystemResult]) -> list[AgreementRecord]:
    """Of each two teachers of these students that see the students' own features, over their dev data."""
    teachers: dict[Path, tuple[Path, SystemResult]] = {}
    for system in systems:
        for teacher in teachers_of(exp, system):
            teachers.setdefault(teacher.resolve(), (teacher, system))
    pairs = combinations([teachers[path] for path in sorted(teachers)], 2)
    found = [_agreement(exp, first, second, student) for (first, _), (second, student) in pairs]
    return [agreement for agreement in found if agreement is not None]


def teachers_of(exp: Path, system: SystemResult) -> list[Path]:
    """The teachers that lie here, have an uncertainty head and hear what their student hears."""
    config = system.config
    if config.get("utt_map") or config.get("teacher_data"):
        return []
    beside = (exp / name if (exp / name).is_dir() else Path(name) for name in listed(config.get("teacher")))
    stores = [Path(store) for store in listed(config.get("teacher_labels"))]
    headers = [read_label_header(store) for store in stores if (store / HEADER).is_file()]
    labelled = (Path(header.teacher) for header in headers if Path(header.data).name == system.train_data)
    return [
        path for path in [*beside, *labelled] if (path / UNCERTAINTY).is_file() and (path / FINAL).is_file()
    ]


def _agreement(exp: Path, first: Path, second: Path, student: SystemResult) -> AgreementRecord | None:
    dev_frames = student.inputs.get("dev_frames")
    key = {"version": VERSION, "first": _key(first), "second": _key(second), "dev_frames": dev_frames}
    file = first / f"agreement_{second.name}.json"
    content = measured_once(file, key, lambda: _measure(first, second, exp / student.system, dev_frames))
    if content is None:
        return None
    first_name, second_name = (name_beside(exp / student.system, str(path)) for path in (first, second))
    agreement = measured_record(file, content, "agreement", AgreementRecord)
    return replace(agreement, first=first_name, second=second_name)


def _key(teacher: Path) -> list[str]:
    return [sha256_of_file(teacher / name) for name in (FINAL, UNCERTAINTY)]


def _measure(first: Path, second: Path, student: Path, dev_frames: str | None) -> dict[str, Any] | None:
    dev = dev_set_of(student, dev_frames)
    if dev is None:
        return None
    inputs = dev.frames.inputs
    logger.info("%s: measuring how far it agrees with %s over %s", first, second, dev.data_dir)
    try:
        models = load_model(first), load_model(second)
        for model in models:
            model.check_features(dev.data_dir, inputs)
        return {"agreement": asdict(measure_agreement(*models, inputs, set_name=dev.data_dir.name))}
    except HybridKdError as error:
        logger.warning("%s and %s are not compared: %s", first, second, error)
        return None
