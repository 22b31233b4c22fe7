"""The tables of a study's report: one row a family of students (means over seeds), or a system."""

from collections.abc import Sequence
from dataclasses import replace

from hybrid_kd.report.bootstrap import Side
from hybrid_kd.report.document import Table
from hybrid_kd.report.families import Family, Grid, Labelling, SystemGroup
from hybrid_kd.report.figures_wer import side_name
from hybrid_kd.report.records import DecodeResult, LabelsRecord, Study, SystemResult
from hybrid_kd.report.retraining import Course, compare_courses
from hybrid_kd.report.tables import NOTHING, condition_of, mean, number
from hybrid_kd.scoring.utterances import ENVIRONMENTS, environment

COMMIT_DIGITS = 10
TRAINING_HEAD = ["frames right %", "cross-entropy", "calibration error", "training min", "epochs"]


def with_teacher(grid: Grid) -> list[Family]:
    """The teacher as a family of its own, then all students."""
    teacher = [] if grid.teacher is None else [teacher_family(grid.teacher)]
    return [*teacher, *grid.families.values()]


def teacher_family(system: SystemResult) -> Family:
    """A family of one, which is no student."""
    return Family(Labelling(), (system,))


def name_of(family: Family, grid: Grid) -> str:
    """The labels of students, or what a teacher is."""
    if grid.teacher is not None and family.systems == (grid.teacher,):
        return "teacher"
    return family.name


def systems_table(grid: Grid, sides: Sequence[Side]) -> Table:
    """All that was measured of each family."""
    head = ["labels", "seeds", "parameters"]
    for side in sides:
        head += [f"WER {side_name(side)}", "to hard labels", "p"]
    head += [*TRAINING_HEAD, "real-time factor"]
    rows = []
    for family in with_teacher(grid):
        cells = [name_of(family, grid), str(len(family.systems)), number(family.systems[0].parameters, ",d")]
        for side in sides:
            cells += _wer_cells(side, family, grid.hard)
        rows.append([*cells, *training_cells(family), real_time_factor(family, sides)])
    caption = (
        "Means over seeds; change relative to the hard-label student, and p of the paired bootstrap"
        " (two-sided, not corrected). Frames right, cross-entropy (nats a frame) and expected calibration"
        " error: dev set, reference alignment. Real-time factor: CPU seconds of network and search a second"
        " of speech."
    )
    return Table(head, rows, 1, caption)


def _wer_cells(side: Side, family: Family, hard: Family | None) -> list[str]:
    if not side.has(family):
        return [NOTHING] * 3
    wer = side.wer(family).mean
    if hard is None or family is hard or not side.has(hard):
        return [f"{wer:.2f}", NOTHING, NOTHING]
    difference = side.difference([(1.0, family), (-1.0, hard)])
    of_hard = side.wer(hard).mean
    relative = f"{100 * difference.value / of_hard:+.1f} %" if of_hard else NOTHING
    return [f"{wer:.2f}", relative, f"{difference.p_value:.4f}"]


def training_cells(family: SystemGroup) -> list[str]:
    """Frames right, cross-entropy, calibration error, minutes, epochs: TRAINING_HEAD."""
    systems = family.systems
    accuracy = mean([_frame_accuracy(system) for system in systems])
    loss = mean([_cross_entropy(system) for system in systems])
    measured = [system.dev_posteriors for system in systems]
    error = mean([None if posteriors is None else posteriors.calibration_error for posteriors in measured])
    seconds = mean([system.train_seconds for system in systems])
    epochs = mean([None if system.epochs is None else float(system.epochs) for system in systems])
    return [
        number(None if accuracy is None else 100 * accuracy, ".2f"),
        number(loss, ".4f"),
        number(error, ".4f"),
        number(None if seconds is None else seconds / 60, ".1f"),
        number(epochs, ".3g"),
    ]


def _frame_accuracy(system: SystemResult) -> float | None:
    return system.dev_posteriors.frame_accuracy if system.dev_posteriors else system.dev_frame_accuracy


def _cross_entropy(system: SystemResult) -> float | None:
    return system.dev_posteriors.cross_entropy if system.dev_posteriors else system.dev_cross_entropy


def real_time_factor(family: SystemGroup, sides: Sequence[Side]) -> str:
    """Of the last side: network and search together."""
    decodes = [
        decode for system in family.systems for side in sides[-1:] for decode in side.decodes(system) or ()
    ]
    factors = [
        None
        if decode.real_time_factor_search is None or decode.real_time_factor_network is None
        else decode.real_time_factor_search + decode.real_time_factor_network
        for decode in decodes
    ]
    return number(mean(factors), ".3f")


def environment_table(grid: Grid, sides: Sequence[Side]) -> Table | None:
    """WER by environment, errors summed over utterances."""
    found = [(side, name) for side in sides for name in environments_of(side)]
    if not found:
        return None
    head = ["labels", *(f"{ENVIRONMENTS[name].lower()}, {side_name(side)}" for side, name in found)]
    rows = []
    for family in with_teacher(grid):
        by_side = {side.names: environment_wers(side, family) for side in sides if side.has(family)}
        values = [by_side.get(side.names, {}).get(name) for side, name in found]
        rows.append([name_of(family, grid), *(number(value, ".2f") for value in values)])
    return Table(head, rows, 1, "WER in %, means over seeds.")


def environments_of(side: Side) -> list[str]:
    """Those that its utterances name."""
    names = {environment(utt_id) for record in side.records for utt_id in record.utt_ids}
    return [name for name in ENVIRONMENTS if name in names]


def environment_wers(side: Side, family: SystemGroup) -> dict[str, float]:
    """WER in % by environment."""
    return {name: side.within([name]).mean_wer(family) for name in environments_of(side)}


def points_table(families: Sequence[Family], sides: Sequence[Side]) -> Table:
    """The numbers of a figure: mean, interval, seeds, and the directories that they come from."""
    head = ["labels"]
    for side in sides:
        head += [f"WER {side_name(side)}", "95 % interval", "seeds"]
    rows = []
    for family in families:
        cells = [family.name]
        for side in sides:
            if not side.has(family):
                cells += [NOTHING] * 3
                continue
            wer = side.wer(family)
            cells += [f"{wer.mean:.2f}", f"{wer.low:.2f} to {wer.high:.2f}"]
            cells += [", ".join(f"{value:.2f}" for value in wer.by_seed)]
        rows.append([*cells, ", ".join(system.system for system in family.systems)])
    return Table([*head, "directories"], rows, 1)


def retraining_table(grid: Grid, sides: Sequence[Side]) -> Table | None:
    """Retrained students beside the same from scratch."""
    rows = []
    for label, family in grid.families.items():
        scratch = grid.families.get(replace(label, retrained=False))
        if label.retrained and scratch is not None:
            pairs = [(each, side) for each in (family, scratch) for side in sides]
            wers = [number(side.wer(each).mean if side.has(each) else None, ".2f") for each, side in pairs]
            rows += [
                [family.name, str(course.seed), *wers, *_course_cells(course)]
                for course in compare_courses(family, scratch)
            ]
    if not rows:
        return None
    names = [side_name(side) for side in sides]
    head = ["student", "seed", *(f"WER {name}" for name in names), *(f"scratch {name}" for name in names)]
    head += ["dev cross-entropy to reach", "epochs", "seconds", "scratch: epochs", "scratch: seconds"]
    caption = (
        "Epochs and seconds until the dev cross-entropy first reaches the value that training from scratch"
        " ends with; for training from scratch, also of all its epochs. The hard-label student's own training"
        " is not counted."
    )
    return Table(head, rows, 1, caption)


def _course_cells(course: Course) -> list[str]:
    return [
        f"{course.loss:.4f}",
        "never" if course.retrained_epoch is None else str(course.retrained_epoch),
        "never" if course.retrained_seconds is None else f"{course.retrained_seconds:.0f}",
        f"{course.scratch_epoch} of {course.scratch_epochs}",
        f"{course.scratch_seconds:.0f} of {course.scratch_total_seconds:.0f}",
    ]


def labels_table(labels: LabelsRecord) -> Table:
    """Entropy and pruning by temperature."""
    unpruned: Sequence[float | None] = labels.entropy_unpruned or [None] * len(labels.temperatures)
    columns = zip(
        labels.temperatures, labels.discarded_mass, labels.argmax_share, labels.entropy, unpruned, strict=True
    )
    rows = [
        [f"{t:g}", f"{100 * mass:.2f}", f"{100 * share:.2f}", f"{entropy:.3f}", number(full, ".3f")]
        for t, mass, share, entropy, full in columns
    ]
    head = ["T", "mass discarded %", "frames with argmax alone %", "entropy, pruned", "entropy, unpruned"]
    sample = f"; unpruned over {labels.sample_frames:,} frames" if labels.sample_frames else ""
    frames = f"{labels.num_frames:,} frames of {labels.data}"
    caption = f"Label store {labels.name} of {labels.teacher}, {frames}{sample}."
    return Table(head, rows, 1, caption)


def trace_table(study: Study) -> Table:
    """Every system: where it is, what it was made by, and its WERs with the decoder that gave them."""
    rows = []
    for system in study.systems:
        whole = [_decode_cells(decode) for decode in system.decodes if decode.is_whole_set]
        rows += [[*_origin_cells(system), *cells] for cells in whole or [[NOTHING] * 6]]
    head = ["directory", "kind", "seed", "commit", "network sha256", "decoding"]
    head += ["decoder, beams, acoustic scale", "set", "tuned on", "LM weight, penalty", "WER"]
    return Table(head, rows, len(head))


def _origin_cells(system: SystemResult) -> list[str]:
    dirty = " with changes" if system.uncommitted_changes else ""
    return [
        f"exp/{system.experiment}/{system.system}",
        system.kind,
        number(system.config.get("seed"), "d"),
        (system.commit or NOTHING)[:COMMIT_DIGITS] + dirty,
        (system.model_sha256 or NOTHING)[:COMMIT_DIGITS],
    ]


def _decode_cells(decode: DecodeResult) -> list[str]:
    return [
        decode.directory,
        ", ".join(condition_of(decode).cells()),
        decode.set_name,
        decode.tuned_on,
        f"{decode.lm_weight}, {decode.word_ins_penalty:.1f}",
        f"{decode.wer:.2f} [{decode.errors}/{decode.words}]",
    ]
