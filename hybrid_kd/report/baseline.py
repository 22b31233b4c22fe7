"""Puts beside each decoding of a system its paired bootstrap against the same decoding of the baseline."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.records import AgainstBaseline, DecodeResult, SystemResult
from hybrid_kd.scoring.compare import read_scored_pair
from hybrid_kd.scoring.options import CompareOptions

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
    program = decode.decoder_program, decode.decoder_version
    return decode.set_name, decode.tuned_on, *program, *decode.search


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
    comparison = read_scored_pair(directory_a, directory_b).compare(
        num_replicates=CompareOptions.num_replicates, seed=CompareOptions.seed
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
