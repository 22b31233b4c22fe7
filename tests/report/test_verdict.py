"""The paper's claims on made-up students whose errors decide them."""

from typing import Any

import pytest

from hybrid_kd.report.bootstrap import make_sides
from hybrid_kd.report.claims import Bench
from hybrid_kd.report.evidence import Evidence, NotRun
from hybrid_kd.report.families import find_grids
from hybrid_kd.report.records import SystemResult
from hybrid_kd.report.verdict import Verdict, holm, judge
from tests.report.made_up import errors_of, make_student, make_study

pytestmark = pytest.mark.numerical


def verdicts(*systems: SystemResult) -> dict[str, Verdict]:
    """By claim."""
    study = make_study(*systems)
    dev, test = make_sides(study)
    assert dev is not None
    assert test is not None
    return {verdict.claim: verdict for verdict in judge(Bench(dev, test, find_grids(study.systems)[0]))}


def student(dt: float, et: float, *, noise: int = 0, spread: float = 0.0, **config: Any) -> SystemResult:
    name = "_".join(f"{key}{value}" for key, value in config.items())
    errors = errors_of(et, noise=noise, spread=spread)
    return make_student(name, errors_of(dt), errors, **config)


HARD = student(3, 3, mixing=None)


def test_holm_multiplies_by_the_number_of_those_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_claim_holds_does_not_hold_or_is_not_significant() -> None:
    found = verdicts(
        HARD,
        student(2, 2, hard_weight=0.5),
        student(3, 3, hard_weight=0.0),
        student(2, 1, mixing="sd", hard_weight=0.5),
        student(1, 2, noise=1, spread=0.9, temperatures="3:2,2:2,1"),
    )
    assert found["Distillation beats hard labels"].status == "holds"
    assert found["SI is best strictly between 0 and 1"].status == "holds"
    assert found["SD is best at hard weight 0"].status == "does not hold"
    assert found["Annealing the temperature helps"].status == "not significant"
    assert found["Any temperature other than 1 hurts"].status == "not run"


def test_p_is_corrected_over_the_claims_that_were_tested() -> None:
    found = verdicts(HARD, student(2, 2, hard_weight=0.5), student(3, 3, hard_weight=0.0))
    tested = [verdict for verdict in found.values() if verdict.p_holm is not None]
    smallest = min(verdict.p_value for verdict in tested if verdict.p_value is not None)
    assert smallest == pytest.approx(2 / 10001)
    assert min(verdict.p_holm for verdict in tested if verdict.p_holm) == pytest.approx(
        len(tested) * smallest
    )
    assert {verdict.claim for verdict in tested} == {
        "Distillation beats hard labels",
        "SI is best strictly between 0 and 1",
    }


def test_the_choice_is_made_on_dt_whatever_et_says() -> None:
    found = verdicts(HARD, student(1, 4, hard_weight=0.1), student(2, 1, hard_weight=0.5))
    evidence = found["Distillation beats hard labels"].finding
    assert isinstance(evidence, Evidence)
    assert evidence.chosen == "best of 2: SI 0.1 (20.00 % on dt05_simu)"
    assert evidence.decisive.difference.value == 20.0
    assert found["Distillation beats hard labels"].status == "does not hold"


def test_the_best_hard_weight_must_beat_both_ends() -> None:
    found = verdicts(HARD, student(2, 2, hard_weight=0.5), student(1, 1, hard_weight=0.0))
    verdict = found["SI is best strictly between 0 and 1"]
    assert verdict.status == "does not hold"
    assert isinstance(verdict.finding, Evidence)
    assert verdict.finding.decisive.words == "SI 0.5 against SI 0"


def test_si_and_sd_are_compared_at_the_same_hard_weights() -> None:
    pairs = [
        student(1, et, mixing=mixing, hard_weight=weight)
        for weight in (0.2, 0.6)
        for mixing, et in (("si", 1), ("sd", 1 + 10 * weight))
    ]
    found = verdicts(HARD, student(0, 0, hard_weight=0.0), *pairs, student(1, 9, hard_weight=0.9))
    verdict = found["SI is better than SD"]
    assert verdict.status == "holds"
    assert isinstance(verdict.finding, Evidence)
    assert verdict.finding.decisive.difference.value == pytest.approx(-(40 + 120) / 2)
    assert verdict.finding.notes[0] == "SI has the lower WER at 2 of 2 hard weights"


def test_annealing_is_also_compared_with_the_rate_held_at_one() -> None:
    at_one, annealed = student(3, 3), student(2, 2, temperatures="3:4,2:4,1")
    held = student(1, 1, temperatures="1:8,1")
    found = verdicts(HARD, at_one, annealed, held)
    evidence = found["Annealing the temperature helps"].finding
    assert isinstance(evidence, Evidence)
    assert evidence.chosen == "the only one: SI 0.5, T=3->2->1, e=4 (40.00 % on dt05_simu)"
    assert evidence.decisive.words == "SI 0.5, T=3->2->1, e=4 against SI 0.5"
    assert evidence.notes == ("to SI 0.5, T=1, rate held for 8 epochs: +20.00 % [+20.00, +20.00]",)
    assert found["Annealing the temperature helps"].status == "holds"
    assert found["Distillation beats hard labels"].status == "not significant"
    evidence = verdicts(HARD, at_one, annealed)["Annealing the temperature helps"].finding
    assert isinstance(evidence, Evidence)
    assert evidence.notes == ()


def test_one_student_of_a_kind_is_not_called_the_best() -> None:
    found = verdicts(
        HARD,
        student(2, 2, hard_weight=0.5),
        student(2, 2, hard_weight=0.5, mixing="sd"),
        student(2, 2, hard_weight=0.5, temperatures="2"),
        student(2, 2, hard_weight=0.5, temperatures="3:2,2:2,1"),
        make_student("again", errors_of(2), errors_of(2), init="hard"),
    )
    chosen = {c: v.finding.chosen for c, v in found.items() if isinstance(v.finding, Evidence)}
    assert chosen["SI is better than SD"] == "nothing to choose: both at hard weight 0.5"
    assert chosen["Any temperature other than 1 hurts"].startswith("the only other: SI 0.5, T=2 (")
    assert chosen["Annealing the temperature helps"].startswith("the only one: SI 0.5, T=3->2->1, e=2 (")
    assert chosen["Retraining suffices, in less time"].startswith("the only retrained: SI 0.5, retrained (")


def test_temperature_is_told_apart_from_pruning() -> None:
    found = verdicts(
        HARD,
        student(2, 2, hard_weight=0.1),
        student(3, 3, hard_weight=0.1, temperatures="2"),
        student(4, 4, hard_weight=0.1, temperatures="3"),
        student(1, 1, hard_weight=0.1, temperatures="2", prune_below=0.0),
    )
    pruned, unpruned = (
        found[f"Any temperature other than 1 hurts{how}"] for how in ("", ", also without pruning")
    )
    assert (pruned.status, unpruned.status) == ("holds", "does not hold")
    assert isinstance(pruned.finding, Evidence)
    assert pruned.finding.decisive.words == "SI 0.1 against SI 0.1, T=2"


@pytest.mark.parametrize(
    ("losses", "status", "note"),
    [
        (
            (1.7, 1.4),
            "holds",
            "seed 0: dev cross-entropy 1.5000 after retrained 1 (10 s), from scratch 2 epochs (20 s)",
        ),
        (
            (1.7, 1.6),
            "does not hold",
            "seed 0: dev cross-entropy 1.5000: from scratch 2 epochs (20 s), retrained never",
        ),
        ((1.7, 1.6, 1.4), "does not hold", "after retrained 2 (20 s), from scratch 2 epochs (20 s)"),
    ],
)
def test_retraining_must_keep_the_gain_and_take_fewer_epochs(
    losses: tuple[float, ...], status: str, note: str
) -> None:
    again = make_student("again", errors_of(1), errors_of(1), init="hard", losses=losses)
    verdict = verdicts(HARD, student(1, 1, hard_weight=0.5), again)["Retraining suffices, in less time"]
    assert verdict.status == status
    assert isinstance(verdict.finding, Evidence)
    assert any(note in line for line in verdict.finding.notes)


def test_a_retrained_student_that_loses_most_of_the_gain_does_not_suffice() -> None:
    again = make_student("again", errors_of(1), errors_of(3), init="hard", losses=(1.7, 1.4))
    verdict = verdicts(HARD, student(1, 1, hard_weight=0.5), again)["Retraining suffices, in less time"]
    assert verdict.status == "does not hold"


def test_a_difference_of_the_size_to_be_shown_is_found_in_four_of_five_sets() -> None:
    """Of one test, at 5 %: 1.96 + 0.84 standard errors."""
    found = verdicts(HARD, student(1, 2, noise=2, spread=1.0, hard_weight=0.5))
    verdict = found["Distillation beats hard labels"]
    assert isinstance(verdict.finding, Evidence)
    error = verdict.finding.decisive.difference.standard_error
    assert verdict.detectable == pytest.approx((1.959964 + 0.841621) * error)


def test_what_is_missing_is_said() -> None:
    found = verdicts(HARD, student(1, 1, hard_weight=0.5))
    missing = {claim: v.finding.missing for claim, v in found.items() if isinstance(v.finding, NotRun)}
    assert missing["SI is better than SD"] == "SI and SD at one hard weight between 0 and 1"
    assert missing["Annealing the temperature helps"] == "annealed students"
    assert missing["Any temperature other than 1 hurts"] == "constant temperatures other than 1"
