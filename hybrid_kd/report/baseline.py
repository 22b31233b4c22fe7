"""Puts beside each decoding of a system its paired bootstrap against the same decoding of the baseline."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json
from hybrid_kd.report.records import AgainstBaseline, DecodeResult, SystemResult
from hybrid_kd.scoring.compare import group_by_clean_utterance, paired_bootstrap
from hybrid_kd.scoring.options import CompareOptions
from hybrid_kd.scoring.score_dir import PER_UTT, SCORE
from hybrid_kd.scoring.utterance_scores import read_utterance_scores
from hybrid_kd.scoring.word_errors import POINTS

logger = logging.getLogger(__name__)


def compare_with_baseline(exp: Path, systems: Sequence[SystemResult], baseline: str) -> list[SystemResult]:
    """Fill in ``against_baseline`` of every whole set that the baseline was decoded on in the same way.

    Raises: HybridKdError if the baseline is not among the systems, or was scored with another reference.
    """
    if not systems:
        return []
    by_name = {name: system for system in systems for name in (system.system, *system.aliases)}
    if baseline not in by_name:
        names = ", ".join(system.system for system in systems)
        raise HybridKdError.at(
            "--baseline",
            f"no finished system '{baseline}' in {exp}",
            fix=f"finish it, or take one of {names}",
        )
    base = by_name[baseline]
    return [
        system
        if system is base
        else replace(system, decodes=[_compared(exp, base, system, decode) for decode in system.decodes])
        for system in systems
    ]


def decoding_of(decode: DecodeResult) -> tuple[Any, ...]:
    """All that two decodings must share if their WERs are to be compared."""
    return (
        *(decode.set_name, decode.tuned_on),
        *(decode.decoder_program, decode.decoder_version, decode.acoustic_scale),
        *(decode.beam, decode.lattice_beam),
    )


def _compared(exp: Path, base: SystemResult, system: SystemResult, decode: DecodeResult) -> DecodeResult:
    if not decode.is_whole_set:
        return decode
    for other in base.decodes:
        if other.is_whole_set and decoding_of(other) == decoding_of(decode):
            directories = exp / base.system / other.directory, exp / system.system / decode.directory
            return replace(decode, against_baseline=_bootstrap(base.system, *directories))
    logger.info("%s/%s: %s was not decoded like this", system.system, decode.directory, base.system)
    return decode


def _bootstrap(baseline: str, directory_a: Path, directory_b: Path) -> AgainstBaseline:
    directories = directory_a, directory_b
    scores_a, scores_b = (
        sorted(read_utterance_scores(directory / PER_UTT), key=lambda utterance: utterance.utt_id)
        for directory in directories
    )
    if [(one.utt_id, one.reference) for one in scores_a] != [(one.utt_id, one.reference) for one in scores_b]:
        raise HybridKdError.at(
            directory_b,
            f"other utterances or another reference than {directory_a}",
            fix="decode and score both from the same data directory",
        )
    points = (_read_point(directory / SCORE) for directory in directories)
    errors, words = group_by_clean_utterance(scores_a, scores_b, *points)
    comparison = paired_bootstrap(
        errors, words, num_replicates=CompareOptions.num_replicates, seed=CompareOptions.seed
    )
    return AgainstBaseline(
        baseline,
        comparison.difference,
        comparison.relative,
        comparison.low,
        comparison.high,
        comparison.p_value,
        comparison.num_groups,
        comparison.num_replicates,
    )


def _read_point(path: Path) -> int:
    point = read_json(path).get("point")
    if not isinstance(point, int) or not 0 <= point < len(POINTS):
        raise HybridKdError.at(path, f"no scoring point {point!r}", fix="run `hybrid-kd score` on it again")
    return point
