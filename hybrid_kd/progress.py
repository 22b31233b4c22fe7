"""Progress of long work: a bar on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


def track(items: Iterable[Item], *, total: int, what: str) -> Iterator[Item]:
    """Yield the items and show on stderr how many of ``total`` are done: a bar on a terminal, else lines.

    A process that logs nothing shows nothing.
    """
    shows_bar = sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)
    return _bar(items, total, what) if shows_bar else _lines(items, total, what)


def _bar(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import track as rich_track

    console = Console(stderr=True)
    return iter(rich_track(items, description=what, total=total, console=console, transient=True))


def _lines(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    start = last = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            logger.info("%s: %d of %d, %.0f s", what, count, total, now - start)
