"""WERs of families of students with bootstrap intervals, and differences between them.

The WER of a family is the mean over its seeds. A replicate draws clean utterances within speakers, all
environments of one together (scoring/resampling.py), the same for all systems; it does not draw seeds.

Axis letters: groups = clean utterances; replicates = bootstrap samples; samples = the set itself, then those.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hybrid_kd.report.families import SystemGroup
from hybrid_kd.report.records import ITSELF, DecodeResult, SetRecord, Study, SystemResult
from hybrid_kd.report.tables import Condition, condition_of
from hybrid_kd.scoring.resampling import Groups, draw_within_speakers, group_by_clean_utterance, two_sided_p
from hybrid_kd.scoring.utterances import environment
from hybrid_kd.seeds import numpy_generator

NUM_REPLICATES = 10_000
SEED = 0


@dataclass(frozen=True)
class Sets:
    """Development sets (where choices are made) and evaluation sets, by name."""

    dev: tuple[str, ...]
    eval: tuple[str, ...]


@dataclass(frozen=True)
class Wer:
    """In %: mean over the seeds, its 95 % interval, and each seed's."""

    mean: float
    low: float
    high: float
    by_seed: list[float]


@dataclass(frozen=True)
class Difference:
    """A sum of WERs with signs, in % absolute: its 95 % interval, two-sided p, standard error.

    by_seed: of the seeds that all systems have.
    """

    value: float
    low: float
    high: float
    p_value: float
    standard_error: float
    by_seed: list[float]


@dataclass(frozen=True)
class Rates:
    """WERs in %, of which statistics are made: mean over the seeds in all samples, and of each seed."""

    mean: Float64[np.ndarray, " samples"]
    by_seed: dict[int, float]


@dataclass(frozen=True)
class Side:
    """One or several sets, resampled together, and the condition that they were decoded in.

    point: where errors were counted besides (LMWT_WIP), in place of the point that was chosen; counted: which
    utterances count, all if None. Both leave the draws as they are.
    """

    names: tuple[str, ...]
    tuned_on: str
    condition: Condition
    records: tuple[SetRecord, ...]
    groups: Groups
    words: Int64[np.ndarray, " groups"]
    times_drawn: Float64[np.ndarray, "replicates groups"]
    point: str | None = None
    counted: Bool[np.ndarray, " utterances"] | None = None

    @property
    def num_words(self) -> int:
        return int(self.words.sum())

    def decodes(self, system: SystemResult) -> list[DecodeResult] | None:
        """The decoding of every set, if they are all there."""
        found = [self._decode(system, name) for name in self.names]
        return [decode for decode in found if decode] if all(found) else None

    def _decode(self, system: SystemResult, name: str) -> DecodeResult | None:
        for decode in system.decodes:
            if (
                (decode.set_name, decode.tuned_on) in ((name, self.tuned_on), (name, ITSELF))
                and (decode.tuned_on == self.tuned_on or name in self.tuned_on.split("+"))
                and condition_of(decode) == self.condition
                and self._counts(decode) is not None
            ):
                return decode
        return None

    def _counts(self, decode: DecodeResult) -> list[int] | None:
        if self.point is None:
            return decode.errors_by_utterance
        return (decode.errors_elsewhere or {}).get(self.point)

    def at(self, point: str) -> "Side":
        """The same at another scoring point."""
        return replace(self, point=point)

    def sharpened(self, logit_scale: float) -> "Side":
        """The same where decoding multiplied the logits by this."""
        return replace(self, condition=replace(self.condition, logit_scale=logit_scale))

    def within(self, environments: Collection[str]) -> "Side":
        """The same over the utterances of some environments alone."""
        utt_ids = [utt_id for record in self.records for utt_id in record.utt_ids]
        counted = np.array([environment(utt_id) in environments for utt_id in utt_ids])
        words = np.array([count for record in self.records for count in record.num_words])
        return replace(self, counted=counted, words=self.groups.sum(words * counted))

    def errors(self, system: SystemResult) -> Float64[np.ndarray, " groups"] | None:
        """Word errors of each clean utterance; None if a set is not decoded."""
        decodes = self.decodes(system)
        if decodes is None:
            return None
        counts = np.array([count for decode in decodes for count in self._counts(decode) or ()])
        if self.counted is not None:
            counts = counts * self.counted
        return self.groups.sum(counts).astype(np.float64)

    def has(self, family: SystemGroup | None) -> bool:
        """Whether a seed of the family is decoded."""
        return family is not None and any(self.decodes(system) for system in family.systems)

    def mean_wer(self, family: SystemGroup) -> float:
        """WER in % of a family of which a seed is decoded, without its interval."""
        return self._percent(np.mean(list(self._by_seed(family).values()), axis=0))

    def wer(self, family: SystemGroup) -> Wer:
        """WER of a family of which a seed is decoded."""
        errors = self._by_seed(family)
        mean = np.mean(list(errors.values()), axis=0)
        low, high = np.percentile(self._replicates(mean), [2.5, 97.5])
        return Wer(
            self._percent(mean), float(low), float(high), [self._percent(each) for each in errors.values()]
        )

    def difference(self, terms: Sequence[tuple[float, SystemGroup]]) -> Difference:
        """sum of weight * WER; the weights sum to 0."""
        errors = [(weight, self._by_seed(family)) for weight, family in terms]
        total = np.sum([weight * np.mean(list(seeds.values()), axis=0) for weight, seeds in errors], axis=0)
        shared = sorted(set.intersection(*(set(seeds) for _, seeds in errors)))
        by_seed = [
            self._percent(np.sum([weight * seeds[seed] for weight, seeds in errors], axis=0))
            for seed in shared
        ]
        return _difference(self._percent(total), self._replicates(total), by_seed)

    def rates(self, family: SystemGroup) -> Rates:
        """What ``statistic_of`` takes."""
        errors = self._by_seed(family)
        mean = np.mean(list(errors.values()), axis=0)
        samples = np.concatenate([[self._percent(mean)], self._replicates(mean)])
        return Rates(samples, {seed: self._percent(each) for seed, each in errors.items()})

    def _by_seed(self, family: SystemGroup) -> dict[int, Float64[np.ndarray, " groups"]]:
        found = {system.config.get("seed", 0): self.errors(system) for system in family.systems}
        return {seed: errors for seed, errors in found.items() if errors is not None}

    def _replicates(self, errors: Float64[np.ndarray, " groups"]) -> Float64[np.ndarray, " replicates"]:
        rates: np.ndarray = 100 * (self.times_drawn @ errors) / (self.times_drawn @ self.words)
        return np.round(rates, 9)  # equal systems differ by 0, not by what rounding leaves

    def _percent(self, errors: Float64[np.ndarray, " groups"]) -> float:
        return float(100 * errors.sum() / self.num_words)


def statistic_of(rates: Sequence[Rates], statistic: Callable[..., Any]) -> Difference:
    """Any function of WERs on the same draws; by seed, a family of one system stands beside every seed."""
    value, *replicates = np.round(statistic(*(each.mean for each in rates)), 6).tolist()
    seeds = [set(each.by_seed) for each in rates if len(each.by_seed) > 1] or [set(rates[0].by_seed)]
    by_seed = [
        float(statistic(*(_of_seed(each, seed) for each in rates)))
        for seed in sorted(set.intersection(*seeds))
    ]
    return _difference(value, np.array(replicates), by_seed)


def _of_seed(rates: Rates, seed: int) -> float:
    return next(iter(rates.by_seed.values())) if len(rates.by_seed) == 1 else rates.by_seed[seed]


def _difference(
    value: float, replicates: Float64[np.ndarray, " replicates"], by_seed: list[float]
) -> Difference:
    low, high = np.percentile(replicates, [2.5, 97.5])
    return Difference(
        value, float(low), float(high), two_sided_p(replicates), float(replicates.std()), by_seed
    )


def find_sets(systems: Sequence[SystemResult]) -> Sets:
    """Sets that scoring points were chosen on, and the others that these points were used for."""
    decodes = [decode for system in systems for decode in system.decodes if decode.is_whole_set]
    dev = {name for d in decodes if d.tuned_on != ITSELF for name in d.tuned_on.split("+")}
    dev = dev or {d.set_name for d in decodes}
    return Sets(tuple(sorted(dev)), tuple(sorted({d.set_name for d in decodes} - dev)))


def make_sides(study: Study) -> tuple[Side | None, Side | None]:
    """Development and evaluation sets in the condition that most systems were decoded in; None if absent."""
    sets = find_sets(study.systems)
    conditions = {condition_of(d) for system in study.systems for d in system.decodes if d.is_whole_set}
    sides = [
        (
            _side(study, sets.dev, "+".join(sets.dev), condition),
            _side(study, sets.eval, "+".join(sets.dev), condition),
        )
        for condition in sorted(conditions, key=str)
    ]
    if not sides:
        return None, None
    return max(sides, key=lambda pair: _num_decoded(study, pair))


def _num_decoded(study: Study, pair: tuple[Side | None, Side | None]) -> int:
    return sum(
        side is not None and side.decodes(system) is not None for system in study.systems for side in pair
    )


def _side(study: Study, names: tuple[str, ...], tuned_on: str, condition: Condition) -> Side | None:
    by_name = {record.set_name: record for record in study.sets}
    if not names or not all(name in by_name for name in names):
        return None
    records = tuple(by_name[name] for name in names)
    groups = group_by_clean_utterance([utt_id for record in records for utt_id in record.utt_ids])
    times = draw_within_speakers(
        groups.speakers,
        num_replicates=NUM_REPLICATES,
        generator=numpy_generator(SEED, "bootstrap of " + " ".join(names)),
    )
    words = groups.sum(np.array([count for record in records for count in record.num_words]))
    return Side(names, tuned_on, condition, records, groups, words, times.astype(np.float64))
