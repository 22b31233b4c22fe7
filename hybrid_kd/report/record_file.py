"""Reads, merges and writes results/<experiment>.jsonl."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import build_record, parse_json
from hybrid_kd.report.record_checks import check_record
from hybrid_kd.report.records import (
    ExampleRecord,
    LabelsRecord,
    Record,
    SetRecord,
    Study,
    SystemResult,
)
from hybrid_kd.report.uncertainty_records import AgreementRecord

RECORD_CLASSES: dict[str, type[Record]] = {
    record_class.kind: record_class
    for record_class in (SetRecord, LabelsRecord, ExampleRecord, AgreementRecord)
}


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line.

    Raises: HybridKdError that names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HybridKdError.at(path, f"cannot be read: {error}", fix="check the path") from error
    contents = []
    for number, line in enumerate(lines, start=1):
        try:
            contents.append(parse_json(line))
        except ValueError as error:
            raise HybridKdError.at(
                path, f"line {number} is not JSON: {error}", fix="write it again"
            ) from error
        if not isinstance(contents[-1], dict):
            raise HybridKdError.at(path, f"line {number} is not a JSON object", fix="write it again")
    return contents


def read_study(path: Path) -> Study:
    """Read results/<experiment>.jsonl.

    Raises: HybridKdError that names the line and what is wrong in it.
    """
    records = []
    for number, content in enumerate(read_json_lines(path), start=1):
        try:
            records.append(check_record(_from_json(content)))
        except ValueError as error:
            fix = "restore it from git, or delete the line and collect the system again"
            raise HybridKdError.at(path, f"line {number}: {error}", fix=fix) from error
    study = Study(
        [record for record in records if isinstance(record, SystemResult)],
        [record for record in records if isinstance(record, SetRecord)],
        [record for record in records if isinstance(record, LabelsRecord)],
        next((record for record in records if isinstance(record, ExampleRecord)), None),
        [record for record in records if isinstance(record, AgreementRecord)],
    )
    _check_lengths(path, study)
    return study


def merge_studies(kept: Study, collected: Study, *, path: Path) -> Study:
    """Put what was collected in the place of its older lines, new lines at the end of their kind.

    Raises: HybridKdError, naming ``path``, if a set or the example is not what it was: systems that stand
    there were measured on the other one.
    """
    sets = {record.set_name: record for record in kept.sets}
    for record in collected.sets:
        if sets.setdefault(record.set_name, record) != record:
            raise _changed(path, f"has other utterances or references in {record.set_name}")
    example = kept.example or collected.example
    if collected.example not in (None, example):
        raise _changed(path, f"has another example than {collected.example}")
    labels = {record.name: record for record in [*kept.labels, *collected.labels]}
    systems = {(result.experiment, result.system): result for result in [*kept.systems, *collected.systems]}
    agreements = {(each.first, each.second): each for each in [*kept.agreements, *collected.agreements]}
    return Study(
        *(list(systems.values()), list(sets.values()), list(labels.values()), example),
        agreements=list(agreements.values()),
    )


def write_study(path: Path, study: Study) -> None:
    """Write one line a record, atomically."""
    with replace_file(path, "w") as file:
        for record in study.records():
            file.write(json.dumps(_to_json(record), separators=(",", ":")) + "\n")


def _changed(path: Path, problem: str) -> HybridKdError:
    return HybridKdError.at(path, problem, fix="give another --out, or delete it and collect all of it again")


def _check_lengths(path: Path, study: Study) -> None:
    lengths = {record.set_name: len(record.utt_ids) for record in study.sets}
    for system in study.systems:
        for decode in system.decodes:
            for errors in (decode.errors_by_utterance, *(decode.errors_elsewhere or {}).values()):
                if errors is not None and len(errors) != lengths.get(decode.set_name):
                    there = lengths.get(decode.set_name, "no")
                    problem = (
                        f"{system.system}, {decode.directory}: errors of {len(errors)} utterances, {there} of"
                    )
                    fix = "restore the file from git, or collect the systems again"
                    raise HybridKdError.at(path, f"{problem} {decode.set_name}", fix=fix)


def _to_json(record: Record) -> dict[str, Any]:
    """What few systems have is left out of the lines of the others."""
    if isinstance(record, SystemResult):
        content = asdict(record)
        for decode in content["decodes"]:
            if decode["errors_elsewhere"] is None:
                del decode["errors_elsewhere"]
            if decode["logit_scale"] == 1:
                del decode["logit_scale"]
        posteriors = content["dev_posteriors"]
        if posteriors is not None and posteriors["uncertainty"] is None:
            del posteriors["uncertainty"]
        return content
    return {"kind": record.kind, **asdict(record)}


def _from_json(content: dict[str, Any]) -> Record:
    kind = content.get("kind")
    if isinstance(kind, str) and kind in RECORD_CLASSES:
        return build_record(RECORD_CLASSES[kind], {name: content[name] for name in content if name != "kind"})
    return build_record(SystemResult, content)
