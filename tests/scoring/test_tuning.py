"""The range of LM weights and insertion penalties that is searched."""

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.tuning import (
    POINTS,
    PointRange,
    parse_points,
    parse_range,
    range_from_json,
    range_to_json,
)


def test_by_default_it_is_that_of_kaldis_scripts() -> None:
    assert parse_range(4, 17, "0,0.5,1") == PointRange()
    assert [point.name for point in POINTS[:2]] == ["4_0.0", "5_0.0"]
    assert (len(POINTS), POINTS[-1].name) == (42, "17_1.0")


def test_points_are_in_kaldis_order_however_penalties_are_given() -> None:
    names = [point.name for point in parse_range(9, 10, "1,-0.5,1.0").points()]
    assert names == ["9_-0.5", "10_-0.5", "9_1.0", "10_1.0"]
    assert [ScoringPoint.from_name(name).name for name in names] == names


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((0, 17, "0"), r"--min-lm-weight, --max-lm-weight: no whole numbers from 0 to 17 that are 1 or more"),
        ((9, 8, "0"), r"no whole numbers from 9 to 8 .*\n  fix: give, for example, 4 and 17"),
        ((4, 17, "0,0.25"), r"--penalties: '0\.25' is no number of at most one decimal"),
        ((4, 17, ""), r"--penalties: '' is no number"),
        ((4, 17, "0 1"), r"--penalties: '0 1' is no number .*\n  fix: give, for example, 0,0\.5,1"),
    ],
)
def test_an_impossible_range_is_refused(args: tuple[int, int, str], message: str) -> None:
    with pytest.raises(HybridKdError, match=message):
        parse_range(*args)


@pytest.mark.parametrize("name", ["1", "0_0.0", "1_0.25", "x_0.0", "1.5_0.0"])
def test_what_is_no_point_is_refused(name: str) -> None:
    with pytest.raises(HybridKdError, match=rf"--also-at: '{name}' is no scoring point\n  fix: .*1_0\.0"):
        parse_points(["9_0.5", name])


def test_a_range_survives_its_file_and_older_files_have_the_default() -> None:
    searched = parse_range(1, 9, "0")
    assert range_from_json(range_to_json(searched)) == searched
    assert range_from_json(None) == PointRange()


@pytest.mark.parametrize(
    ("point", "hint"),
    [
        (ScoringPoint(4, 0.0), "LM weight, 4, is at the edge of what was tried; lower --min-lm-weight"),
        (ScoringPoint(17, 0.0), "LM weight, 17, is at the edge of what was tried; raise --max-lm-weight"),
        (ScoringPoint(9, 1.0), "word insertion penalty, 1.0, is at the edge of what was tried; add a larger"),
    ],
)
def test_a_best_point_at_the_edge_is_warned_of(
    point: ScoringPoint, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    PointRange().warn_at_edge(point, "exp/dt")
    assert caplog.messages == [message for message in caplog.messages if hint in message] != []


def test_a_best_point_inside_is_not(caplog: pytest.LogCaptureFixture) -> None:
    PointRange().warn_at_edge(ScoringPoint(9, 0.0), "exp/dt")
    PointRange(1, 17, (0.0,)).warn_at_edge(ScoringPoint(1, 0.0), "exp/dt")  # there is nothing below
    assert caplog.messages == []
