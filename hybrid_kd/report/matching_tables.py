"""The second paper's table: teachers, then students of each size by what they learned from."""

from collections.abc import Sequence

from hybrid_kd.report.bootstrap import Side
from hybrid_kd.report.document import Table
from hybrid_kd.report.families import SystemGroup
from hybrid_kd.report.figures_wer import side_name
from hybrid_kd.report.matching import MatchingFamily, Teacher
from hybrid_kd.report.matching_claims import MatchingBench, point_words
from hybrid_kd.report.study_tables import (
    TRAINING_HEAD,
    environment_wers,
    environments_of,
    real_time_factor,
    training_cells,
)
from hybrid_kd.report.tables import NOTHING, number
from hybrid_kd.scoring.utterances import ENVIRONMENTS

NAMES = ["system", "size", "teachers"]
Row = Teacher | MatchingFamily


def rows_of(bench: MatchingBench) -> list[Row]:
    """The teachers first."""
    return [*bench.grid.teachers, *bench.grid.families]


def name_cells(row: Row) -> list[str]:
    """What a system is, its size, and its teachers (of a teacher, its training data)."""
    if isinstance(row, Teacher):
        data = row.system.train_data
        return ["teacher", row.size, row.name + (f" (heard {data})" if data else "")]
    return [row.kind + row.told, row.size, " + ".join(row.teachers) or NOTHING]


def matching_table(bench: MatchingBench) -> Table:
    """WERs, and changes on the evaluation sets to hard labels, tok-KD and the teacher."""
    head = [*NAMES, "weights", "seeds", "parameters"]
    sides = {side_name(side): side for side in (bench.dev, bench.test)}
    head += [f"WER {name}" for name in sides]
    if bench.point is not None:
        head += [f"{point_words(bench.point)}, {name}" for name in sides]
    for reference in ("hard labels", "tok-KD", "its teacher"):
        head += [f"to {reference}", "p"]
    caption = (
        "WER in %, mean over seeds (least to most). Weights: of reference, teacher's labels and teacher's"
        " noise in the loss. Change, relative, on"
        f" {side_name(bench.test)}: to hard labels of the same size, to tok-KD of the same size from the same"
        " teachers, to its teacher (of several the better one on"
        f" {side_name(bench.dev)}); where there are several of a kind, to the best of them on"
        f" {side_name(bench.dev)}. p: paired bootstrap, two-sided, not corrected."
    )
    return Table(head, [_row(bench, row, list(sides.values())) for row in rows_of(bench)], 4, caption)


def _row(bench: MatchingBench, row: Row, sides: Sequence[Side]) -> list[str]:
    weights = NOTHING
    if isinstance(row, MatchingFamily):
        weights = " / ".join(f"{value:g}" for value in vars(row.weights).values())
    cells = [*name_cells(row), weights, str(len(row.systems)), number(row.systems[0].parameters, ",d")]
    cells += [wer_cell(side, row) for side in sides]
    if bench.point is not None:
        cells += [wer_cell(side.at(bench.point), row) for side in sides]
    for reference in _references(bench, row):
        cells += _change_cells(bench.test, row, reference)
    return cells


def wer_cell(side: Side, row: SystemGroup) -> str:
    """Mean, and the seeds' range."""
    if not side.has(row):
        return NOTHING
    rates = side.rates(row)
    seeds = rates.by_seed.values()
    spread = f" ({min(seeds):.2f} to {max(seeds):.2f})" if len(seeds) > 1 else ""
    return f"{rates.mean[0]:.2f}{spread}"


def _references(bench: MatchingBench, row: Row) -> list[SystemGroup | None]:
    """What a row is compared with: hard labels, tok-KD, teacher; None where it is that itself."""
    if isinstance(row, Teacher):
        return [None, None, None]
    hard = bench.chosen(row.network, "hard labels")
    tok = bench.chosen(row.network, "tok-KD", teachers=row.teachers) if row.teachers else None
    return [None if hard is row else hard, None if tok is row else tok, bench.best_teacher(row)]


def _change_cells(side: Side, row: Row, reference: SystemGroup | None) -> list[str]:
    if reference is None or not side.has(row) or not side.has(reference):
        return [NOTHING, NOTHING]
    difference = side.difference([(1.0, row), (-1.0, reference)])
    wer = side.wer(reference).mean
    relative = f"{100 * difference.value / wer:+.1f} %" if wer else NOTHING
    return [relative, f"{difference.p_value:.4f}"]


def matching_environments(bench: MatchingBench) -> Table | None:
    """WERs by environment on the evaluation sets; a teacher's own environments are marked."""
    names = environments_of(bench.test)
    if not names:
        return None
    rows = []
    for row in rows_of(bench):
        wers = environment_wers(bench.test, row) if bench.test.has(row) else {}
        known = _known(bench, row)
        cells = [
            number(wers.get(name), ".2f") + ("*" if name in known and name in wers else "") for name in names
        ]
        rows.append([*name_cells(row), *cells])
    caption = (
        f"WER in % by environment of {side_name(bench.test)}, means over seeds. *: what the teacher (one of"
        " the teachers) was trained on."
    )
    return Table([*NAMES, *(ENVIRONMENTS[name].lower() for name in names)], rows, 3, caption)


def _known(bench: MatchingBench, row: Row) -> frozenset[str]:
    teachers = [row] if isinstance(row, Teacher) else bench.grid.teachers_of(row)
    return frozenset[str]().union(*(teacher.environments for teacher in teachers))


def matching_training(bench: MatchingBench) -> Table:
    """What is not of words: frames, calibration, time."""
    head = [*NAMES, *TRAINING_HEAD, "real-time factor"]
    rows = [
        [*name_cells(row), *training_cells(row), real_time_factor(row, [bench.dev, bench.test])]
        for row in rows_of(bench)
    ]
    caption = (
        "Means over seeds. Frames right, cross-entropy (nats a frame) and expected calibration error:"
        " softmax(f) on the development set. Minutes are by the clock, of students that may have trained side"
        " by side."
    )
    return Table(head, rows, 3, caption)


def papers_table() -> Table:
    """What is known of the paper's own results."""
    rows = [
        ["teacher (LibriSpeech)", NOTHING, "2.9", NOTHING, NOTHING],
        ["teacher (TED-LIUM 2)", NOTHING, "4.5", NOTHING, NOTHING],
        ["hard labels", "base", "4.9", NOTHING, NOTHING],
        ["unc-KD from LibriSpeech", "base", "3.0", NOTHING, "-14.3 %"],
        ["unc-KD from TED-LIUM 2", "base", "3.3", NOTHING, "-10.8 %"],
        ["unc-KD from both (nov93: 5.0)", "base", "3.1", "-36.7 %", NOTHING],
        ["hard labels", "small", "5.4", NOTHING, NOTHING],
        ["unc-KD", "small", "3.8", "-29.6 %", NOTHING],
        ["hard labels", "tiny", "5.5 to 5.6", NOTHING, NOTHING],
        ["unc-KD", "tiny", "4.3", "-21.8 %", NOTHING],
    ]
    caption = (
        "The paper's own numbers, as far as they are known: end-to-end students on WSJ, WER in % on nov92,"
        " changes relative. They are the paper's, on another task; nothing here is to be compared with them"
        " directly."
    )
    return Table(["system", "size", "WER nov92", "to hard labels", "to tok-KD"], rows, 2, caption)
