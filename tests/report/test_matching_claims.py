"""The second paper's claims on made-up students whose errors decide them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hybrid_kd.report.bootstrap import make_sides
from hybrid_kd.report.evidence import Description, Evidence, NotRun
from hybrid_kd.report.matching import find_matching
from hybrid_kd.report.matching_claims import CLAIMS, MatchingBench, near_zero_point, point_words
from hybrid_kd.report.records import Study
from hybrid_kd.report.verdict import Verdict, corrected
from tests.report.made_up import DT
from tests.report.made_up_matching import (
    AGREEMENT,
    BOTH,
    BUS_CAF,
    PED_STR,
    POINT,
    Errors,
    domain_teacher,
    matching_student,
    matching_study,
)

pytestmark = pytest.mark.numerical

HEAD = "Modelling uncertainty alone helps"
NEAR = "It helps most where the language model weighs least"
UNC = "unc-KD is better than tok-KD"
BEATS = "The student can beat its teacher"
SMALL = "The gains hold for smaller students"
AGREE = "Two teachers' probabilities agree while their uncertainties differ"
DOMAIN = "The student improves in the domain that its teacher knows"


def bench_of(study: Study) -> MatchingBench:
    dev, test = make_sides(study)
    assert dev is not None
    assert test is not None
    grid = find_matching(study.systems)[0]
    return MatchingBench(dev, test, grid, study.agreements, near_zero_point([dev, test], grid))


def verdicts(study: Study) -> dict[str, Verdict]:
    """By claim."""
    bench = bench_of(study)
    return {verdict.claim: verdict for verdict in corrected([claim(bench) for claim in CLAIMS])}


def evidence(verdict: Verdict) -> Evidence:
    assert isinstance(verdict.finding, Evidence)
    return verdict.finding


def by_kind(**errors: Errors) -> Callable[[str, str | None, str], Errors]:
    return lambda kind, *_: errors[kind]


ALL_HOLD = by_kind(hard=4, head=3, tok=3, unc=2, tok_unc=1)


def only(study: Study, keep: Callable[[str], bool]) -> Study:
    """Without the students whose name is not to be kept."""
    kept = [s for s in study.systems if s.system.startswith("teacher") or keep(s.system)]
    return replace(study, systems=kept)


def test_all_claims_are_told_in_the_papers_order() -> None:
    found = verdicts(matching_study(ALL_HOLD))
    assert list(found) == [HEAD, NEAR, UNC, BEATS, SMALL, AGREE, DOMAIN]


def test_a_head_that_makes_fewer_errors_helps_and_one_that_makes_more_does_not() -> None:
    found = verdicts(matching_study(ALL_HOLD))[HEAD]
    assert (found.status, evidence(found).decisive.difference.value) == ("holds", -20.0)
    assert evidence(found).notes == ("2 x 128: -20.00 % [-20.00, -20.00]",)
    worse = verdicts(matching_study(by_kind(hard=3, head=4, tok=3, unc=3, tok_unc=3)))[HEAD]
    assert worse.status == "does not hold"


@pytest.mark.parametrize(
    ("near_hard", "near_head", "status", "decisive"),
    [
        (10, 5, "holds", -25.0),  # -50 % there, -25 % at the chosen point
        (5, 5, "does not hold", 25.0),
        (20, 19, "does not hold", 20.0),  # it helps there too, but less
    ],
)
def test_near_lm_weight_0_the_head_must_help_by_relatively_more(
    near_hard: int, near_head: int, status: str, decisive: float
) -> None:
    study = Study(
        [
            matching_student("hard", None, 4, near=near_hard),
            matching_student("head", None, 3, near=near_head),
        ],
        matching_study(ALL_HOLD).sets,
    )
    found = verdicts(study)[NEAR]
    assert found.status == status
    assert evidence(found).decisive.difference.value == pytest.approx(decisive)
    assert evidence(found).decisive.unit == "points"
    assert evidence(found).tests[0].difference.value == pytest.approx(100 * (near_head / near_hard - 1))


def test_a_smaller_loss_near_lm_weight_0_is_no_help() -> None:
    """Two points of relative change better than at the chosen point, yet worse than hard labels."""
    study = Study(
        [matching_student("hard", None, 2, near=10), matching_student("head", None, 3, near=11)],
        matching_study(ALL_HOLD).sets,
    )
    found = verdicts(study)[NEAR]
    assert found.status == "does not hold"
    assert evidence(found).decisive.words == "hard labels + head against hard labels at LM weight 1"


def test_without_errors_near_lm_weight_0_that_claim_is_not_run() -> None:
    study = matching_study(ALL_HOLD)
    bare = [
        replace(s, decodes=[replace(decode, errors_elsewhere=None) for decode in s.decodes])
        for s in study.systems
    ]
    finding = verdicts(replace(study, systems=bare))[NEAR].finding
    assert isinstance(finding, NotRun)
    assert finding.missing.endswith("scored near LM weight 0 too")


def test_the_point_of_least_lm_weight_that_most_students_have_is_taken() -> None:
    study = matching_study(ALL_HOLD)
    moved = []
    for index, system in enumerate(study.systems):
        zero = {"0_0.0": [0] * 160} if index == len(study.systems) - 1 else {}
        decodes = [
            replace(d, errors_elsewhere={"2_0.0": [0] * 160, **(d.errors_elsewhere or {}), **zero})
            for d in system.decodes
        ]
        moved.append(replace(system, decodes=decodes))
    assert bench_of(replace(study, systems=moved)).point == POINT
    assert point_words(POINT) == "LM weight 1"
    assert point_words("1_-0.5") == "LM weight 1, penalty -0.5"


def test_unc_kd_is_compared_with_tok_kd_of_the_same_teachers_and_averaged_over_them() -> None:
    gains = {BUS_CAF: 1, PED_STR: 2, BOTH: 3}
    study = matching_study(lambda kind, teacher, _: 4 - (gains[teacher or ""] if kind == "unc" else 0))
    found = verdicts(study)[UNC]
    assert found.status == "holds"
    assert evidence(found).decisive.difference.value == pytest.approx(-100 * 2 / 5)
    assert evidence(found).notes[0].count("unc-KD from") == 3
    assert "tok-KD + unc-KD against tok-KD: +0.00 %" in evidence(found).notes[1]


def test_unc_kd_without_tok_kd_of_its_teachers_is_not_compared() -> None:
    study = only(matching_study(ALL_HOLD), lambda name: "tok_t" not in name or PED_STR not in name)
    found = verdicts(study)[UNC]
    assert evidence(found).decisive.words == f"unc-KD against tok-KD, unc-KD from {BUS_CAF}"


def test_of_several_weights_that_which_is_best_on_dt_is_tested() -> None:
    study = matching_study(ALL_HOLD)
    other = matching_student("unc", BUS_CAF, 0, dt=3, uncertainty_weight=10.0)
    better = matching_student("unc", BUS_CAF, 5, dt=1, uncertainty_weight=20.0)
    found = verdicts(replace(study, systems=[*study.systems, other, better]))[UNC]
    assert evidence(found).chosen == (
        f"students 2 x 256: best of 3: unc-KD (uncertainty weight 20) from {BUS_CAF} (20.00 % on {DT})"
    )
    assert evidence(found).decisive.difference.value == pytest.approx(100 * (2 - 1 - 1) / 3 / 5)


def test_a_student_stands_beside_its_own_best_teacher() -> None:
    """Of both teachers, the better one on dt; the margin on dt chooses the student."""
    study = matching_study(by_kind(hard=4, head=4, tok=4, unc=2, tok_unc=4))
    students = [replace(s) for s in study.systems if not s.system.startswith("teacher")]
    teachers = [domain_teacher(BUS_CAF, 3, dt=2), domain_teacher(PED_STR, 1, dt=1)]
    best = matching_student("unc", BUS_CAF, 2, dt=1, seed=7, uncertainty_weight=3.0)
    found = verdicts(replace(study, systems=[*teachers, *students, best]))[BEATS]
    assert found.status == "holds"
    assert f"unc-KD (uncertainty weight 3) from {BUS_CAF} against {BUS_CAF}" in evidence(found).decisive.words
    assert evidence(found).notes == (f"hard labels alone to {BUS_CAF}: +20.00 % [+20.00, +20.00]",)
    both = next(f for f in find_matching(study.systems)[0].families if f.teachers == (BUS_CAF, PED_STR))
    bench = bench_of(replace(study, systems=[*teachers, *students]))
    teacher = bench.best_teacher(both)
    assert teacher is not None
    assert teacher.name == PED_STR


def test_smaller_students_are_compared_with_hard_labels_of_their_own_size() -> None:
    study = matching_study(
        lambda kind, _, size: {"hard": 3, "head": 3}.get(kind, 1 if size == "2 x 256" else 4)
    )
    found = verdicts(study)[SMALL]
    assert (found.status, evidence(found).decisive.difference.value) == ("does not hold", 20.0)
    assert evidence(found).chosen.startswith("students 2 x 128: best of 9: ")
    assert evidence(found).notes[0].startswith("2 x 256: ")
    alone = verdicts(only(study, lambda name: "2 x 256" in name))[SMALL]
    assert alone.status == "not run"


@pytest.mark.parametrize(
    ("posteriors", "sigma", "status"),
    [(0.9, 0.5, "holds"), (0.9, 0.8, "does not hold"), (0.6, 0.1, "does not hold")],
)
def test_agreement_is_described_without_a_p(posteriors: float, sigma: float, status: str) -> None:
    measured = replace(AGREEMENT, log_posterior_correlation_within=posteriors, sigma_correlation_within=sigma)
    found = verdicts(replace(matching_study(ALL_HOLD), agreements=[measured]))
    assert (found[AGREE].status, found[AGREE].p_holm) == (status, None)
    finding = found[AGREE].finding
    assert isinstance(finding, Description)
    assert f"correlation of log posteriors {posteriors:.2f}, of sigma {sigma:.2f}" in finding.lines[0]
    none = verdicts(replace(matching_study(ALL_HOLD), agreements=[]))[AGREE]
    assert none.status == "not run"


def in_domain(own: float, other: float) -> Callable[[str, str | None, str], Errors]:
    """Errors of single-teacher students in the teacher's environments and the others; hard labels make 3."""

    def errors(kind: str, teacher: str | None, size: str) -> Errors:
        known = {BUS_CAF: ("BUS", "CAF"), PED_STR: ("PED", "STR")}.get(teacher or "")
        if known is None:
            return 3
        return {noise: own if noise in known else other for noise in ("BUS", "CAF", "PED", "STR")}

    return errors


@pytest.mark.parametrize(
    ("own", "other", "status", "decisive"),
    [
        (1, 2, "holds", -20.0),  # -40 % where the teacher knows, -20 % elsewhere
        (2, 1, "does not hold", 20.0),
        (4, 5, "does not hold", 20.0),  # worse everywhere, though less so at home
    ],
)
def test_the_gain_in_the_teachers_domain_must_be_one_and_the_larger_one(
    own: float, other: float, status: str, decisive: float
) -> None:
    found = verdicts(matching_study(in_domain(own, other)))[DOMAIN]
    assert found.status == status
    assert evidence(found).decisive.difference.value == pytest.approx(decisive)
    assert evidence(found).notes[0].startswith(f"of {BUS_CAF} (BUS+CAF) alone: ")


def test_a_teacher_of_all_environments_or_of_unnamed_ones_says_nothing_of_domains() -> None:
    study = matching_study(in_domain(1, 2))
    systems = [replace(s, train_data="tr05_multi") if s.system == BUS_CAF else s for s in study.systems]
    assert "PED+STR" in evidence(verdicts(replace(study, systems=systems))[DOMAIN]).tests[0].words
    assert BUS_CAF not in evidence(verdicts(replace(study, systems=systems))[DOMAIN]).tests[0].words
    systems = [
        replace(s, train_data="bus_caf_ped_str") if s.system in (BUS_CAF, PED_STR) else s for s in systems
    ]
    assert verdicts(replace(study, systems=systems))[DOMAIN].status == "not run"


def test_p_is_corrected_over_what_was_tested() -> None:
    found = verdicts(matching_study(in_domain(1, 2)))
    tested = [verdict for verdict in found.values() if verdict.p_holm is not None]
    assert len(tested) == 6
    smallest = min(verdict.p_value for verdict in tested if verdict.p_value is not None)
    assert smallest == pytest.approx(2 / 10001)
    assert min(verdict.p_holm for verdict in tested if verdict.p_holm) == pytest.approx(6 * smallest)


def test_draws_decide_what_is_not_significant() -> None:
    study = matching_study(lambda *_: 2, seeds=2, spread=1.0)
    found = verdicts(study)[UNC]
    assert found.status == "not significant"
    assert len(evidence(found).decisive.difference.by_seed) == 2
