"""Python commands of this recipe: options from a dataclass, mistakes as messages."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError

Options = TypeVar("Options")


def run_command(options_class: type[Options], run: Callable[[Options], None], name: str) -> None:
    """Parse the command line and run; the exit status is 0, 1 (a user's mistake) or 2 (bad flags)."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    try:
        run(parse_options(options_class, sys.argv[1:], prog=f"python -m {name}"))
    except HybridKdError as error:
        sys.exit(f"{name}: {error}")
    except OSError as error:
        sys.exit(f"{name}: {error.filename or 'a file'}: {error.strerror or error}")
