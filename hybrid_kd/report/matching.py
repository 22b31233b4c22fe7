"""Students that learn how unsure a teacher is, or from several teachers, beside those that do not.

What a student is is read from its options: its loss has the reference, the teacher's labels (tok-KD), the
teacher's noise (unc-KD), or both; a family is one such way of training, one size and one choice of teachers,
at several seeds.

Source of the names: Kim et al. 2021, "Multi-domain Knowledge Distillation via Uncertainty-Matching for
End-to-End ASR Models".
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hybrid_kd.config import option_defaults
from hybrid_kd.report.families import (
    Grid,
    find_teacher,
    has_head_or_several_teachers,
    labelling_of,
    recipe_of,
    told_recipe,
)
from hybrid_kd.report.records import SystemResult
from hybrid_kd.report.tables import options_in_words
from hybrid_kd.scoring.utterances import ENVIRONMENTS
from hybrid_kd.training.options import NETWORK_SHAPE, TrainOptions

Kind = Literal["hard labels", "hard labels + head", "tok-KD", "tok-KD + head", "unc-KD", "tok-KD + unc-KD"]
DISTILLED: tuple[Kind, ...] = ("tok-KD", "tok-KD + head", "unc-KD", "tok-KD + unc-KD")
OF_THE_HEAD = frozenset({"uncertainty_activation", "uncertainty_samples", "uncertainty_noise"})
OF_TEACHERS = frozenset(
    {
        *("mixing", "sd_draw", "temperatures", "prune_below"),
        *("teacher_weights", "teacher_temperatures", "teacher_prune_below", "teacher_data", "utt_map"),
    }
)
NOT_OF_THE_RECIPE = frozenset(
    {*NETWORK_SHAPE, *OF_THE_HEAD, *OF_TEACHERS, "uncertainty", "uncertainty_weight", "soft_weight"}
)


@dataclass(frozen=True, order=True)
class Weights:
    """Of the terms of the loss: reference, teacher's labels, teacher's noise."""

    hard: float = 1.0
    soft: float = 0.0
    uncertainty: float = 0.0


@dataclass(frozen=True)
class Teacher:
    """environments: those that its training data are named after; none if they are named otherwise."""

    name: str
    system: SystemResult
    environments: frozenset[str]

    @property
    def systems(self) -> tuple[SystemResult, ...]:
        return (self.system,)

    @property
    def size(self) -> str:
        return size_of(self.system.network)


@dataclass(frozen=True)
class Way:
    """How a student was trained; details: other options that may tell it from others of its kind, sorted."""

    network: str
    kind: Kind
    teachers: tuple[str, ...]
    weights: Weights
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MatchingFamily:
    """Students that differ in nothing but the seed; told: what tells them from others of their kind."""

    network: str
    kind: Kind
    teachers: tuple[str, ...]
    weights: Weights
    told: str
    systems: tuple[SystemResult, ...]

    @property
    def name(self) -> str:
        """Without the size."""
        source = f" from {' + '.join(self.teachers)}" if self.teachers else ""
        return self.kind + self.told + source

    @property
    def size(self) -> str:
        return size_of(self.network)


@dataclass(frozen=True)
class MatchingGrid:
    """The students of one recipe, the largest first, and their teachers; recipe: what is not the default."""

    recipe: dict[str, Any]
    teachers: tuple[Teacher, ...]
    families: tuple[MatchingFamily, ...]

    @property
    def networks(self) -> list[str]:
        """The students' sizes, the largest first."""
        return list(dict.fromkeys(family.network for family in self.families))

    @property
    def num_seeds(self) -> int:
        """Of the family that has most."""
        return max(len(family.systems) for family in self.families)

    def of(
        self, network: str, kinds: Iterable[Kind], teachers: tuple[str, ...] | None = None
    ) -> list[MatchingFamily]:
        """The families of a size, of any of these kinds, of these teachers alone if they are given."""
        return [
            family
            for family in self.families
            if (family.network == network and family.kind in kinds)
            and (teachers is None or family.teachers == teachers)
        ]

    def teachers_of(self, family: MatchingFamily) -> list[Teacher]:
        """Those of its teachers that the record holds."""
        return [teacher for teacher in self.teachers if teacher.name in family.teachers]

    def covers(self, grid: Grid) -> bool:
        """Whether a grid of the first paper's is but hard labels and one way of distilling, both in here."""
        own = {system.system for family in self.families for system in family.systems}
        others = {s.system for family in grid.families.values() for s in family.systems}
        return len(grid.families) <= 2 and others <= own


def find_matching(systems: Sequence[SystemResult]) -> list[MatchingGrid]:
    """By recipe, that of most students first; one without heads or several teachers is no such grid."""
    teaching = {name for system in systems for name in teachers_of(system)}
    by_recipe: dict[tuple[Any, ...], list[SystemResult]] = {}
    for system in systems:
        is_teacher = teaching & {system.system, *system.aliases} and not teachers_of(system)
        if labelling_of(system) is not None and not is_teacher:
            by_recipe.setdefault(_key(system), []).append(system)
    found = [
        _grid(members, systems)
        for members in by_recipe.values()
        if any(map(has_head_or_several_teachers, members))
    ]
    return sorted(found, key=lambda grid: -sum(len(family.systems) for family in grid.families))


def teachers_of(system: SystemResult) -> tuple[str, ...]:
    """Their names, or paths."""
    names = system.training.get("teacher")
    return tuple(str(names).split(" + ")) if names else ()


def weights_of(system: SystemResult) -> Weights:
    """Those that its loss was made of."""
    if not teachers_of(system):
        return Weights()
    hard, soft = float(system.config["hard_weight"]), system.config.get("soft_weight")
    return Weights(
        hard, 1 - hard if soft is None else float(soft), float(system.config.get("uncertainty_weight") or 0)
    )


def kind_of(system: SystemResult) -> Kind:
    """By the weights, and whether it has a head."""
    weights, has_head = weights_of(system), bool(system.config.get("uncertainty"))
    if weights.uncertainty:
        return "tok-KD + unc-KD" if weights.soft else "unc-KD"
    if weights.soft:
        return "tok-KD + head" if has_head else "tok-KD"
    return "hard labels + head" if has_head else "hard labels"


def size_of(network: str) -> str:
    """``2 x 256`` of ``440 -> 2 x 256 -> 384, sigmoid``."""
    return " -> ".join(network.split(" -> ")[1:-1]) or network


def environments_of_training(train_data: str | None) -> frozenset[str]:
    """BUS and CAF of ``bus_caf`` or ``tr05_bus_caf``: what the data directory's name says."""
    parts = re.split(r"[^A-Z]+", (train_data or "").upper())
    return frozenset(parts).intersection(ENVIRONMENTS)


def _key(system: SystemResult) -> tuple[Any, ...]:
    recipe = _recipe(system)
    values = [(name, str(recipe[name])) for name in sorted(recipe)]
    return (system.experiment, system.train_data, system.dev_data, *values)


def _recipe(system: SystemResult) -> dict[str, Any]:
    return {name: value for name, value in recipe_of(system).items() if name not in NOT_OF_THE_RECIPE}


def _grid(members: Sequence[SystemResult], systems: Sequence[SystemResult]) -> MatchingGrid:
    by_way: dict[Way, dict[int, SystemResult]] = {}
    for system in members:
        by_way.setdefault(_way(system), {}).setdefault(system.config["seed"], system)
    families = [_family(way, seeds, list(by_way)) for way, seeds in by_way.items()]
    names = sorted({name for family in families for name in family.teachers})
    found = [(name, find_teacher(systems, name)) for name in names]
    teachers = [
        Teacher(name, system, environments_of_training(system.train_data))
        for name, system in found
        if system is not None
    ]
    recipe = told_recipe(_recipe(members[0]))
    return MatchingGrid(recipe, tuple(teachers), tuple(sorted(families, key=_order)))


def _family(way: Way, seeds: dict[int, SystemResult], ways: Sequence[Way]) -> MatchingFamily:
    systems = tuple(seeds[seed] for seed in sorted(seeds))
    return MatchingFamily(way.network, way.kind, way.teachers, way.weights, _told(way, ways), systems)


def _way(system: SystemResult) -> Way:
    kind = kind_of(system)
    teachers = teachers_of(system) if kind in DISTILLED else ()
    details = tuple(sorted(_details(system).items()))
    return Way(system.network, kind, teachers, weights_of(system), details)


def _details(system: SystemResult) -> dict[str, str]:
    """As words."""
    defaults, kind = option_defaults(TrainOptions), kind_of(system)
    names = {"init", *(OF_THE_HEAD if system.config.get("uncertainty") else ())}
    names |= OF_TEACHERS if kind in DISTILLED else set()
    told = {name: str(system.config.get(name, defaults[name])) for name in names}
    weights = {f"{name}_weight": f"{value:g}" for name, value in vars(weights_of(system)).items()}
    return {**told, **weights}


def _told(way: Way, ways: Sequence[Way]) -> str:
    """What is not the same in all families of its kind."""
    others = [dict(other.details) for other in ways if other.kind == way.kind]
    told = {
        name: value
        for name, value in way.details
        if len({other.get(name) for other in others}) > 1 and not (name == "init" and value == "None")
    }
    return f" ({', '.join(options_in_words(told))})" if told else ""


def _order(family: MatchingFamily) -> tuple[Any, ...]:
    kinds = get_args(Kind)
    size = -(family.systems[0].parameters or 0)
    choice = len(family.teachers), family.teachers
    return size, family.network, kinds.index(family.kind), *choice, family.weights, family.told
