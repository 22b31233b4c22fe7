"""Students are known by their options."""

from dataclasses import replace
from typing import Any

import pytest

from hybrid_kd.report.families import Labelling, find_grids, labelling_of
from hybrid_kd.report.records import SystemResult
from tests.report.made_up import errors_of, make_student, make_teacher


def student(name: str = "x", **config: Any) -> SystemResult:
    return make_student(name, errors_of(1), errors_of(1), **config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"mixing": None}, "hard labels"),
        ({"mixing": "si", "hard_weight": 1}, "hard labels"),
        ({"mixing": "sd", "hard_weight": 0}, "SI 0"),
        ({"mixing": "sd", "hard_weight": 0.25}, "SD 0.25"),
        ({"hard_weight": 0.1, "temperatures": "2"}, "SI 0.1, T=2"),
        ({"hard_weight": 0.1, "temperatures": "3", "prune_below": 0.0}, "SI 0.1, T=3, unpruned"),
        ({"temperatures": "3:4,2:4,1"}, "SI 0.5, T=3->2->1, e=4"),
        ({"temperatures": "3:4,2:2,1"}, "SI 0.5, T=3->2->1"),
        ({"temperatures": "1:8,1"}, "SI 0.5, T=1, rate held for 8 epochs"),
        ({"init": "anything"}, "SI 0.5, retrained"),
    ],
)
def test_what_a_student_is_stands_in_its_options(config: dict[str, Any], words: str) -> None:
    labelling = labelling_of(student("named_otherwise", **config))
    assert labelling is not None
    assert labelling.in_words() == words


def test_a_network_that_was_not_trained_here_is_no_student() -> None:
    assert labelling_of(replace(student(), config={"nnet": "final.nnet"})) is None
    assert labelling_of(make_teacher(errors_of(0), errors_of(0))) is None


def test_seeds_are_a_family_and_other_recipes_are_other_grids() -> None:
    teacher = make_teacher(errors_of(0), errors_of(0))
    students = [
        student("b", seed=1),
        student("a"),
        student("hard", mixing=None),
        student("longer", min_iters=10),
        student("zero_as_it_was", min_iters=0, hard_weight=0.2),
        student("alone", mixing=None, learning_rate=0.1),
    ]
    first, second = find_grids([teacher, *students])
    half = first.at("si", 0.5)
    assert half is not None
    assert [system.system for system in half.systems] == ["a", "b"]
    assert first.hard is not None
    assert [family.name for family in first.families.values()] == ["hard labels", "SI 0.2", "SI 0.5"]
    assert (first.teacher, first.recipe, second.recipe) == (teacher, {}, {"min_iters": 10})
    assert second.in_words() == f"{students[0].network}, min iters 10"


def test_both_mixings_share_their_ends() -> None:
    teacher = make_teacher(errors_of(0), errors_of(0))
    (grid,) = find_grids([teacher, student("zero", hard_weight=0.0), student("hard", mixing=None)])
    assert grid.at("sd", 0.0) is grid.at("si", 0.0) is grid.families[Labelling("si", 0.0)]
    assert grid.at("sd", 1.0) is grid.hard


def test_of_several_teachers_the_one_with_most_students_counts() -> None:
    teacher = make_teacher(errors_of(0), errors_of(0))
    other = replace(student("of_other", hard_weight=0.3), training={"labels": "si", "teacher": "elsewhere"})
    (grid,) = find_grids([other, teacher, student("a"), student("b", hard_weight=0.1)])
    assert [family.name for family in grid.families.values()] == ["SI 0.1", "SI 0.5"]


def test_a_retrained_student_is_of_the_recipe_of_its_start() -> None:
    teacher = make_teacher(errors_of(0), errors_of(0))
    pretrained = [
        student(name, pretrain="rbm", **config) for name, config in (("hard", {"mixing": None}), ("a", {}))
    ]
    again = student("again", init="hard")
    (grid,) = find_grids([teacher, *pretrained, again])
    assert [family.name for family in grid.families.values()] == [
        "hard labels",
        "SI 0.5",
        "SI 0.5, retrained",
    ]
