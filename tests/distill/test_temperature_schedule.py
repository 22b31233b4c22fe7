"""Parsing of --temperatures."""

import pytest

from hybrid_kd.distill.temperature_schedule import (
    TemperatureStage,
    parse_temperature_schedule,
    parse_temperatures,
)
from hybrid_kd.errors import HybridKdError


def test_annealing_has_timed_stages_and_an_untimed_one() -> None:
    assert parse_temperature_schedule("3:2,2:2,1") == (
        TemperatureStage(3.0, 2),
        TemperatureStage(2.0, 2),
        TemperatureStage(1.0, None),
    )


def test_one_temperature_is_one_untimed_stage() -> None:
    assert parse_temperature_schedule("2") == (TemperatureStage(2.0, None),)


def test_label_temperatures_are_those_of_a_schedule_or_a_list() -> None:
    assert parse_temperatures("1,2,3") == (1.0, 2.0, 3.0)
    assert parse_temperatures("3:2,2:2,3:1,1") == (3.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not T or T:epochs"),
        ("hot", "'hot' is not T or T:epochs"),
        ("3:x,1", "'3:x' is not T or T:epochs"),
        ("3,1", "only the last stage may be without"),
        ("3:2,1:4", "the last stage is ended by newbob"),
        ("3:0,1", "less than one epoch"),
        ("0", "temperature 0 is not in"),
        ("-1", "temperature -1 is not in"),
        ("nan", "temperature nan is not in"),
        ("inf", "temperature inf is not in"),
    ],
)
def test_anything_else_is_an_error_with_an_example(text: str, problem: str) -> None:
    with pytest.raises(HybridKdError, match=problem) as caught:
        parse_temperature_schedule(text)
    assert "3:2,2:2,1" in str(caught.value)
