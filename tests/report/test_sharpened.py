"""Students of a constant temperature, also decoded with their logits times T."""

from dataclasses import replace
from typing import Any

from hybrid_kd.report.bootstrap import make_sides
from hybrid_kd.report.claims import Bench, other_temperatures_hurt
from hybrid_kd.report.evidence import Evidence
from hybrid_kd.report.families import find_grids
from hybrid_kd.report.records import SystemResult
from hybrid_kd.report.sharpened import sharpened_table
from tests.report.made_up import decodes, errors_of, make_student, make_study


def student(dt: float, et: float, *, temperature: int, seed: int = 0) -> SystemResult:
    options: dict[str, Any] = {
        "hard_weight": 0.1,
        "prune_below": 0.0,
        "temperatures": str(temperature),
        "seed": seed,
    }
    name = f"si_0.1_T{temperature}_s{seed}"
    return make_student(name, errors_of(dt), errors_of(et), **options)


def also_sharpened(system: SystemResult, dt: float, et: float, *, logit_scale: float) -> SystemResult:
    sharp = [
        replace(decode, logit_scale=logit_scale, directory=f"{decode.directory}_x")
        for decode in decodes(errors_of(dt), errors_of(et))
    ]
    return replace(system, decodes=[*system.decodes, *sharp])


PLAIN = [
    make_student("hard", errors_of(4), errors_of(4), mixing=None),
    student(2, 2, temperature=1),
    student(3, 4, temperature=5),
]
FLAT = [student(3, 3, temperature=2, seed=seed) for seed in (0, 1)]
STUDIES = {
    "sharpened": make_study(*PLAIN, *(also_sharpened(each, 1, 1, logit_scale=2.0) for each in FLAT)),
    "by another T": make_study(*PLAIN, *(also_sharpened(each, 1, 1, logit_scale=3.0) for each in FLAT)),
    "not": make_study(*PLAIN, *FLAT),
}


def bench(name: str) -> Bench:
    dev, test = make_sides(STUDIES[name])
    assert dev is not None
    assert test is not None
    return Bench(dev, test, find_grids(STUDIES[name].systems)[0])


def test_both_ways_stand_beside_t_1() -> None:
    made = bench("sharpened")
    table = sharpened_table(made.grid, [made.dev, made.test])
    assert table is not None
    labels = "SI 0.1, T=2, unpruned"
    against = "-20.00 % [-20.00, -20.00]"
    assert table.rows == [[labels, "60.00", "20.00", against, "60.00", "20.00", against]]


def test_it_takes_the_labels_own_temperature() -> None:
    for name in ("by another T", "not"):
        made = bench(name)
        assert sharpened_table(made.grid, [made.dev, made.test]) is None
        finding = other_temperatures_hurt(made, pruned=False)
        assert isinstance(finding, Evidence)
        assert finding.notes == ()


def test_the_claim_is_judged_as_decoded_and_says_what_sharpened_logits_give() -> None:
    finding = other_temperatures_hurt(bench("sharpened"), pruned=False)
    assert isinstance(finding, Evidence)
    assert finding.decisive.difference.value == -20
    assert finding.chosen == "best of 2 other: SI 0.1, T=2, unpruned (60.00 % on dt05_simu)"
    assert finding.notes == (
        "decoded with logits x T, the only one: SI 0.1, T=2, unpruned (20.00 % on dt05_simu);"
        " SI 0.1, unpruned against it: +20.00 % [+20.00, +20.00]",
    )
