"""What is left out is named, counted, and too much when it is over 1 %."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.errors import HybridKdError
from hybrid_kd.tally import Tally


def test_the_summary_counts_by_reason() -> None:
    tally = Tally("data/tr")
    tally.done(2641)
    tally.left_out("u1", "no alignment")
    tally.left_out("u2", "frame mismatch", "412 and 415")
    tally.left_out("u3", "frame mismatch")
    assert tally.summary() == "done 2641, left out 3 (2 frame mismatch, 1 no alignment)"


def test_each_is_warned_of_by_key(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally("data/tr")
    tally.left_out("u2", "frame mismatch", "412 and 415")
    assert caplog.messages == ["data/tr: left out 'u2': frame mismatch (412 and 415)"]
    assert caplog.records[0].levelno == logging.WARNING


def test_close_tells_what_was_done(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tally = Tally("data/tr")
    tally.done(7)
    tally.close(fix="align them")
    assert caplog.messages == ["data/tr: done 7, left out 0"]


def test_the_fix_follows_the_reasons_the_most_frequent_first() -> None:
    fixes = {"no alignment": "align them", "frame mismatch": "cut them", "other": "wonder"}
    tally = Tally("data/tr")
    for key, reason in (("u1", "no alignment"), ("u2", "frame mismatch"), ("u3", "frame mismatch")):
        tally.left_out(key, reason)
    with pytest.raises(HybridKdError, match=r"\n  fix: cut them; align them$"):
        tally.close(fix=fixes)
    with pytest.raises(HybridKdError, match=r"done 0, left out 0\n  fix: give data with one utterance"):
        Tally("data/tr").close(fix=fixes)


@given(num_done=st.integers(0, 500), num_left_out=st.integers(0, 8))
def test_over_one_percent_or_none_good_fails(num_done: int, num_left_out: int) -> None:
    tally = Tally("data/tr")
    tally.done(num_done)
    for index in range(num_left_out):
        tally.left_out(f"u{index}", "no alignment")
    if num_done == 0 or 100 * num_left_out > num_done + num_left_out:
        with pytest.raises(
            HybridKdError, match=f"^data/tr: too many bad utterances: done {num_done}, left out"
        ):
            tally.close(fix="align them")
    else:
        tally.close(fix="align them")


def test_exactly_one_percent_passes() -> None:
    tally = Tally("data/tr")
    tally.done(99)
    tally.left_out("u", "no alignment")
    tally.close(fix="align them")


def test_the_error_holds_the_fix() -> None:
    with pytest.raises(HybridKdError, match=r"\n  fix: align them$"):
        Tally("data/tr").close(fix="align them")


def test_a_command_with_the_option_names_the_share_that_it_would_take() -> None:
    def close(max_left_out: float) -> None:
        tally = Tally("data/tr", max_left_out=max_left_out)
        tally.done(42)
        tally.left_out("u", "too short")
        tally.close(fix="align them")

    with pytest.raises(
        HybridKdError, match=r"at most 1 % may be left out\n  fix: align them; or .*: --max-left-out 0.024$"
    ):
        close(0.01)
    close(0.024)


def test_no_share_makes_nothing_a_success() -> None:
    tally = Tally("data/tr", max_left_out=1.0)
    tally.left_out("u", "too short")
    with pytest.raises(HybridKdError, match="done 0, left out 1"):
        tally.close(fix="align them")
