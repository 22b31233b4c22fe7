"""All that results/<experiment>.jsonl keeps of an experiment's directory; what takes long is kept there too.

``dev_posteriors.json`` in a model's directory and ``statistics.json`` in a label store's hold what was
measured, with the sha256 of what it was measured on.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hybrid_kd.config import listed, read_yaml
from hybrid_kd.distill.label_header import HEADER, read_label_header
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json
from hybrid_kd.network.uncertainty import UNCERTAINTY
from hybrid_kd.provenance import sha256_of_file
from hybrid_kd.report.collect import find_system
from hybrid_kd.report.frame_groups import snr_file
from hybrid_kd.report.measured_once import measured_once, measured_record
from hybrid_kd.report.record_file import merge_studies, read_study, write_study
from hybrid_kd.report.records import (
    DevPosteriors,
    ExampleRecord,
    LabelsRecord,
    SetRecord,
    Study,
    SystemResult,
)
from hybrid_kd.report.teacher_agreement import read_agreements
from hybrid_kd.run_record import CONFIG, PROVENANCE
from hybrid_kd.scoring.scored_dir import read_set_scores

logger = logging.getLogger(__name__)

DEV_POSTERIORS, STATISTICS = "dev_posteriors.json", "statistics.json"
VERSION = 1  # of what is measured


def add_finished(results: Path, system_dir: Path) -> SystemResult:
    """Put one finished system, decoded and scored, into a results file, which need not exist.

    Raises: HybridKdError as find_systems, or if its sets are others than those of the file.
    """
    kept = read_study(results) if results.is_file() else Study()
    study = complete_study(system_dir.parent, [find_system(system_dir)])
    write_study(results, merge_studies(kept, study, path=results))
    return study.systems[0]


def complete_study(exp: Path, systems: Sequence[SystemResult]) -> Study:
    """Put beside systems of ``exp`` all else that is known.

    Raises: HybridKdError if decodings of a set are of different utterances.
    """
    sets = read_sets(exp, systems)
    examples: dict[str, ExampleRecord] = {}
    measured = []
    for system in systems:
        example, posteriors = read_dev_posteriors(exp, system) or (None, None)
        measured.append(replace(system, dev_posteriors=posteriors))
        if example is not None:
            examples.setdefault(example.utt_id, example)
    labels, agreements = _read_labels(exp, systems), read_agreements(exp, systems)
    return Study(measured, sets, labels, next(iter(examples.values()), None), agreements)


def read_sets(exp: Path, systems: Sequence[SystemResult]) -> list[SetRecord]:
    """The utterances of every whole set that a system's errors are told of.

    Raises: HybridKdError if two decodings of one set have other utterances or references.
    """
    sets: dict[str, SetRecord] = {}
    for system in systems:
        for decode in system.decodes:
            if decode.errors_by_utterance is None:
                continue
            path = exp / system.system / decode.directory
            record = _read_set(path, decode.set_name)
            if sets.setdefault(decode.set_name, record) != record:
                problem = f"other utterances or references of {decode.set_name} than in other systems"
                raise HybridKdError.at(path, problem, fix="decode and score all systems on the same data")
    return [sets[name] for name in sorted(sets)]


def _read_set(decode_dir: Path, set_name: str) -> SetRecord:
    utterances = sorted(read_set_scores(decode_dir).utterances, key=lambda utterance: utterance.utt_id)
    return SetRecord(set_name, [u.utt_id for u in utterances], [u.num_ref_words for u in utterances])


def read_dev_posteriors(exp: Path, system: SystemResult) -> tuple[ExampleRecord, DevPosteriors] | None:
    """Measured now, or before; None where there is no network or the dev data are gone or changed."""
    path = exp / system.system
    member = _trained_member(path, system)
    if member is None:
        return None
    inputs = read_json(member / PROVENANCE).get("inputs", {})
    key = {"version": VERSION, "model": system.model_sha256, "dev_frames": inputs.get("dev_frames")}
    key |= _key_of_uncertainty(path)
    file = path / DEV_POSTERIORS
    content = measured_once(file, key, lambda: _measure(path, member, key["dev_frames"]))
    if content is None:
        return None
    example = measured_record(file, content, "example", ExampleRecord)
    return example, measured_record(file, content, "posteriors", DevPosteriors)


def _key_of_uncertainty(path: Path) -> dict[str, str]:
    """Of what is measured besides, if there is a head: by it, and by the table of signal-to-noise ratios."""
    if not (path / UNCERTAINTY).is_file():
        return {}
    table = snr_file(Path(read_yaml(path / CONFIG)["dev_data"]))
    snr = {} if table is None else {"snr": sha256_of_file(table)}
    return {"uncertainty": sha256_of_file(path / UNCERTAINTY), **snr}


def _trained_member(path: Path, system: SystemResult) -> Path | None:
    """The system itself, or the first network of an ensemble."""
    if system.kind == "network" and system.learning_curve is not None:
        return path
    if system.kind != "ensemble":
        return None
    name = Path(system.training["ensemble_of"][0])
    member = path.parent / name if len(name.parts) == 1 else name
    return member if (member / PROVENANCE).is_file() and (member / CONFIG).is_file() else None


def _measure(path: Path, member: Path, dev_frames: str | None) -> dict[str, Any] | None:
    from hybrid_kd.network.model_dir import load_model
    from hybrid_kd.report.dev_posteriors import dev_set_of, measure_dev_posteriors

    dev = dev_set_of(member, dev_frames)
    if dev is None:
        return None
    logger.info("%s: measuring its posteriors over %s", path, dev.data_dir)
    return {
        "example": asdict(dev.example),
        "posteriors": asdict(measure_dev_posteriors(load_model(path), dev)),
    }


def _read_labels(exp: Path, systems: Sequence[SystemResult]) -> list[LabelsRecord]:
    """The label stores that systems were trained with, and that are still there."""
    users: dict[str, SystemResult] = {}
    for system in systems:
        for store in listed(system.config.get("teacher_labels")):
            users.setdefault(store, system)
    found = []
    for store, system in users.items():
        path = Path(store)
        if not (path / HEADER).is_file():
            logger.warning("%s: its label store %s is not there any more", system.system, store)
            continue
        key = {"version": VERSION, "sha256": read_label_header(path).sha256}
        content = measured_once(path / STATISTICS, key, lambda: _measure_labels(exp, path, system))  # noqa: B023
        if content is not None:
            found.append(measured_record(path / STATISTICS, content, "labels", LabelsRecord))
    return found


def _measure_labels(exp: Path, store: Path, system: SystemResult) -> dict[str, Any]:
    from hybrid_kd.report.dev_posteriors import dev_set_of
    from hybrid_kd.report.label_statistics import measure_labels

    path = exp / system.system
    logger.info("%s: measuring its labels", store)
    same_view = Path(read_label_header(store).data).name == system.train_data
    dev = None
    if same_view and not read_yaml(path / CONFIG).get("utt_map"):
        dev = dev_set_of(path, read_json(path / PROVENANCE).get("inputs", {}).get("dev_frames"))
    return {"labels": asdict(measure_labels(store, dev))}
