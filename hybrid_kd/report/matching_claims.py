"""The second paper's claims, each as a test on the evaluation set of what was chosen on the development set.

A claim is of the largest students; of smaller ones there are notes, and a claim of their own.

Source of the claims: Kim et al. 2021, "Multi-domain Knowledge Distillation via Uncertainty-Matching for
End-to-End ASR Models".
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import mul

import numpy as np
from jaxtyping import Float64

from hybrid_kd.report.bootstrap import Difference, Rates, Side, statistic_of
from hybrid_kd.report.evidence import Description, DevAndTest, Evidence, NotRun, Test, best_of, in_words
from hybrid_kd.report.matching import DISTILLED, Kind, MatchingFamily, MatchingGrid, Teacher
from hybrid_kd.report.study_tables import environments_of
from hybrid_kd.report.uncertainty_records import AgreementRecord

HALF = 0.5  # of the variance
Finding = Evidence | Description | NotRun
Wers = Float64[np.ndarray, " samples"] | float
Terms = Sequence[tuple[float, Rates]]  # of a sum of weighted WERs


@dataclass(frozen=True)
class MatchingBench(DevAndTest):
    """A grid on its two sides; point: near LM weight 0, None if errors were not counted there."""

    grid: MatchingGrid
    agreements: Sequence[AgreementRecord]
    point: str | None

    def of(self, network: str, *kinds: Kind, teachers: tuple[str, ...] | None = None) -> list[MatchingFamily]:
        """Families that are decoded on both sets."""
        return [family for family in self.grid.of(network, kinds, teachers) if self.usable(family)]

    def chosen(
        self, network: str, *kinds: Kind, teachers: tuple[str, ...] | None = None
    ) -> MatchingFamily | None:
        """Of several the best on the development set."""
        found = self.of(network, *kinds, teachers=teachers)
        return self.best(found) if found else None

    def best_teacher(self, family: MatchingFamily) -> Teacher | None:
        """On the development set."""
        found = [teacher for teacher in self.grid.teachers_of(family) if self.usable(teacher)]
        return self.best(found) if found else None

    def choice_words(self, families: Sequence[MatchingFamily]) -> str:
        """What had to be chosen among others of its kind, with its WER on the development set."""
        words = []
        for family in families:
            others = self.of(family.network, family.kind, teachers=family.teachers)
            words += [f"{best_of(others)}: {self.dev_words(family)}"] if len(others) > 1 else []
        return f"students {families[0].size}: " + ("; ".join(words) or "nothing to choose")


def near_zero_point(sides: Sequence[Side], grid: MatchingGrid) -> str | None:
    """The point, of those counted besides, that most students have; of these that of least LM weight."""
    counts = Counter(
        name
        for family in grid.families
        for system in family.systems
        for side in sides
        for decode in side.decodes(system) or ()
        for name in decode.errors_elsewhere or ()
    )
    return min(counts, key=lambda name: (-counts[name], float(name.partition("_")[0])), default=None)


def point_words(point: str | None) -> str:
    """``LM weight 1`` of ``1_0.0``."""
    lm_weight, _, penalty = (point or "").partition("_")
    return f"LM weight {lm_weight}" + ("" if penalty == "0.0" else f", penalty {penalty}")


def head_helps(bench: MatchingBench) -> Finding:
    """Hard labels with the head are better than without."""
    claim = "Modelling uncertainty alone helps"
    largest, *smaller = bench.grid.networks
    pair = _with_and_without_head(bench, largest)
    if pair is None:
        return NotRun(claim, "students on hard labels with and without the head")
    others = [found for network in smaller if (found := _with_and_without_head(bench, network))]
    notes = (f"{head.size}: {in_words(bench.test_of(head, hard).difference)}" for head, hard in others)
    return Evidence(claim, bench.choice_words(pair), (bench.test_of(*pair),), notes=tuple(notes))


def _with_and_without_head(
    bench: MatchingBench, network: str
) -> tuple[MatchingFamily, MatchingFamily] | None:
    head, hard = (bench.chosen(network, kind) for kind in ("hard labels + head", "hard labels"))
    return None if head is None or hard is None else (head, hard)


def head_helps_most_near_zero(bench: MatchingBench) -> Finding:
    """The head makes hard labels better near LM weight 0, relatively by more than at the chosen one."""
    claim = "It helps most where the language model weighs least"
    pair = _with_and_without_head(bench, bench.grid.networks[0])
    near = None if bench.point is None else bench.test.at(bench.point)
    if pair is None or near is None or not all(map(near.has, pair)):
        return NotRun(claim, "students on hard labels with and without the head, scored near LM weight 0 too")
    rates = [side.rates(family) for side in (near, bench.test) for family in pair]
    both = statistic_of(rates, lambda *wers: _relative(*wers[:2]) - _relative(*wers[2:]))
    where, unit = f"at {point_words(bench.point)}", "% relative"
    near_change, change = statistic_of(rates[:2], _relative), statistic_of(rates[2:], _relative)
    tests = (
        Test(f"{pair[0].name} against {pair[1].name} {where}", near_change, unit),
        Test("that minus the same at the chosen LM weight", both, "points"),
    )
    note = f"at the chosen LM weight: {in_words(change, unit)}"
    return Evidence(claim, bench.choice_words(pair), tests, notes=(note,))


def _relative(wer: Wers, reference: Wers) -> Wers:
    """Change in %."""
    change: Wers = 100 * (wer - reference) / np.maximum(reference, 1e-9)
    return change


def matching_beats_labels(bench: MatchingBench) -> Finding:
    """unc-KD is better than tok-KD: mean over the choices of teachers that both have."""
    claim = "unc-KD is better than tok-KD"
    largest, *smaller = bench.grid.networks
    pairs = _pairs(bench, largest, "unc-KD")
    if not pairs:
        return NotRun(claim, "unc-KD and tok-KD from the same teachers")
    singles = [f"{unc.name}: {in_words(bench.test_of(unc, tok).difference)}" for unc, tok in pairs]
    both = _pairs(bench, largest, "tok-KD + unc-KD")
    notes = [f"of each choice of teachers: {'; '.join(singles)}"] if len(pairs) > 1 else []
    notes += [f"tok-KD + unc-KD against tok-KD: {in_words(_mean_of(bench, both))}"] if both else []
    for network in smaller:
        if others := _pairs(bench, network, "unc-KD"):
            notes.append(f"{others[0][0].size}: {in_words(_mean_of(bench, others))}")
    words = f"mean over {len(pairs)} choices of teachers" if len(pairs) > 1 else pairs[0][0].name
    test = Test(f"unc-KD against tok-KD, {words}", _mean_of(bench, pairs))
    chosen = bench.choice_words([family for pair in pairs for family in pair])
    return Evidence(claim, chosen, (test,), notes=tuple(notes))


def _pairs(bench: MatchingBench, network: str, kind: Kind) -> list[tuple[MatchingFamily, MatchingFamily]]:
    """Students of a kind beside tok-KD, of each choice of teachers."""
    choices = dict.fromkeys(family.teachers for family in bench.of(network, kind))
    found = [
        (bench.chosen(network, kind, teachers=choice), bench.chosen(network, "tok-KD", teachers=choice))
        for choice in choices
    ]
    return [(first, second) for first, second in found if first is not None and second is not None]


def _mean_of(bench: MatchingBench, pairs: Sequence[tuple[MatchingFamily, MatchingFamily]]) -> Difference:
    share = 1 / len(pairs)
    return bench.test.difference([term for a, b in pairs for term in ((share, a), (-share, b))])


def student_beats_teacher(bench: MatchingBench) -> Finding:
    """The student that is best beside its own (best) teacher, on the development set, is better than that."""
    claim = "The student can beat its teacher"
    found: list[tuple[float, int, MatchingFamily, Teacher]] = []
    for family in bench.of(bench.grid.networks[0], *DISTILLED):
        if (teacher := bench.best_teacher(family)) is not None:
            margin = bench.dev.wer(family).mean - bench.dev.wer(teacher).mean
            found.append((round(margin, 6), len(found), family, teacher))
    if not found:
        return NotRun(claim, "students and their teachers")
    *_, student, teacher = min(found)
    words = f"largest margin of {len(found)}: {bench.dev_words(student)}, {bench.dev_words(teacher)}"
    hard = bench.chosen(student.network, "hard labels")
    notes = () if hard is None else (f"hard labels alone {bench.against(hard, teacher)}",)
    return Evidence(claim, words, (bench.test_of(student, teacher),), notes=notes)


def smaller_students_gain(bench: MatchingBench) -> Finding:
    """At each smaller size the best distilled student is better than hard labels."""
    claim = "The gains hold for smaller students"
    tests, chosen, missing = [], [], "distilled students and hard labels of a second size"
    for network in bench.grid.networks[1:]:
        best, hard = bench.chosen(network, *DISTILLED), bench.chosen(network, "hard labels")
        if best is None or hard is None:
            continue
        among = best_of(bench.of(network, *DISTILLED))
        chosen.append(f"students {best.size}: {among}: {bench.dev_words(best)}")
        test = bench.test_of(best, hard)
        tests.append(Test(f"{best.size}: {test.words}", test.difference))
    if not tests:
        return NotRun(claim, missing)
    largest = bench.grid.networks[0]
    best, hard = bench.chosen(largest, *DISTILLED), bench.chosen(largest, "hard labels")
    notes = (f"{best.size}: {best.name} {bench.against(best, hard)}",) if best and hard else ()
    return Evidence(claim, "; ".join(chosen), tuple(tests), notes=notes)


def teachers_differ_in_uncertainty(bench: MatchingBench) -> Finding:
    """Of the teachers' posteriors over half the variance is shared, of their uncertainties less."""
    claim = "Two teachers' probabilities agree while their uncertainties differ"
    names = {teacher.name for teacher in bench.grid.teachers}
    found = [each for each in bench.agreements if {each.first, each.second} <= names]
    if not found:
        return NotRun(claim, "two teachers with uncertainty heads that were compared")
    shares = [(each.log_posterior_correlation_within**2, each.sigma_correlation_within**2) for each in found]
    rule = (
        "not a test: it is said to hold where two teachers share over half of the variance of the log"
        " posteriors of a frame (each pdf's mean taken away) and under half of that of the uncertainties"
    )
    return Description(
        claim,
        all(posteriors > HALF > sigma for posteriors, sigma in shares),
        (*(_agreement_words(each) for each in found), rule),
    )


def _agreement_words(each: AgreementRecord) -> str:
    return (
        f"{each.first} and {each.second} over {each.num_frames:,} frames of {each.set_name}:"
        f" {100 * each.same_best:.1f} % have the same best pdf; correlation of log posteriors"
        f" {each.log_posterior_correlation_within:.2f}, of sigma {each.sigma_correlation_within:.2f}"
        f" (means left in: {each.log_posterior_correlation:.2f} and {each.sigma_correlation:.2f})"
    )


def better_where_the_teacher_knows(bench: MatchingBench) -> Finding:
    """Students of one teacher gain more over hard labels in its environments than in the others.

    [WER(student) - WER(hard)] in its environments, minus the same in the others: mean over all distilled
    students of a single teacher.
    """
    claim = "The student improves in the domain that its teacher knows"
    largest, everywhere = bench.grid.networks[0], frozenset(environments_of(bench.test))
    hard = bench.chosen(largest, "hard labels")
    known = [t for t in bench.grid.teachers if t.environments and everywhere - t.environments]
    groups = [(t, students) for t in known if (students := _students_of(bench, largest, t))]
    if hard is None or not groups:
        return NotRun(claim, "hard labels, and students of a teacher that knows some environments alone")
    names = [f"{t.name} ({'+'.join(sorted(t.environments))})" for t, _ in groups]
    own = [_change(bench.test.within(t.environments), students, hard) for t, students in groups]
    others = [
        _change(bench.test.within(everywhere - t.environments), students, hard) for t, students in groups
    ]
    parts = [[*first, *_scaled(second, -1.0)] for first, second in zip(own, others, strict=True)]
    who = f"students of {' and '.join(names)} against hard labels"
    tests = (
        Test(f"{who}, in the environments that the teacher knows", _mean(own)),
        Test("that minus the same in the other environments", _mean(parts)),
    )
    notes = [f"of {name} alone: {in_words(_mean([part]))}" for name, part in zip(names, parts, strict=True)]
    chosen = bench.choice_words([student for _, students in groups for student in students])
    return Evidence(claim, chosen, tests, notes=tuple(notes) if len(notes) > 1 else ())


def _students_of(bench: MatchingBench, network: str, teacher: Teacher) -> list[MatchingFamily]:
    """Of each kind the best on the development set, of this teacher alone."""
    found = [bench.chosen(network, kind, teachers=(teacher.name,)) for kind in DISTILLED]
    return [family for family in found if family is not None]


def _change(side: Side, students: Sequence[MatchingFamily], hard: MatchingFamily) -> Terms:
    """Of the students' mean to hard labels."""
    return [*((1 / len(students), side.rates(student)) for student in students), (-1.0, side.rates(hard))]


def _scaled(terms: Terms, factor: float) -> Terms:
    return [(factor * weight, rates) for weight, rates in terms]


def _mean(parts: Sequence[Terms]) -> Difference:
    """Of sums of weighted WERs."""
    terms = [term for part in parts for term in _scaled(part, 1 / len(parts))]
    weights = [weight for weight, _ in terms]
    return statistic_of([rates for _, rates in terms], lambda *wers: sum(map(mul, weights, wers)))


CLAIMS: tuple[Callable[[MatchingBench], Finding], ...] = (
    head_helps,
    head_helps_most_near_zero,
    matching_beats_labels,
    student_beats_teacher,
    smaller_students_gain,
    teachers_differ_in_uncertainty,
    better_where_the_teacher_knows,
)
