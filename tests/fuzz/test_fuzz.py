"""A few mutants of every reader, always the same ones: none ends otherwise than well or in a named error.

``make fuzz`` tries others, for as long as one likes.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from tests.fuzz import campaign
from tests.fuzz.campaign import Bench, Golden, Target, make_benches, run_mutants
from tests.fuzz.targets import TARGETS

SEED = 0
MUTANTS = 40
SLOW = {
    "training": 6,
    "score_again": 6,
    "make_graph_of_arpa": 6,
    "report": 4,
    "collect": 10,
    "make_graph": 20,
}


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    return make_benches(TARGETS.values(), tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", TARGETS)
def test_damage_ends_in_a_named_error_or_well(benches: dict[str, Bench], name: str) -> None:
    benches[name].check()
    failures = list(run_mutants(benches[name], SEED, range(SLOW.get(name, MUTANTS))))
    assert "\n".join(f"{each.command}\n{each.change}\n{each.problem}" for each in failures) == ""


def make_one_file(root: Path) -> None:
    (root / "a.txt").write_text("one two\n")


def without_fix(_: Path) -> None:
    raise HybridKdError("a file: broken")


def hang(_: Path) -> None:
    time.sleep(60)


def take_memory(_: Path) -> None:
    bytearray(2 * campaign.MEMORY)


def die(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raise_unnamed(_: Path) -> None:
    raise ZeroDivisionError("by chance")


def raise_named(_: Path) -> None:
    raise HybridKdError.at("a file", "broken", fix="make it again")


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (without_fix, "an error without place or fix: a file: broken"),
        (hang, "a hang: it took more than _._ s"),
        (take_memory, "MemoryError"),
        (die, "signal _"),
        (raise_unnamed, "ZeroDivisionError: by chance"),
        (raise_named, None),
    ],
)
def test_what_a_reader_does_wrong_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], None], problem: str | None
) -> None:
    """In each mutant, whatever happened to the process that the one before was in."""
    monkeypatch.setattr(campaign, "SECONDS", 0.2)
    monkeypatch.setattr(campaign, "MEMORY", 1 << 28)
    target = Target("a", make_one_file, read)
    bench = Bench(target, Golden(target.make, tmp_path / "files"))
    failures = list(run_mutants(bench, 0, range(2)))
    expected = [] if problem is None else [(0, problem), (1, problem)]
    assert [(failure.number, failure.kind) for failure in failures] == expected
    assert (tmp_path / "files/a.txt").read_text() == "one two\n"
