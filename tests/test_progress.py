"""Progress: a bar on a terminal, lines elsewhere, and the items either way."""

import io
import logging
import sys
import time

import pytest

from hybrid_kd import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_lines_come_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = iter([0.0, 10.0, 31.0, 40.0, 62.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert list(progress.track("abcd", total=4, what="decode")) == ["a", "b", "c", "d"]
    assert caplog.messages == ["decode: 2 of 4, 31 s", "decode: 4 of 4, 62 s"]


def test_a_process_that_logs_nothing_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logging.disable(logging.CRITICAL)
    try:
        assert list(progress.track([1, 2, 3], total=3, what="decode")) == [1, 2, 3]
    finally:
        logging.disable(logging.NOTSET)
    assert terminal.getvalue() == ""


def test_on_a_terminal_there_is_a_bar_and_no_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress.track([1, 2, 3], total=3, what="decode")) == [1, 2, 3]
    assert "decode" in terminal.getvalue()
    assert caplog.messages == []
