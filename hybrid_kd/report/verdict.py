"""Which of the paper's claims hold here: tested once, p-values Holm-corrected over the claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import norm

from hybrid_kd.report.claims import CLAIMS, Bench
from hybrid_kd.report.evidence import Description, Evidence, NotRun

LEVEL, POWER = 0.05, 0.8
Status = Literal["holds", "does not hold", "not significant", "not run"]


@dataclass(frozen=True)
class Verdict:
    """On one claim. p_value, p_holm: of the decisive test. detectable: a difference in % absolute.

    A true one of that size would be found at the strictest of Holm's levels in 4 of 5 such sets.
    """

    finding: Evidence | Description | NotRun
    status: Status
    p_value: float | None = None
    p_holm: float | None = None
    detectable: float | None = None

    @property
    def claim(self) -> str:
        return self.finding.claim


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the k-th smallest of m is multiplied by m - k + 1, never falling, at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, so_far = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = so_far
    return adjusted


def judge(bench: Bench) -> list[Verdict]:
    """All claims, in the paper's order."""
    return corrected([claim(bench) for claim in CLAIMS])


def corrected(findings: Sequence[Evidence | Description | NotRun]) -> list[Verdict]:
    """A verdict on each, the p-values of those that are tested corrected for their number."""
    tested = [finding for finding in findings if isinstance(finding, Evidence)]
    adjusted = iter(holm([evidence.decisive.difference.p_value for evidence in tested]))
    return [
        _verdict(finding, next(adjusted), len(tested))
        if isinstance(finding, Evidence)
        else Verdict(finding, _untested(finding))
        for finding in findings
    ]


def _untested(finding: Description | NotRun) -> Status:
    if isinstance(finding, NotRun):
        return "not run"
    return "holds" if finding.holds else "does not hold"


def _verdict(evidence: Evidence, p_holm: float, num_tests: int) -> Verdict:
    difference = evidence.decisive.difference
    standard_errors = norm.ppf(1 - LEVEL / 2 / num_tests) + norm.ppf(POWER)
    status: Status = "not significant"
    if p_holm <= LEVEL:
        status = "holds" if difference.value < 0 else "does not hold"
    if evidence.also is False and status == "holds":
        status = "does not hold"
    detectable = float(standard_errors * difference.standard_error)
    return Verdict(evidence, status, difference.p_value, p_holm, detectable)
