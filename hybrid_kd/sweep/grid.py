"""The systems of a study: all combinations of the options that an entry of its grid lists, for every seed."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_kd.config import did_you_mean, refuse_unknown_key
from hybrid_kd.distill.temperature_schedule import parse_temperature_schedule
from hybrid_kd.errors import HybridKdError
from hybrid_kd.sweep.naming import canonical, family_name, is_hard, seeded
from hybrid_kd.sweep.option_values import GIVEN, as_mapping, option_value
from hybrid_kd.training.options import HARDWARE

NOT_IN_A_GRID = HARDWARE | {"config", "seed"}


@dataclass(frozen=True)
class GridSystem:
    """One student: its name, all options but paths, and the system that it starts from, if any.

    start: the name of a system of this grid. ``values["init"]`` is then to be its directory.
    """

    name: str
    values: dict[str, Any]
    start: str | None = None

    @property
    def needs_teacher(self) -> bool:
        return not is_hard(self.values)

    @property
    def is_pruned(self) -> bool:
        """Whether a label store has its labels; otherwise the teacher runs on the fly."""
        return bool(self.values["prune_below"] > 0)

    def temperatures(self) -> list[float]:
        """Those that its labels are needed at."""
        return [stage.temperature for stage in parse_temperature_schedule(self.values["temperatures"])]


def expand_grid(
    path: Path, entries: Sequence[Any], *, common: Mapping[str, Any], seeds: Sequence[int]
) -> list[GridSystem]:
    """All systems of the first seed, then all of the next; ``common`` are the options of all of them.

    Within an entry, combinations that are the same student count once (hard weight 1 at any temperature).

    Raises: HybridKdError, naming ``path`` and the entry, for an unknown option, a bad value, a system that
    stands in two entries, or a start that is no system.
    """
    families: dict[str, tuple[int, dict[str, Any]]] = {}
    for number, entry in enumerate(entries, start=1):
        place = f"{path}, entry {number} of systems"
        for combination in _combinations(place, as_mapping(place, entry)):
            values = canonical({**common, **combination})
            name = _name(place, values, common)
            first, _ = families.setdefault(name, (number, values))
            if first != number:
                problem = f"{name} stands in entry {first} already"
                raise HybridKdError.at(place, problem, fix="leave it out of one of them")
    if not families:
        raise HybridKdError.at(path, "no systems", fix="list their options under `systems:`")
    return [_at_seed(path, name, families, seed) for seed in seeds for name in families]


def _combinations(place: str, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    lists = []
    for name, content in entry.items():
        refuse_unknown_key(place, name, GIVEN - NOT_IN_A_GRID)
        texts = content if isinstance(content, list) else [content]
        values = [option_value(place, name, text) for text in texts if _is_text(place, name, text)]
        if len(set(values)) < len(values):
            raise HybridKdError.at(place, f"{name} lists a value twice", fix="give each value once")
        lists.append([(name, value) for value in values])
    return [dict(pairs) for pairs in itertools.product(*lists)]


def _is_text(place: str, name: str, text: Any) -> bool:
    if not isinstance(text, str):
        raise HybridKdError.at(place, f"{name} holds {text}", fix="write a value, or a list of values")
    return True


def _name(place: str, values: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    try:
        return family_name(values, common)
    except HybridKdError as error:  # of its temperatures
        quoted = f"{error}; a schedule in a list needs quotes: ['2:3,1', '3:3,2:3,1']"
        raise HybridKdError(f"{place}: {quoted}") from error


def _at_seed(
    path: Path, family: str, families: Mapping[str, tuple[int, dict[str, Any]]], seed: int
) -> GridSystem:
    number, values = families[family]
    init, start = values["init"], None
    if init is not None and "/" not in str(init):
        if str(init) not in families:
            fix = did_you_mean(str(init), families, otherwise="give a system of this study without its seed")
            place = f"{path}, entry {number} of systems"
            raise HybridKdError.at(place, f"init: no system '{init}' in this study", fix=fix)
        start = seeded(str(init), seed)
    return GridSystem(seeded(family, seed), {**values, "seed": seed}, start)
