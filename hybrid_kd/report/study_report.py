"""The report of one study: verdict, figures and tables, all from its file in results/."""

from collections.abc import Sequence

from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.bootstrap import NUM_REPLICATES, Side, make_sides
from hybrid_kd.report.cards import verdict_card
from hybrid_kd.report.claims import Bench
from hybrid_kd.report.document import Document, Section, Table
from hybrid_kd.report.families import Family, Grid, find_grids
from hybrid_kd.report.figure_style import Panel
from hybrid_kd.report.figures_frames import calibration_panel, example_panels, learning_panels
from hybrid_kd.report.figures_wer import WER_PANELS, entropy_panel, labels_panel, side_name
from hybrid_kd.report.matching import find_matching
from hybrid_kd.report.matching_section import matching_lead, matching_sections, teacher_in_words
from hybrid_kd.report.records import LabelsRecord, Study, SystemResult
from hybrid_kd.report.sharpened import sharpened_table
from hybrid_kd.report.study_tables import (
    environment_table,
    labels_table,
    points_table,
    retraining_table,
    systems_table,
    trace_table,
)
from hybrid_kd.report.uncertainty_section import uncertainty_section
from hybrid_kd.report.verdict import LEVEL, judge

PAPERS_NUMBERS = (
    "The paper's own numbers that are known: retrained student, CHiME-4 1-channel track, 17.77 % (dt) and"
    " 28.42 % (et). They are the paper's, on another task; nothing here is to be compared with them directly."
)
BARS = (
    "Bars: 95 % interval of the paired difference to {reference} (bootstrap over clean utterances within"
    " speakers, all environments of one together)."
)
DOTS = " Small dots: single seeds."


def study_document(study: Study, *, title: str) -> Document:
    """Everything that can be said of a study; parts without systems are left out.

    Raises: HybridKdError if it has no students of a teacher.
    """
    matching = find_matching(study.systems)
    grids = [g for g in find_grids(study.systems) if not any(each.covers(g) for each in matching)]
    if not grids and not matching:
        fix = "train students with --teacher-labels or --teacher, and collect them"
        raise HybridKdError.at(title, "no student of a teacher is in it", fix=fix)
    dev, test = make_sides(study)
    sides = [side for side in (dev, test) if side is not None]
    sections = []
    if grids:
        sections.append(verdict_section(grids[0], dev, test))
        sections += [*_figures(study, grids[0], sides), *_frames(study, grids[0], dev)]
    sections += [*matching_sections(study, matching, dev, test), uncertainty_section(study)]
    if grids:
        sections.append(Section("Systems", tables=_tables(grids[0], sides)))
    sections += [_other_students(grid, dev, test) for grid in grids[1:]]
    sections.append(Section("Where every number comes from", folded=[trace_table(study)]))
    students = _students_lead(grids[0]) if grids else matching_lead(matching[0])
    lead = [f"{len(study.systems)} systems. {students[0]}", *students[1:], *_sides_lead(sides)]
    return Document(title, lead, [section for section in sections if not section.is_empty])


def _other_students(grid: Grid, dev: Side | None, test: Side | None) -> Section:
    """Students of another network or recipe: the same tests, and a correction of their own."""
    sides = [side for side in (dev, test) if side is not None]
    verdict = verdict_section(grid, dev, test)
    cards = verdict.cards if any(card.status != "not run" for card in verdict.cards) else []
    words = ["Tested in the same way, p-values corrected among themselves."] if cards else []
    return Section(f"Other students: {grid.in_words()}", words, cards, tables=_tables(grid, sides))


def _tables(grid: Grid, sides: Sequence[Side]) -> list[Table]:
    return [table for table in (systems_table(grid, sides), environment_table(grid, sides)) if table]


def _students_lead(grid: Grid) -> list[str]:
    students = f"Students: {grid.in_words()}."
    return [students, *([teacher_in_words(grid.teacher)] if grid.teacher is not None else [])]


def _sides_lead(sides: Sequence[Side]) -> list[str]:
    lines = []
    for side in sides:
        num_utts = sum(len(record.utt_ids) for record in side.records)
        lines.append(
            f"{side_name(side)}: {num_utts} utterances ({len(side.groups.names)} clean ones of"
            f" {len(set(side.groups.speakers))} speakers), {side.num_words} words."
        )
    if sides:
        decoder, beams, scale = sides[0].condition.cells()
        lines.append(
            f"Decoder {decoder}, beams {beams}, acoustic scale {scale}; a table that has others says so."
        )
    return lines


def verdict_section(grid: Grid, dev: Side | None, test: Side | None) -> Section:
    """The paper's claims for one grid of students."""
    title = "The paper's claims here"
    if dev is None or test is None:
        return Section(title, ["Not decoded on a development and an evaluation set: nothing can be tested."])
    verdicts = judge(Bench(dev, test, grid))
    tested = [verdict.detectable for verdict in verdicts if verdict.detectable is not None]
    cards = [verdict_card(verdict) for verdict in verdicts]
    if not tested:
        return Section(title, ["None of the claims can be tested with what is decoded so far."], cards)
    chosen_on, tested_on = side_name(dev), side_name(test)
    wers, seeds = "WERs are means over seeds", ", the seeds as they are"
    if grid.num_seeds == 1:
        wers, seeds = "There is one seed, so that nothing is said of how far another would differ", ""
    paragraphs = [
        f"What had to be chosen (hard weight, temperature, schedule) was chosen on {chosen_on}; each claim"
        f" was then tested once on {tested_on}. {wers}; differences are % absolute,"
        " negative where the claim predicts better. p: two-sided paired bootstrap,"
        f" {NUM_REPLICATES:,} samples of clean utterances within speakers, with all environments of one"
        f" together{seeds}; Holm-corrected over the {len(tested)} claims tested, at"
        f" {LEVEL:g}. The interval of a difference is 95 %, not corrected.",
        f"The smallest difference that {tested_on} could have shown (in 4 of 5 such sets, at the strictest"
        f" corrected level): {min(tested):.2f} to {max(tested):.2f} % absolute, by claim.",
        PAPERS_NUMBERS,
    ]
    return Section(title, paragraphs, cards)


def _figures(study: Study, grid: Grid, sides: Sequence[Side]) -> list[Section]:
    """The paper's three, and retraining."""
    panels = {
        name: [panel for side in sides if (panel := make(grid, side))] for name, make in WER_PANELS.items()
    }
    labels = _labels_of(study, grid)
    pruning = [labels_panel(labels), entropy_panel(labels)] if labels and len(labels.temperatures) > 1 else []
    plain = [f for label, f in grid.families.items() if label.temperature == 1 and not label.retrained]
    at_temperatures = [f for label, f in grid.families.items() if label.temperature and not label.retrained]
    annealed = [f for label, f in grid.families.items() if label.temperature is None and not label.retrained]
    retrained = [f for label, f in grid.families.items() if label.retrained]
    dots = DOTS if grid.num_seeds > 1 else ""
    against_hard, against_one = (
        BARS.format(reference=words) + dots for words in ("the hard-label student", "T = 1")
    )
    retraining, sharpened = retraining_table(grid, sides), sharpened_table(grid, sides)
    return [
        Section(
            "Figure 1: WER against the hard weight",
            [against_hard] if panels["figure1"] else [],
            panels=panels["figure1"],
            folded=_numbers(plain, sides, panels["figure1"]),
        ),
        Section(
            "Figure 2: WER against the temperature",
            [against_one] if panels["figure2"] else [],
            panels=[*panels["figure2"], *pruning],
            tables=[*([sharpened] if sharpened else []), *([labels_table(labels)] if labels else [])],
            folded=_numbers(
                [f for f in at_temperatures if f.labelling.mixing != "hard"], sides, panels["figure2"]
            ),
        ),
        Section(
            "Figure 3: annealing the temperature",
            [against_one] if panels["figure3"] else [],
            panels=panels["figure3"],
            folded=_numbers(annealed, sides, panels["figure3"]),
        ),
        Section(
            "Retraining a trained student",
            tables=[retraining] if retraining else [],
            folded=_numbers(retrained, sides, retrained),
        ),
    ]


def _numbers(families: Sequence[Family], sides: Sequence[Side], shown: Sequence[object]) -> list[Table]:
    return [points_table(families, sides)] if shown and families else []


def _labels_of(study: Study, grid: Grid) -> LabelsRecord | None:
    """The label store of most of the grid's students."""
    used = [s.inputs.get("teacher_labels") for family in grid.families.values() for s in family.systems]
    found = [record for record in study.labels if record.sha256 in used]
    return max(found, key=lambda record: used.count(record.sha256), default=None)


def highlights(grid: Grid, dev: Side | None) -> list[Family]:
    """Hard labels, and the best on the development set at T = 1, at another T, annealed, retrained."""
    kinds: dict[str, list[Family]] = {"plain": [], "tempered": [], "annealed": [], "retrained": []}
    for label, family in grid.families.items():
        if label.retrained:
            kinds["retrained"].append(family)
        elif label.is_annealed:
            kinds["annealed"].append(family)
        elif label.temperature not in (None, 1):
            kinds["tempered"].append(family)
        elif label.temperature == 1 and label.mixing != "hard":
            kinds["plain"].append(family)
    best = [
        min(families, key=lambda family: _wer_or_inf(family, dev)) for families in kinds.values() if families
    ]
    return [*([grid.hard] if grid.hard else []), *best]


def _wer_or_inf(family: Family, dev: Side | None) -> float:
    return dev.wer(family).mean if dev is not None and dev.has(family) else float("inf")


def _frames(study: Study, grid: Grid, dev: Side | None) -> list[Section]:
    """Learning curves, calibration, labels over time."""
    families = highlights(grid, dev)
    systems = [(family.name, family.systems[0]) for family in families]
    teacher = [] if grid.teacher is None else [("teacher", grid.teacher)]
    calibration = calibration_panel([*teacher, *systems])
    return [
        Section("Learning curves", panels=learning_panels(families)),
        Section(
            "How the labels look over time",
            [_example_words(study)] if study.example else [],
            panels=_example(study, grid, [*systems[:1], *teacher, *systems[1:2]]),
        ),
        Section("Calibration", _calibration_words(calibration), panels=[calibration] if calibration else []),
    ]


def _calibration_words(panel: Panel | None) -> list[str]:
    words = "Frames of the development set, first seed; in brackets the expected calibration error, 15 bins."
    return [words + " Bins of fewer than 50 frames are left out of the drawing."] if panel else []


def _example(study: Study, grid: Grid, systems: Sequence[tuple[str, SystemResult]]) -> list[Panel]:
    return example_panels(study.example, _labels_of(study, grid), systems) if study.example else []


def _example_words(study: Study) -> str:
    example = study.example
    assert example is not None
    text = f" ({example.text.lower()})" if example.text else ""
    part = len(example.phone_ali)
    whole = "" if part == example.utt_frames else f", {part} of its {example.utt_frames} frames"
    return (
        f"{example.utt_id}{text}{whole}: posteriors of the phones that the reference has, the darker the"
        " larger (shade: square root). Labels are those that students learn from."
    )
