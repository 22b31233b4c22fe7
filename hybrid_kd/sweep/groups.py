"""Systems that can be trained side by side on the same minibatches."""

import json
from collections.abc import Mapping, Sequence

from hybrid_kd.sweep.study_file import System
from hybrid_kd.training.together import NOT_TOGETHER, OF_THE_TEACHER, shared_options

NO_TEACHER = json.dumps({name: str(None) for name in OF_THE_TEACHER})


def find_groups(systems: Sequence[System]) -> list[tuple[System, ...]]:
    """Systems by what they must share, in their order; none is with the one that it starts from.

    A student without a teacher goes with those that have one.
    """
    by_name = {system.name: system for system in systems}
    groups: dict[tuple[str, str], list[System]] = {}
    for system in systems:
        groups.setdefault(_key(system, _num_before(system, by_name)), []).append(system)
    for key in [key for key in groups if key[1] == NO_TEACHER]:
        beside = [other for other in groups if other[0] == key[0] and other != key]
        if beside:
            groups[beside[0]] += groups.pop(key)
    ordered = [tuple(sorted(group, key=systems.index)) for group in groups.values()]
    return sorted(ordered, key=lambda group: systems.index(group[0]))


def _num_before(system: System, by_name: Mapping[str, System]) -> int:
    """How many must be trained before, one after the other."""
    start = by_name.get(system.start or "")
    return 0 if start is None else 1 + _num_before(start, by_name)


def _key(system: System, num_before: int) -> tuple[str, str]:
    """What is shared beside the teacher, and the teacher's."""
    shared = shared_options(system.options)
    teacher = {name: str(shared.pop(name)) for name in OF_THE_TEACHER}
    alone = system.name if any(shared[name] for name in NOT_TOGETHER) else None
    values = {name: str(value) for name, value in shared.items()}
    return json.dumps([values, num_before, alone]), json.dumps(teacher)
