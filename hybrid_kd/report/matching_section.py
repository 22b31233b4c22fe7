"""The section "Uncertainty matching" of a study's report: the second paper's table, and its claims."""

from collections.abc import Sequence

from hybrid_kd.report.bootstrap import NUM_REPLICATES, Side
from hybrid_kd.report.cards import verdict_card
from hybrid_kd.report.document import Section
from hybrid_kd.report.figures_wer import side_name
from hybrid_kd.report.matching import MatchingGrid
from hybrid_kd.report.matching_claims import CLAIMS, MatchingBench, near_zero_point
from hybrid_kd.report.matching_tables import (
    matching_environments,
    matching_table,
    matching_training,
    papers_table,
)
from hybrid_kd.report.records import Study, SystemResult
from hybrid_kd.report.tables import options_in_words
from hybrid_kd.report.verdict import LEVEL, corrected

TITLE = "Uncertainty matching"


def matching_lead(grid: MatchingGrid) -> list[str]:
    """Which students and teachers there are."""
    sizes = "; ".join(grid.networks)
    students = f"Students: {sizes}; {grid.num_seeds} seeds." if grid.num_seeds > 1 else f"Students: {sizes}."
    return [students, *(teacher_in_words(teacher.system) for teacher in grid.teachers)]


def teacher_in_words(teacher: SystemResult) -> str:
    """Its size."""
    return f"Teacher: {teacher.system}, {teacher.network}, {teacher.parameters:,} parameters."


def matching_sections(
    study: Study, grids: Sequence[MatchingGrid], dev: Side | None, test: Side | None
) -> list[Section]:
    """One a recipe; empty without students that have a head or several teachers."""
    if grids and (dev is None or test is None):
        words = "Not decoded on a development and an evaluation set: nothing can be compared."
        return [Section(TITLE, [words])]
    return [
        _section(MatchingBench(dev, test, grid, study.agreements, near_zero_point([dev, test], grid)), index)
        for index, grid in enumerate(grids)
        if dev is not None and test is not None
    ]


def _section(bench: MatchingBench, index: int) -> Section:
    verdicts = corrected([claim(bench) for claim in CLAIMS])
    num_tested = sum(verdict.p_holm is not None for verdict in verdicts)
    environments = matching_environments(bench)
    title = TITLE if index == 0 else f"{TITLE}: {recipe_in_words(bench.grid)}"
    return Section(
        title,
        _words(bench, num_tested),
        [verdict_card(verdict) for verdict in verdicts],
        tables=[
            matching_table(bench),
            *([environments] if environments else []),
            *([papers_table()] if index == 0 else []),
        ],
        folded=[matching_training(bench)],
    )


def recipe_in_words(grid: MatchingGrid) -> str:
    """What is not the default."""
    return ", ".join(options_in_words(grid.recipe)) or "defaults"


def _words(bench: MatchingBench, num_tested: int) -> list[str]:
    dev, test = side_name(bench.dev), side_name(bench.test)
    lines = [
        "Students that learn what a teacher believes (tok-KD: its posteriors), how unsure it is of each logit"
        " (unc-KD: the direction of its sigma), or both, beside hard labels with and without the uncertainty"
        " head, which no student keeps (Kim et al. 2021; here a token is a frame, a character an HMM state)."
        f" Recipe: {recipe_in_words(bench.grid)}.",
    ]
    if num_tested:
        lines.append(
            f"Where there were several of a kind, the best on {dev} was taken; each claim was then tested"
            f" once on {test}. WERs are means over seeds; differences are % absolute (points: of relative"
            " changes in %), negative where the claim predicts better. p: two-sided paired bootstrap,"
            f" {NUM_REPLICATES:,} samples of clean utterances within speakers, with all environments of one"
            f" together and the seeds as they are; Holm-corrected over the {num_tested} claims tested, at"
            f" {LEVEL:g}. Intervals are 95 %, not corrected. Claims are of the largest students unless they"
            " say otherwise."
        )
    return lines
