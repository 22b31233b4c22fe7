"""Students of a record by what they were trained with: one family is one way of training, at several seeds.

What they are is read from their options, never from their names.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hybrid_kd.config import listed, option_defaults
from hybrid_kd.distill.temperature_schedule import TemperatureStage, parse_temperature_schedule
from hybrid_kd.report.records import SystemResult
from hybrid_kd.report.tables import options_in_words
from hybrid_kd.training.options import HARDWARE, NETWORK_SHAPE, TrainOptions

LABELLING = frozenset(
    {
        *("mixing", "hard_weight", "sd_draw", "temperatures", "prune_below", "init", "seed"),
        *("teacher", "teacher_labels", "teacher_data", "utt_map"),
    }
)
INITIALISATION = frozenset({"pretrain", "rbm_iter", "rbm_learn_rate", "rbm_gaussian_learn_rate"})
NOT_COMPARED = HARDWARE | {"out", "config", "train_data", "train_ali", "dev_data", "dev_ali"}
PAPERS_THRESHOLD = 0.01


@dataclass(frozen=True, order=True)
class Labelling:
    """The labels of a student and where it started; hard_weight 1 is a student on the reference alone.

    SD and SI at hard weight 0 are the same student, which stands as SI.
    """

    mixing: str = "hard"
    hard_weight: float = 1.0
    stages: tuple[tuple[float, int | None], ...] = ((1.0, None),)
    prune_below: float = PAPERS_THRESHOLD
    retrained: bool = False

    @property
    def temperature(self) -> float | None:
        """Its temperature, if that is constant."""
        return self.stages[0][0] if len(self.stages) == 1 else None

    @property
    def is_annealed(self) -> bool:
        """Whether the temperature changes; if it does not, timed stages only hold the learning rate."""
        return len({temperature for temperature, _ in self.stages}) > 1

    @property
    def schedule(self) -> str:
        """``T=3->2->1`` of an annealing."""
        return "T=" + "->".join(f"{temperature:g}" for temperature, _ in self.stages)

    @property
    def epochs_a_stage(self) -> int | None:
        """e, if all timed stages have as many epochs."""
        lengths = {num_epochs for _, num_epochs in self.stages[:-1]}
        return lengths.pop() if len(lengths) == 1 else None

    def in_words(self) -> str:
        """For tables and figures."""
        start = ", retrained" if self.retrained else ""
        if self.mixing == "hard":
            return f"hard labels{start}"
        words = f"{self.mixing.upper()} {self.hard_weight:g}"
        if self.is_annealed:
            words += f", {self.schedule}" + (f", e={self.epochs_a_stage}" if self.epochs_a_stage else "")
        elif self.temperature is None:
            held = sum(num_epochs or 0 for _, num_epochs in self.stages)
            words += f", T={self.stages[0][0]:g}, rate held for {held} epochs"
        elif self.temperature != 1:
            words += f", T={self.temperature:g}"
        if self.prune_below != PAPERS_THRESHOLD:
            words += ", unpruned" if self.prune_below == 0 else f", pruned below {self.prune_below:g}"
        return words + start


@runtime_checkable
class SystemGroup(Protocol):
    """Systems that WERs are means over: students that differ in nothing but the seed, or a teacher alone."""

    @property
    def name(self) -> str: ...

    @property
    def systems(self) -> tuple[SystemResult, ...]: ...


@dataclass(frozen=True)
class Family:
    """Students that differ in nothing but the seed, in its order."""

    labelling: Labelling
    systems: tuple[SystemResult, ...]

    @property
    def name(self) -> str:
        return self.labelling.in_words()


@dataclass(frozen=True)
class Grid:
    """The students of one network and one recipe of training, by their labels, and their teacher.

    recipe: the options that are not the defaults.
    """

    network: str
    recipe: dict[str, Any]
    families: dict[Labelling, Family]
    teacher: SystemResult | None

    @property
    def hard(self) -> Family | None:
        """The students on the reference alone."""
        return self.families.get(Labelling())

    @property
    def num_seeds(self) -> int:
        """Of the family that has most."""
        return max((len(family.systems) for family in self.families.values()), default=0)

    @property
    def num_systems(self) -> int:
        return sum(len(family.systems) for family in self.families.values())

    def at(self, mixing: str, hard_weight: float, **others: Any) -> Family | None:
        """The family of these labels, at T = 1 unless ``stages`` say else; the ends are of both mixings."""
        if hard_weight == 1:
            mixing = "hard"
        elif hard_weight == 0:
            mixing = "si"
        return self.families.get(Labelling(mixing, hard_weight, **others))

    def at_one(self, label: Labelling) -> list[Family]:
        """Of the same mixing and hard weight at T = 1: pruned alike, then as in the paper."""
        thresholds = label.prune_below, PAPERS_THRESHOLD
        found = [self.at(label.mixing, label.hard_weight, prune_below=threshold) for threshold in thresholds]
        return [family for family in found if family is not None]

    def held_at_one(self, mixing: str, hard_weight: float) -> Family | None:
        """At T = 1 throughout, with the learning rate held for some epochs, as annealing holds it."""
        held = [
            family
            for label, family in self.families.items()
            if (label.mixing, label.hard_weight) == (mixing, hard_weight) and not label.retrained
            if label.temperature is None and not label.is_annealed and label.stages[0][0] == 1
        ]
        return max(held, key=lambda family: len(family.systems), default=None)

    def in_words(self) -> str:
        """Network and recipe."""
        return ", ".join([self.network, *options_in_words(self.recipe)])


def labelling_of(system: SystemResult) -> Labelling | None:
    """What a network was trained with; None for what was not trained here."""
    config = system.config
    if system.kind != "network" or "hard_weight" not in config:
        return None
    retrained = bool(config.get("init"))
    has_teacher = bool(config.get("teacher") or config.get("teacher_labels"))
    if not has_teacher or config["hard_weight"] == 1:
        return Labelling(retrained=retrained)
    stages = tuple(map(_as_tuple, parse_temperature_schedule(str(config["temperatures"]))))
    mixing = config["mixing"] if config["hard_weight"] > 0 else "si"
    return Labelling(mixing, float(config["hard_weight"]), stages, float(config["prune_below"]), retrained)


def has_head_or_several_teachers(system: SystemResult) -> bool:
    """Whether a network is of the kind that the second paper ([K]) is about."""
    config = system.config
    num_teachers = len(listed(config.get("teacher"))) + len(listed(config.get("teacher_labels")))
    return bool(config.get("uncertainty")) or num_teachers > 1


def _as_tuple(stage: TemperatureStage) -> tuple[float, int | None]:
    return stage.temperature, stage.num_epochs


def find_grids(systems: Sequence[SystemResult]) -> list[Grid]:
    """Students by network and recipe, the grid of most decoded systems first; a teacher alone is no grid.

    Where students of one recipe have several teachers, those of the one with most students are taken. Those
    with an uncertainty head, or of several teachers at once, are left to matching.py.
    """
    by_recipe: dict[tuple[Any, ...], list[SystemResult]] = {}
    for system in systems:
        if labelling_of(system) is not None and not has_head_or_several_teachers(system):
            by_recipe.setdefault(_recipe_key(system, systems), []).append(system)
    grids = [_grid(members, systems) for members in by_recipe.values()]
    grids = [grid for grid in grids if grid.teacher is not None]
    return sorted(grids, key=_num_decoded, reverse=True)


def _recipe_key(system: SystemResult, systems: Sequence[SystemResult]) -> tuple[Any, ...]:
    recipe = recipe_of(system)
    if system.config.get("init"):
        begun = next((other for other in systems if other.system == system.config["init"]), None)
        if begun is not None and begun.config:
            recipe |= {name: recipe_of(begun)[name] for name in INITIALISATION}
    values = [(name, recipe[name]) for name in sorted(recipe)]
    return (system.experiment, system.network, system.train_data, system.dev_data, *values)


def recipe_of(system: SystemResult) -> dict[str, Any]:
    """What decides about a training besides its labels; an option that is newer had its default then."""
    defaults = option_defaults(TrainOptions)
    names = defaults.keys() - LABELLING - NOT_COMPARED
    return {name: system.config.get(name, defaults[name]) for name in names}


def _grid(members: Sequence[SystemResult], systems: Sequence[SystemResult]) -> Grid:
    teachers = Counter(teacher for s in members if (teacher := s.training.get("teacher")) is not None)
    name = teachers.most_common(1)[0][0] if teachers else None
    by_labelling: dict[Labelling, dict[int, SystemResult]] = {}
    for system in members:
        labelling = labelling_of(system)
        if labelling is not None and system.training.get("teacher") in (None, name):
            by_labelling.setdefault(labelling, {}).setdefault(system.config["seed"], system)
    families = {
        labelling: Family(labelling, tuple(seeds[seed] for seed in sorted(seeds)))
        for labelling, seeds in sorted(by_labelling.items(), key=lambda item: _order(item[0]))
    }
    told = told_recipe(recipe_of(members[0]))
    return Grid(members[0].network, told, families, find_teacher(systems, name))


def told_recipe(recipe: dict[str, Any]) -> dict[str, Any]:
    """What of it is not the default, nor in the network's name."""
    defaults = option_defaults(TrainOptions)
    return {
        name: recipe[name] for name in sorted(recipe.keys() - NETWORK_SHAPE) if recipe[name] != defaults[name]
    }


def _order(labelling: Labelling) -> tuple[Any, ...]:
    """Hard labels, then SI and SD at T = 1 by hard weight, constant T, annealing, retraining."""
    kinds = ["hard", "si", "sd"]
    is_plain = labelling.temperature == 1 and labelling.prune_below == PAPERS_THRESHOLD
    rest = labelling.temperature is None, not is_plain
    stages = [(temperature, num_epochs or 0) for temperature, num_epochs in labelling.stages]
    where = (
        kinds.index(labelling.mixing),
        labelling.hard_weight,
        len(stages),
        labelling.prune_below == 0,
        stages,
    )
    return labelling.retrained, *rest, *where


def find_teacher(systems: Sequence[SystemResult], name: str | None) -> SystemResult | None:
    """The system of that name or path."""
    found = (s for s in systems if name is not None and Path(name).name in (s.system, *s.aliases))
    return next(found, None)


def _num_decoded(grid: Grid) -> int:
    return sum(
        any(decode.is_whole_set for decode in system.decodes)
        for family in grid.families.values()
        for system in family.systems
    )
