"""Tasks that need each other."""

import threading

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.sweep.tasks import Task, run_tasks
from tests.waiting import PATIENCE_S


def never() -> None:
    raise AssertionError("was to stop nothing")


def test_what_is_needed_comes_first_whatever_the_order() -> None:
    done: list[str] = []
    tasks = [
        Task("c", lambda: done.append("c"), ("b",)),
        Task("a", lambda: done.append("a")),
        Task("b", lambda: done.append("b"), ("a",)),
    ]
    assert run_tasks(tasks, jobs=2, stop=never) == {}
    assert done == ["a", "b", "c"]


def test_as_many_as_asked_for_run_at_a_time() -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)

    def meet() -> None:
        both.wait()

    assert run_tasks([Task(name, meet) for name in "abcd"], jobs=2, stop=never) == {}


def test_a_failure_takes_along_only_what_needs_it() -> None:
    done: list[str] = []

    def fail() -> None:
        raise HybridKdError("broken")

    tasks = [
        Task("c", lambda: done.append("c"), ("b",)),
        Task("b", lambda: done.append("b"), ("a",)),
        Task("a", fail),
        Task("d", lambda: done.append("d")),
    ]
    assert run_tasks(tasks, jobs=1, stop=never) == {
        "a": "broken",
        "b": "not begun, since a failed",
        "c": "not begun, since b failed",
    }
    assert done == ["d"]


def test_our_own_mistake_stops_everything() -> None:
    stopped: list[bool] = []

    def mistake() -> None:
        raise AssertionError("ours")

    with pytest.raises(AssertionError, match="ours"):
        run_tasks([Task("a", mistake)], jobs=1, stop=lambda: stopped.append(True))
    assert stopped == [True]
