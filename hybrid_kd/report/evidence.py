"""What speaks for or against a claim: tests on evaluation sets of what was chosen on development sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hybrid_kd.report.bootstrap import Difference, Side
from hybrid_kd.report.families import SystemGroup

Group = TypeVar("Group", bound=SystemGroup)


@dataclass(frozen=True)
class Test:
    """A difference that is predicted to be negative, in words; unit: % absolute, or points."""

    words: str
    difference: Difference
    unit: str = "%"

    @property
    def favour(self) -> float:
        """The difference in standard errors: the more negative, the more it speaks for the claim."""
        value, error = self.difference.value, self.difference.standard_error
        return value / error if error else value * 1e9


@dataclass(frozen=True)
class Evidence:
    """What speaks for or against a claim. also: whether what else it says (time) is so; None if nothing."""

    claim: str
    chosen: str
    tests: tuple[Test, ...]
    also: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def decisive(self) -> Test:
        """The least favourable test."""
        return max(self.tests, key=lambda test: test.favour)


@dataclass(frozen=True)
class Description:
    """A claim that no WER decides: whether what was measured is as it says, and what was measured."""

    claim: str
    holds: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class NotRun:
    """A claim that the record cannot speak of, and why."""

    claim: str
    missing: str


@dataclass(frozen=True)
class DevAndTest:
    """The sets that choices are made on, and those that what was chosen is tested on."""

    dev: Side
    test: Side

    def usable(self, family: Group | None) -> Group | None:
        """The family, if both are decoded."""
        return family if family is not None and self.dev.has(family) and self.test.has(family) else None

    def best(self, families: Sequence[Group]) -> Group:
        """The least WER on the development set; of equals the first."""
        return min(families, key=lambda family: round(self.dev.wer(family).mean, 6))

    def test_of(self, family: SystemGroup, other: SystemGroup) -> Test:
        """``family`` is predicted to be better than ``other``."""
        words = f"{family.name} against {other.name}"
        seeds = [len(self.test.wer(each).by_seed) for each in (family, other)]
        if seeds[0] != seeds[1]:
            words += f" ({seeds[0]} and {seeds[1]} seeds)"
        return Test(words, self.test.difference([(1.0, family), (-1.0, other)]))

    def dev_words(self, family: SystemGroup) -> str:
        """A family with its WER on the development set."""
        return f"{family.name} ({self.dev.wer(family).mean:.2f} % on {'+'.join(self.dev.names)})"

    def against(self, family: SystemGroup, other: SystemGroup) -> str:
        """A difference that decides nothing."""
        return f"to {other.name}: {in_words(self.test_of(family, other).difference)}"


def best_of(families: Sequence[SystemGroup], kind: str = "one") -> str:
    """How a family was chosen among those of a kind."""
    of_kind = "" if kind == "one" else f" {kind}"
    return f"best of {len(families)}{of_kind}" if len(families) > 1 else f"the only {kind}"


def in_words(difference: Difference, unit: str = "%") -> str:
    """A difference with its interval."""
    return f"{difference.value:+.2f} {unit} [{difference.low:+.2f}, {difference.high:+.2f}]"
