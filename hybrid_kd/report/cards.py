"""The verdict on a claim, as a card of a report."""

from hybrid_kd.report.document import Card
from hybrid_kd.report.evidence import Description, Evidence, in_words
from hybrid_kd.report.verdict import Verdict


def verdict_card(verdict: Verdict) -> Card:
    """With the numbers behind it."""
    finding = verdict.finding
    if isinstance(finding, Description):
        return Card(verdict.status, verdict.claim, list(finding.lines))
    if not isinstance(finding, Evidence):
        words = f"missing, or not decoded on both sets: {finding.missing}"
        return Card(verdict.status, verdict.claim, [words])
    lines = [finding.chosen]
    for test in finding.tests:
        difference = test.difference
        seeds = ", ".join(f"{value:+.2f}" for value in difference.by_seed)
        decisive = " (decides)" if len(finding.tests) > 1 and test is finding.decisive else ""
        lines.append(
            f"{test.words}: {in_words(difference, test.unit)}, p = {difference.p_value:.4f}{decisive}"
            + (f"; by seed {seeds}" if len(difference.by_seed) > 1 else "")
        )
    to_show = f"smallest difference to show: {verdict.detectable:.2f} {finding.decisive.unit}"
    lines.append(f"Holm-corrected p = {verdict.p_holm:.4f}; {to_show}")
    if finding.also is not None:
        lines.append(
            f"the dev cross-entropy is reached sooner with every seed: {'yes' if finding.also else 'no'}"
        )
    return Card(verdict.status, verdict.claim, [*lines, *finding.notes])
