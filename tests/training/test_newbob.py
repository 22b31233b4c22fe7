"""The newbob schedule, replayed on a training that Kaldi ran."""

import re
from pathlib import Path

import pytest

from hybrid_kd.training.newbob import NewbobOptions, NewbobState, after_epoch, after_timed_epoch

OPTIONS = NewbobOptions()
LINE = re.compile(r"\(lrate(\S+)\), CROSSVAL AVG.LOSS (\S+), nnet (accepted|rejected)")


def run(losses: list[float], options: NewbobOptions = OPTIONS) -> list[NewbobState]:
    """States before the first and after every epoch; the first loss is that of the initial network."""
    states = [NewbobState(options.learning_rate, losses[0])]
    for loss in losses[1:]:
        states.append(after_epoch(states[-1], loss, options))
    return states


@pytest.mark.parametrize("experiment", ["kaldi-an4", "kaldi-libri5k"])
def test_decides_as_kaldis_scheduler_did(shared: Path, experiment: str) -> None:
    text = (shared / experiment / "exp/nnet1_student_ce/schedule.txt").read_text()
    initial = re.search(r"PRERUN AVG.LOSS (\S+)", text)
    assert initial
    epochs = LINE.findall(text)
    states = run([float(initial[1]), *(float(loss) for _, loss, _ in epochs)])
    assert [state.learning_rate for state in states[:-1]] == pytest.approx(
        [float(rate) for rate, _, _ in epochs]
    )
    assert [state.accepted for state in states[1:]] == [word == "accepted" for _, _, word in epochs]
    assert [state.finished for state in states] == [False] * len(epochs) + [True]


def test_rejected_epoch_keeps_the_best_loss_and_starts_halving() -> None:
    state = run([3.0, 2.0, 2.1])[-1]
    assert (state.accepted, state.best_loss, state.learning_rate, state.finished) == (
        False,
        2.0,
        0.004,
        False,
    )


def test_equal_loss_is_rejected() -> None:
    assert not run([3.0, 2.0, 2.0])[-1].accepted


def test_loss_that_is_not_a_number_is_rejected() -> None:
    assert not run([3.0, 2.0, float("nan")])[-1].accepted


def test_rate_is_held_while_improvement_is_large() -> None:
    assert {state.learning_rate for state in run([3.0, 2.0, 1.9, 1.8])} == {0.008}


def test_ends_after_max_iters_even_while_improving() -> None:
    states = run([3.0, 2.0, 1.5, 1.0], NewbobOptions(max_iters=3))
    assert [state.finished for state in states] == [False, False, False, True]


def test_min_iters_accepts_and_goes_on() -> None:
    states = run([3.0, 2.0, 2.1, 2.2, 2.3], NewbobOptions(min_iters=3))
    assert [state.accepted for state in states[1:]] == [True, True, True, False]
    assert [state.finished for state in states[1:]] == [False, False, False, True]


def test_timed_epochs_hold_the_rate_and_reject_nothing() -> None:
    state = NewbobState(0.008, 2.0)
    for loss in (2.5, 1.9, 3.0):
        state = after_timed_epoch(state, loss)
        assert (state.accepted, state.learning_rate, state.halving, state.iters) == (True, 0.008, False, 0)
        assert state.best_loss == loss
