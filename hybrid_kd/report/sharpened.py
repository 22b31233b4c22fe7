"""Students of a constant temperature, decoded as they are and with their logits times T.

Only the teacher's labels are tempered: a student of T > 1 has posteriors as flat as they are, and decoding
weighs them against priors and language model as if they were not. Logits times T undo the labels' 1/T.
"""

from collections.abc import Sequence

from hybrid_kd.report.bootstrap import Difference, Side, statistic_of
from hybrid_kd.report.document import Table
from hybrid_kd.report.evidence import DevAndTest, best_of, in_words
from hybrid_kd.report.families import Family, Grid
from hybrid_kd.report.figures_wer import side_name
from hybrid_kd.report.tables import NOTHING


def sharpened_table(grid: Grid, sides: Sequence[Side]) -> Table | None:
    """Both ways of decoding beside T = 1; None if no student was decoded with sharpened logits."""
    families = [each for each in grid.families.values() if any(_is_sharpened(side, each) for side in sides)]
    if not families:
        return None
    head = ["labels"]
    for side in sides:
        head += [f"WER {side_name(side)}", "logits x T", "to T = 1"]
    rows = [[each.name, *(cell for side in sides for cell in _cells(side, each, grid))] for each in families]
    caption = (
        "Students of a constant T, decoded as they are and with their logits times T; difference of the"
        " latter to the student of T = 1, which is decoded as it is, with its 95 % interval."
    )
    return Table(head, rows, 1, caption)


def sharpened_note(bench: DevAndTest, reference: Family, others: Sequence[Family]) -> tuple[str, ...]:
    """T = 1 against the best of the others that are decoded with sharpened logits; nothing without any."""
    found = [each for each in others if all(_is_sharpened(side, each) for side in (bench.dev, bench.test))]
    if not found:
        return ()
    wers = [round(_sharpened(bench.dev, each).mean_wer(each), 6) for each in found]
    best = found[wers.index(min(wers))]
    difference = _difference((bench.test, reference), (_sharpened(bench.test, best), best))
    words = f"decoded with logits x T, {best_of(found)}: {best.name} ({min(wers):.2f} % on"
    return (f"{words} {side_name(bench.dev)}); {reference.name} against it: {in_words(difference)}",)


def _cells(side: Side, family: Family, grid: Grid) -> list[str]:
    cells = [f"{side.mean_wer(family):.2f}" if side.has(family) else NOTHING]
    if not _is_sharpened(side, family):
        return [*cells, NOTHING, NOTHING]
    sharp = _sharpened(side, family)
    cells.append(f"{sharp.mean_wer(family):.2f}")
    reference = next(filter(side.has, grid.at_one(family.labelling)), None)
    if reference is None:
        return [*cells, NOTHING]
    return [*cells, in_words(_difference((sharp, family), (side, reference)))]


def _sharpened(side: Side, family: Family) -> Side:
    return side.sharpened(family.labelling.temperature or 1.0)


def _is_sharpened(side: Side, family: Family) -> bool:
    return family.labelling.temperature not in (None, 1) and _sharpened(side, family).has(family)


def _difference(one: tuple[Side, Family], other: tuple[Side, Family]) -> Difference:
    return statistic_of([side.rates(family) for side, family in (one, other)], lambda a, b: a - b)
