"""The paper's claims, each as a test on the evaluation set of what was chosen on the development set.

Every claim predicts that a difference of WERs is negative. Where it takes several tests (the best hard weight
is better than both ends), the least favourable one decides, whose p is then valid for all of them together.

Source of the claims: Tachioka, "Knowledge Distillation of Acoustic Models with Reference Labels and
Temperature Parameter".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hybrid_kd.report.evidence import DevAndTest, Evidence, NotRun, Test, best_of
from hybrid_kd.report.families import PAPERS_THRESHOLD, Family, Grid
from hybrid_kd.report.retraining import Course, compare_courses
from hybrid_kd.report.sharpened import sharpened_note

Finding = Evidence | NotRun


@dataclass(frozen=True)
class Bench(DevAndTest):
    """A grid of students on the set that choices are made on and the one that they are tested on."""

    grid: Grid

    def families(self) -> list[Family]:
        """All that are decoded on both sets."""
        return [family for family in self.grid.families.values() if self.usable(family)]

    def interpolated(self, mixing: str, *, also_zero: bool) -> list[Family]:
        """Students of a mixing at T = 1, pruned as in the paper, from scratch, of a hard weight under 1."""
        found = []
        for family in self.families():
            label = family.labelling
            is_plain = (
                label.temperature == 1 and label.prune_below == PAPERS_THRESHOLD and not label.retrained
            )
            is_zero = label.hard_weight == 0
            if is_plain and ((label.mixing == mixing and not is_zero) or (is_zero and also_zero)):
                found.append(family)
        return found


def distillation_helps(bench: Bench) -> Finding:
    """The best student of a teacher at T = 1 is better than that on hard labels."""
    claim = "Distillation beats hard labels"
    hard = bench.usable(bench.grid.hard)
    students = [*bench.interpolated("si", also_zero=True), *bench.interpolated("sd", also_zero=False)]
    if hard is None or not students:
        return NotRun(claim, "hard-label student" if hard is None else "students of the teacher at T = 1")
    best = bench.best(students)
    words = f"{best_of(students)}: {bench.dev_words(best)}"
    return Evidence(claim, words, (bench.test_of(best, hard),))


def sd_is_best_at_zero(bench: Bench) -> Finding:
    """SD at hard weight 0 is better than the best SD at another one, hard labels among them."""
    claim = "SD is best at hard weight 0"
    zero, hard = bench.usable(bench.grid.at("sd", 0.0)), bench.usable(bench.grid.hard)
    others = bench.interpolated("sd", also_zero=False)
    if zero is None or not others:
        return NotRun(claim, "SD at hard weight 0" if zero is None else "SD between 0 and 1")
    rival = bench.best([*others, *([hard] if hard else [])])
    words, note = f"best of the others: {bench.dev_words(rival)}", "at hard weight 0 SD and SI are the same"
    return Evidence(claim, words, (bench.test_of(zero, rival),), notes=(note,))


def si_is_best_between(bench: Bench) -> Finding:
    """SI at the best hard weight between 0 and 1 is better than at 0 and than at 1."""
    claim = "SI is best strictly between 0 and 1"
    zero, hard = bench.usable(bench.grid.at("si", 0.0)), bench.usable(bench.grid.hard)
    between = bench.interpolated("si", also_zero=False)
    if zero is None or hard is None or not between:
        return NotRun(claim, "SI at hard weights 0, 1 and between")
    best = bench.best(between)
    tests = bench.test_of(best, zero), bench.test_of(best, hard)
    return Evidence(claim, f"best between: {bench.dev_words(best)}", tests)


def si_beats_sd(bench: Bench) -> Finding:
    """SI is better than SD on the mean over the hard weights between 0 and 1 that both have."""
    claim = "SI is better than SD"
    found = [
        (family, other)
        for family in bench.interpolated("si", also_zero=False)
        if (other := bench.usable(bench.grid.at("sd", family.labelling.hard_weight))) is not None
    ]
    if not found:
        return NotRun(claim, "SI and SD at one hard weight between 0 and 1")
    share = 1 / len(found)
    terms = [term for family, other in found for term in ((share, family), (-share, other))]
    weights = ", ".join(f"{family.labelling.hard_weight:g}" for family, _ in found)
    chosen = f"the mean over hard weights {weights}" if len(found) > 1 else f"both at hard weight {weights}"
    lower = sum(bench.test.wer(family).mean < bench.test.wer(other).mean for family, other in found)
    count = (f"SI has the lower WER at {lower} of {len(found)} hard weights",) if len(found) > 1 else ()
    best_si, best_sd = (bench.best(bench.interpolated(mixing, also_zero=True)) for mixing in ("si", "sd"))
    best = f"best of each: {bench.dev_words(best_si)}, {bench.dev_words(best_sd)}"
    return Evidence(
        claim,
        f"nothing to choose: {chosen}",
        (Test("SI against SD", bench.test.difference(terms)),),
        notes=(*count, best),
    )


def other_temperatures_hurt(bench: Bench, *, pruned: bool) -> Finding:
    """T = 1 is better than the best other constant T; beside it, the best that logits times T decode."""
    how = "" if pruned else ", also without pruning"
    claim = f"Any temperature other than 1 hurts{how}"
    others = [
        family
        for family in bench.families()
        if family.labelling.temperature not in (None, 1) and not family.labelling.retrained
        if family.labelling.prune_below == (PAPERS_THRESHOLD if pruned else 0)
    ]
    if not others:
        return NotRun(claim, "constant temperatures other than 1" + ("" if pruned else ", unpruned"))
    others = _of_commonest_hard_weight(others)
    label = others[0].labelling
    reference = next(filter(bench.usable, bench.grid.at_one(label)), None)
    if reference is None:
        return NotRun(claim, f"{label.mixing.upper()} {label.hard_weight:g} at T = 1")
    rival = bench.best(others)
    words = f"{best_of(others, 'other')}: {bench.dev_words(rival)}"
    notes = sharpened_note(bench, reference, others)
    return Evidence(claim, words, (bench.test_of(reference, rival),), notes=notes)


def _of_commonest_hard_weight(families: Sequence[Family]) -> list[Family]:
    keys = [(family.labelling.mixing, family.labelling.hard_weight) for family in families]
    commonest = max(keys, key=keys.count)
    return [family for family, key in zip(families, keys, strict=True) if key == commonest]


def annealing_helps(bench: Bench) -> Finding:
    """The best annealing to T = 1 is better than T = 1 from the start.

    Annealing holds the learning rate for some epochs; what that gives at T = 1 is told beside it.
    """
    claim = "Annealing the temperature helps"
    annealed = [
        family
        for family in bench.families()
        if family.labelling.is_annealed and not family.labelling.retrained
    ]
    if not annealed:
        return NotRun(claim, "annealed students")
    annealed = _of_commonest_hard_weight(annealed)
    label = annealed[0].labelling
    reference = bench.usable(bench.grid.at(label.mixing, label.hard_weight))
    if reference is None:
        return NotRun(claim, f"{label.mixing.upper()} {label.hard_weight:g} at T = 1")
    best = bench.best(annealed)
    words = f"{best_of(annealed)}: {bench.dev_words(best)}"
    held = bench.usable(bench.grid.held_at_one(label.mixing, label.hard_weight))
    notes = () if held is None else (bench.against(best, held),)
    return Evidence(claim, words, (bench.test_of(best, reference),), notes=notes)


def retraining_suffices(bench: Bench) -> Finding:
    """A retrained student keeps over half of what training from scratch gains, in fewer epochs.

    WER(retrained) - (WER(scratch) + WER(hard)) / 2 is predicted to be negative; epochs are counted until
    the dev cross-entropy first reaches what training from scratch ends with.
    """
    claim = "Retraining suffices, in less time"
    hard = bench.usable(bench.grid.hard)
    pairs = []
    for family in bench.families():
        label = family.labelling
        if label.retrained and label.mixing != "hard":
            scratch = bench.grid.families.get(label.__class__(**{**vars(label), "retrained": False}))
            if (usable := bench.usable(scratch)) is not None:
                pairs.append((family, usable))
    if hard is None or not pairs:
        return NotRun(claim, "a retrained student, the same one from scratch, and the hard-label student")
    retrained = [family for family, _ in pairs]
    best = bench.best(retrained)
    scratch = next(other for family, other in pairs if family is best)
    kept = bench.test.difference([(1.0, best), (-0.5, scratch), (-0.5, hard)])
    courses = compare_courses(best, scratch)
    return Evidence(
        claim,
        f"{best_of(retrained, 'retrained')}: {bench.dev_words(best)}",
        (Test(f"{best.name} against the mean of {scratch.name} and {hard.name}", kept),),
        also=all(course.is_faster for course in courses) if courses else None,
        notes=(*_time_words(courses), bench.against(best, scratch), bench.against(best, hard)),
    )


def _time_words(courses: Sequence[Course]) -> tuple[str, ...]:
    return tuple(course.in_words() for course in courses)


CLAIMS: tuple[Callable[[Bench], Finding], ...] = (
    distillation_helps,
    sd_is_best_at_zero,
    si_is_best_between,
    si_beats_sd,
    lambda bench: other_temperatures_hurt(bench, pruned=True),
    lambda bench: other_temperatures_hurt(bench, pruned=False),
    annealing_helps,
    retraining_suffices,
)
