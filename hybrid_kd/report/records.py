"""What is known of a finished system: a line of results/<experiment>.jsonl.

The files are committed, so that RESULTS.md can be made where no experiment lies on disk.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError

ITSELF = "itself"  # tuned_on, where the scoring point was chosen on the set that is scored
Record = TypeVar("Record")


@dataclass(frozen=True)
class AgainstBaseline:
    """Paired bootstrap against the baseline: WER - baseline's WER, so that a negative difference is better.

    difference, low, high (95 % interval): % absolute; relative: % of the baseline's WER; p_value: two-sided.
    """

    baseline: str
    difference: float
    relative: float
    low: float
    high: float
    p_value: float
    num_groups: int
    num_replicates: int


@dataclass(frozen=True)
class DecodeResult:
    """One scored decode directory. WERs in %; a real-time factor is seconds a second of speech.

    tuned_on: where LM weight and insertion penalty were chosen (a set, or ITSELF). The own best WER is at the
    point (LMWT_WIP) that is best for this set. is_whole_set: not a part that was decoded to compare beams.
    """

    directory: str
    set_name: str
    is_whole_set: bool
    num_utterances: int
    decoder: str
    decoder_program: str
    decoder_version: str | None
    acoustic_scale: float | None
    beam: float | None
    lattice_beam: float | None
    tuned_on: str
    lm_weight: int
    word_ins_penalty: float
    wer: float
    errors: int
    words: int
    environments: dict[str, float]
    own_best_point: str
    own_best_wer: float
    num_partial: int | None
    real_time_factor_search: float | None
    real_time_factor_network: float | None
    real_time_factor_wall: float | None
    against_baseline: AgainstBaseline | None = None


@dataclass(frozen=True)
class SystemResult:
    """One system. kind: network, ensemble or Kaldi; training: what it was trained with, where that matters.

    dev_cross_entropy (nats a frame) and dev_frame_accuracy (0 to 1) are those of the network that was kept.
    train_frames: of one epoch. aliases: names in the experiment's directory that link to it.
    """

    experiment: str
    system: str
    aliases: list[str]
    kind: str
    network: str
    parameters: int | None
    training: dict[str, Any]
    train_data: str | None
    dev_data: str | None
    train_frames: int | None
    epochs: int | None
    train_seconds: float | None
    dev_cross_entropy: float | None
    dev_frame_accuracy: float | None
    commit: str | None
    uncommitted_changes: bool | None
    decodes: list[DecodeResult]


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
            contents.append(json.loads(line))
        except ValueError as error:
            raise HybridKdError.at(
                path, f"line {number} is not JSON: {error}", fix="write it again"
            ) from error
        if not isinstance(contents[-1], dict):
            raise HybridKdError.at(path, f"line {number} is not a JSON object", fix="write it again")
    return contents


def read_results(path: Path) -> list[SystemResult]:
    """Read results/<experiment>.jsonl.

    Raises: HybridKdError that names the line and what is wrong in it.
    """
    results = []
    for number, content in enumerate(read_json_lines(path), start=1):
        try:
            results.append(_system_from_json(content))
        except ValueError as error:
            fix = "restore it from git, or delete the line and collect the system again"
            raise HybridKdError.at(path, f"line {number}: {error}", fix=fix) from error
    return results


def merge_results(kept: Sequence[SystemResult], collected: Sequence[SystemResult]) -> list[SystemResult]:
    """Put collected systems in the place of their older lines, new ones at the end; the others are kept."""
    by_name = {(result.experiment, result.system): result for result in kept}
    by_name |= {(result.experiment, result.system): result for result in collected}
    return list(by_name.values())


def write_results(path: Path, results: Sequence[SystemResult]) -> None:
    """Write one line a system, atomically."""
    with replace_file(path, "w") as file:
        file.writelines(json.dumps(asdict(result)) + "\n" for result in results)


def _system_from_json(content: dict[str, Any]) -> SystemResult:
    decodes = content.get("decodes")
    built = [_decode_from_json(decode) for decode in decodes] if isinstance(decodes, list) else decodes
    return _build(SystemResult, content | {"decodes": built})


def _decode_from_json(content: Any) -> DecodeResult:
    against = content.get("against_baseline") if isinstance(content, dict) else None
    built = None if against is None else _build(AgainstBaseline, against)
    return _build(DecodeResult, content if built is None else content | {"against_baseline": built})


def _build(record_class: type[Record], content: Any) -> Record:
    """Raises: ValueError for a key that is missing or unknown, or a value of another type."""
    if not isinstance(content, dict):
        raise ValueError(f"not a JSON object: {content!r}")
    hints = get_type_hints(record_class)
    if different := sorted(hints.keys() ^ content.keys()):
        problem = "missing" if different[0] in hints else "unknown"
        raise ValueError(f"{problem} key '{different[0]}'")
    for name, hint in hints.items():
        if not _fits(content[name], hint):
            raise ValueError(f"key '{name}' is {content[name]!r}")
    return record_class(**content)


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, kind) for kind in get_args(hint))
    kind = get_origin(hint) or hint
    return isinstance(value, (int, float) if kind is float else kind)
