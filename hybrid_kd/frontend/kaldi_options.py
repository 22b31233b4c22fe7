"""Options as Kaldi's programs write them: ``--sample-frequency=8000``, in mfcc.conf, cmvn_opts, splice_opts.

Source: Kaldi util/parse-options.cc.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import ASCII_SPACE, read_lines, read_text, split_words

Options = TypeVar("Options")

FIX = "give a file of options"
TRUE, FALSE = ("true", "t", "1", ""), ("false", "f", "0")


def read_kaldi_config(options_class: type[Options], path: Path) -> Options:
    """Read a ``--config`` file: one option a line, ``#`` begins a comment; the rest keeps its default.

    Raises: HybridKdError for a file that cannot be read, an unknown option or a bad value.
    """
    lines = [line.partition("#")[0].strip(ASCII_SPACE) for line in read_lines(path, fix=FIX)]
    return parse_kaldi_options(options_class, [line for line in lines if line], place=path)


def read_kaldi_opts(options_class: type[Options], path: Path) -> Options:
    """Read an ``*_opts`` file of a model directory: options on one line; none, or no file, are the defaults.

    Raises: HybridKdError for an unknown option or a bad value.
    """
    words = split_words(read_text(path, fix=FIX)) if path.exists() else []
    return parse_kaldi_options(options_class, words, place=path)


def parse_kaldi_options(options_class: type[Options], words: Sequence[str], *, place: str | Path) -> Options:
    """Fill a dataclass of bool, int, float and str fields from ``--name=value`` words; the last one wins.

    Raises: HybridKdError for an unknown option or a bad value.
    """
    fields = {field.name: field for field in dataclasses.fields(options_class)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        field = fields.get(name.removeprefix("--").strip().replace("-", "_").lower())
        if field is None or not name.startswith("--"):
            known = ", ".join(f"--{name.replace('_', '-')}" for name in fields)
            raise HybridKdError.at(place, f"unknown option {word[:80]!r}", fix=f"known options: {known}")
        try:
            values[field.name] = _convert(field.type, value.strip())
        except ValueError:
            problem = f"{word[:80]!r}: not {_WHAT.get(field.type, 'a value')}"
            raise HybridKdError.at(place, problem, fix=f"write {name}=VALUE") from None
    return options_class(**values)


_WHAT: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number"}


def _convert(type_: Any, text: str) -> Any:
    if type_ is bool:
        if text.lower() not in (*TRUE, *FALSE):
            raise ValueError
        return text.lower() in TRUE
    value = type_(text)
    if type_ is float and not math.isfinite(value):
        raise ValueError
    return value
