"""Students by what they learned: read from their options, never from their names."""

from dataclasses import replace

import pytest

from hybrid_kd.report.families import find_grids
from hybrid_kd.report.matching import (
    MatchingFamily,
    MatchingGrid,
    environments_of_training,
    find_matching,
    kind_of,
    size_of,
    weights_of,
)
from hybrid_kd.report.records import SystemResult
from tests.report.made_up import errors_of, make_student, make_study
from tests.report.made_up_matching import (
    BOTH,
    BUS_CAF,
    PED_STR,
    domain_teacher,
    matching_student,
    matching_study,
)


def grid_of(*systems: SystemResult) -> MatchingGrid:
    (grid,) = find_matching(systems)
    return grid


def names(grid: MatchingGrid) -> list[str]:
    return [family.name for family in grid.families]


@pytest.mark.parametrize(
    ("kind", "teacher", "in_words", "weights"),
    [
        ("hard", None, "hard labels", (1, 0, 0)),
        ("head", None, "hard labels + head", (1, 0, 0)),
        ("tok", BUS_CAF, "tok-KD", (0.5, 0.5, 0)),
        ("unc", BUS_CAF, "unc-KD", (1, 0, 1)),
        ("tok_unc", BOTH, "tok-KD + unc-KD", (0.5, 0.5, 1)),
    ],
)
def test_the_weights_of_the_loss_tell_the_kind(
    kind: str, teacher: str | None, in_words: str, weights: tuple[float, ...]
) -> None:
    system = replace(matching_student(kind, teacher, 2), system="any name")
    assert kind_of(system) == in_words
    assert tuple(vars(weights_of(system)).values()) == weights


def test_soft_weight_0_is_no_distillation_of_posteriors_and_one_given_is_taken() -> None:
    unc = matching_student("unc", BUS_CAF, 2, hard_weight=0.5, soft_weight=0.0)
    assert kind_of(unc) == "unc-KD"
    both = matching_student("unc", BUS_CAF, 2, soft_weight=0.7)
    assert (kind_of(both), weights_of(both).soft) == ("tok-KD + unc-KD", 0.7)
    head = matching_student("head", BUS_CAF, 2, hard_weight=0.5)
    assert kind_of(head) == "tok-KD + head"


def test_a_family_is_all_seeds_of_one_size_kind_and_choice_of_teachers() -> None:
    (grid,) = find_matching(matching_study(lambda *_: 2, seeds=3).systems)
    assert [len(family.systems) for family in grid.families] == [3] * 22
    assert [family.size for family in grid.families] == ["2 x 256"] * 11 + ["2 x 128"] * 11
    assert names(grid)[:5] == [
        *("hard labels", "hard labels + head", f"tok-KD from {BUS_CAF}"),
        *(f"tok-KD from {PED_STR}", f"tok-KD from {BOTH}"),
    ]
    assert grid.num_seeds == 3


def test_teachers_are_no_students_and_know_what_their_data_is_called_after() -> None:
    grid = find_matching(matching_study(lambda *_: 2).systems)[0]
    assert [(t.name, sorted(t.environments)) for t in grid.teachers] == [
        (BUS_CAF, ["BUS", "CAF"]),
        (PED_STR, ["PED", "STR"]),
    ]
    assert not any("1024" in network for network in grid.networks)
    both = grid.of(grid.networks[0], ["unc-KD"], (BUS_CAF, PED_STR))[0]
    assert grid.teachers_of(both) == list(grid.teachers)


@pytest.mark.parametrize(
    ("train_data", "environments"),
    [
        ("bus_caf", {"BUS", "CAF"}),
        ("tr05-STR", {"STR"}),
        ("tr05_multi", set()),
        ("busy_streets", set()),
        (None, set()),
    ],
)
def test_environments_are_whole_words_of_the_name(train_data: str | None, environments: set[str]) -> None:
    assert environments_of_training(train_data) == environments


def test_options_that_differ_within_a_kind_are_in_the_name() -> None:
    students = [matching_student("unc", BUS_CAF, 2, uncertainty_weight=weight) for weight in (1.0, 10.0)]
    students += [matching_student("tok", BUS_CAF, 2, temperatures="2")]
    assert names(grid_of(*students)) == [
        f"tok-KD from {BUS_CAF}",
        f"unc-KD (uncertainty weight 1) from {BUS_CAF}",
        f"unc-KD (uncertainty weight 10) from {BUS_CAF}",
    ]


def test_options_of_the_head_do_not_part_students_that_have_none() -> None:
    students = [matching_student("hard", None, 2), matching_student("head", None, 2, uncertainty_samples=4)]
    grid = grid_of(*students)
    assert names(grid) == ["hard labels", "hard labels + head"]
    assert grid.recipe == {}


def test_another_recipe_is_another_grid() -> None:
    students = [matching_student("head", None, 2, seed=seed) for seed in (0, 1)]
    students.append(matching_student("head", None, 2, min_iters=10))
    assert [grid.recipe for grid in find_matching(students)] == [{}, {"min_iters": 10}]


def test_a_teacher_with_a_head_alone_makes_no_such_study() -> None:
    """Nor do its students, if they have none."""
    teacher = domain_teacher(BUS_CAF, 1)
    students = [matching_student("hard", None, 2), matching_student("tok", BUS_CAF, 2)]
    assert find_matching([teacher, *students]) == []
    assert len(find_grids([teacher, *students])) == 1


def test_the_first_papers_grids_leave_out_heads_and_several_teachers() -> None:
    study = make_study(
        make_student("hard", errors_of(2), errors_of(2), mixing=None),
        make_student("si", errors_of(2), errors_of(2)),
        make_student("head", errors_of(2), errors_of(2), uncertainty=True),
    )
    several = make_student("several", errors_of(2), errors_of(2))
    several = replace(several, config=several.config | {"teacher_labels": ["exp/a", "exp/b"]})
    (grid,) = find_grids([*study.systems, several])
    assert [s.system for family in grid.families.values() for s in family.systems] == ["hard", "si"]


def test_hard_labels_and_one_distilled_family_are_told_once_but_a_whole_study_stays() -> None:
    students = [matching_student("hard", None, 2), matching_student("tok", BUS_CAF, 2)]
    systems = [domain_teacher(BUS_CAF, 1), *students, matching_student("unc", BUS_CAF, 2)]
    assert grid_of(*systems).covers(find_grids(systems)[0])
    systems.append(matching_student("tok", BUS_CAF, 2, hard_weight=0.2))
    assert not grid_of(*systems).covers(find_grids(systems)[0])


def test_size_is_what_stands_between_input_and_output() -> None:
    assert size_of("440 -> 2 x 256 -> 384, sigmoid") == "2 x 256"
    assert size_of("unknown") == "unknown"
    assert isinstance(grid_of(matching_student("head", None, 2)).families[0], MatchingFamily)
