"""A log file beside what is shown on stderr."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def about_directory(directory: Path) -> dict[str, Any]:
    """The ``extra`` of a log message that concerns one directory alone."""
    return {"directory": directory}


@contextmanager
def log_to_file(path: Path, *, directory: Path | None = None) -> Iterator[None]:
    """Send what is logged also to the end of ``path``, with the time of day.

    With ``directory``, messages about another one are left out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    if directory is not None:
        handler.addFilter(lambda record: getattr(record, "directory", directory) == directory)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
