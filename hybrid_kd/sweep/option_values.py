"""Options of `hybrid-kd train` as a study's YAML file writes them: text to values, as flags are read."""

import reprlib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from hybrid_kd.config import read_yaml, refuse_unknown_key
from hybrid_kd.errors import HybridKdError
from hybrid_kd.training.options import PER_TEACHER, TrainOptions

HINTS = get_type_hints(TrainOptions)
OF_THE_SWEEP = frozenset(
    {
        *("train_data", "train_ali", "dev_data", "dev_ali", "out"),
        *("teacher", "teacher_labels", "teacher_data", "utt_map"),
        *PER_TEACHER,
    }
)
GIVEN = frozenset(HINTS.keys() - OF_THE_SWEEP)  # what a study may give, and ``config``


def option_value(place: str, name: str, text: str) -> Any:
    """The value of an option; numbers, true and false, null.

    Raises: HybridKdError if it is of another kind.
    """
    hint = HINTS[name]
    kinds = get_args(hint) or (hint,)
    if NoneType in kinds and text in ("null", "~", ""):
        return None
    if get_origin(hint) is Literal:
        if text in kinds:
            return text
        raise HybridKdError.at(place, f"{name} is '{text}'", fix=f"write {' or '.join(kinds)}")
    kind = next(kind for kind in kinds if kind is not NoneType)
    try:
        return {"true": True, "false": False}[text] if kind is bool else kind(text)
    except (ValueError, KeyError) as error:
        words = {bool: "true or false", int: "a whole number", float: "a number"}
        raise HybridKdError.at(
            place, f"{name} is '{text}'", fix=f"write {words.get(kind, 'a path')}"
        ) from error


def option_values(place: str, content: Any) -> dict[str, Any]:
    """Values of a mapping of options; its ``config`` is a file of options, over which the others win.

    Raises: HybridKdError for an unknown option, one that the sweep decides itself, or a bad value.
    """
    texts = as_mapping(place, content)
    if config := texts.pop("config", None):
        texts = {**read_yaml(Path(str(config)), loader=yaml.BaseLoader), **texts}
    values = {}
    for name, text in texts.items():
        refuse_unknown_key(place, name, GIVEN)
        if not isinstance(text, str):
            raise HybridKdError.at(place, f"{name} is not one value", fix="lists stand in `systems:` only")
        values[name] = option_value(place, name, text)
    return values


def as_mapping(place: str, content: Any) -> dict[str, Any]:
    """A copy of a YAML mapping; empty for nothing.

    Raises: HybridKdError if it is something else.
    """
    if content in (None, ""):
        return {}
    if not isinstance(content, Mapping):
        raise HybridKdError.at(
            place, f"not a mapping: {reprlib.repr(content)}", fix="write `key: value` lines"
        )
    return dict(content)
