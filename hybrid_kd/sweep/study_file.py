"""A study's YAML file: the experiment, how it is decoded, its teachers, and the grid of its students."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

import yaml

from hybrid_kd.config import read_yaml, refuse_unknown_key
from hybrid_kd.decoding.options import Decoder, SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.file_names import file_of_id
from hybrid_kd.sweep.grid import GridSystem, expand_grid
from hybrid_kd.sweep.option_values import as_mapping, option_values
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.training.options import TrainOptions, check_options

SECTIONS = frozenset(
    {"experiment", "decoding", "teacher", "teachers", "labels", "student", "seeds", "systems"}
)
PATHS = ("train_data", "train_ali", "dev_data", "dev_ali", "graph", "exp", "results")
SETS = ("tune_data", "eval_data")
TEACHER, TEACHER_LABELS = "teacher", "labels"


@dataclass(frozen=True)
class Experiment:
    """Where everything lies. LM weight and insertion penalty are chosen on all of tune_data together."""

    train_data: Path
    train_ali: Path
    dev_data: Path
    dev_ali: Path
    graph: Path
    exp: Path
    results: Path
    tune_data: tuple[Path, ...]
    eval_data: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.exp.resolve().name


@dataclass(frozen=True)
class System:
    """One network to train. ``start``: the system of the study that it is initialised with."""

    name: str
    options: TrainOptions
    start: str | None = None

    @property
    def directory(self) -> Path:
        return self.options.out


@dataclass(frozen=True)
class StudyPlan:
    """All that a study is to do.

    teachers: networks to train, whose mean is the teacher; none where ``given_teacher`` is there already.
    given_labels: the teacher's label store, where the study says; it is written if it is not there.
    temperatures: those that the label store is needed at.
    """

    experiment: Experiment
    decoder: Decoder
    search: SearchOptions
    given_teacher: Path | None
    given_labels: Path | None
    teachers: tuple[System, ...]
    systems: tuple[System, ...]
    temperatures: tuple[float, ...]

    @property
    def teacher_dir(self) -> Path:
        return self.experiment.exp / TEACHER

    @property
    def label_store(self) -> Path:
        """The given one, or one for each set of temperatures, so that a study can grow."""
        if self.given_labels is not None:
            return self.given_labels
        return self.experiment.exp / "_".join(
            [TEACHER_LABELS, "-".join(f"{temperature:g}" for temperature in self.temperatures)]
        )

    @property
    def prune_below(self) -> float:
        """The least threshold of those who use the store."""
        return min(s.options.prune_below for s in self.systems if s.options.teacher_labels)


def read_study_file(options: SweepOptions) -> StudyPlan:
    """Read and check ``options.config``; what the other options say takes the place of what it says.

    Raises: HybridKdError that names the file, the section and what is wrong.
    """
    path = options.config
    content = read_yaml(path, loader=yaml.BaseLoader)
    for key in content:
        refuse_unknown_key(path, key, SECTIONS)
    experiment = _experiment(path, content.get("experiment"), options)
    decoder, search = _decoding(path, content.get("decoding"), options)
    common = option_values(f"{path}, student", content.get("student"))
    seeds = _seeds(path, content.get("seeds", "0"))
    grid = expand_grid(
        path, _as_list(path, "systems", content.get("systems", [])), common=common, seeds=seeds
    )
    given_teacher, teachers = _teachers(path, content, options, experiment)
    temperatures = sorted({t for s in grid if s.needs_teacher and s.is_pruned for t in s.temperatures()})
    given_labels = _given_labels(path, content, options)
    plan = StudyPlan(
        experiment, decoder, search, given_teacher, given_labels, teachers, (), tuple(temperatures)
    )
    plan = replace(plan, systems=tuple(_system(path, plan, system) for system in grid))
    if given_teacher is None and not teachers and any(system.needs_teacher for system in grid):
        fix = "give `teacher: <model directory>`, or `teachers:` with the options of those to train"
        raise HybridKdError.at(path, "its students need a teacher", fix=fix)
    return plan


def _experiment(path: Path, content: Any, options: SweepOptions) -> Experiment:
    place = f"{path}, experiment"
    section = as_mapping(place, content)
    for key in section:
        refuse_unknown_key(place, key, {*PATHS, *SETS})
    found: dict[str, Any] = {name: getattr(options, name) or section.get(name) for name in PATHS}
    for name, value in found.items():
        if not value or not isinstance(value, str | Path):
            flag = f"--{name.replace('_', '-')}"
            raise HybridKdError.at(
                place, f"it gives no {name}", fix=f"write `{name}: <path>`, or give {flag}"
            )
    paths: dict[str, Any] = {name: Path(value) for name, value in found.items()}
    for name in SETS:
        paths[name] = getattr(options, name) or tuple(map(Path, _as_list(path, name, section.get(name, []))))
    paths["tune_data"] = paths["tune_data"] or (paths["dev_data"],)
    names = [data.name for data in (*paths["tune_data"], *paths["eval_data"])]
    if len(set(names)) < len(names):
        problem = f"two sets have the same name: {', '.join(sorted(names))}"
        raise HybridKdError.at(place, problem, fix="list each set once, in tune_data or eval_data")
    return Experiment(**paths)


def _decoding(path: Path, content: Any, options: SweepOptions) -> tuple[Decoder, SearchOptions]:
    place = f"{path}, decoding"
    section = as_mapping(place, content)
    numbers = [option.name for option in fields(SearchOptions)]
    for key in section:
        refuse_unknown_key(place, key, {"decoder", *numbers})
    decoder = options.decoder or section.get("decoder", "auto")
    if decoder not in get_args(Decoder):
        raise HybridKdError.at(
            place, f"decoder is '{decoder}'", fix=f"write {' or '.join(get_args(Decoder))}"
        )
    found: dict[str, float] = {}
    for name in numbers:
        text = getattr(options, name) or section.get(name)
        try:
            found |= {} if text is None else {name: float(text)}
        except (TypeError, ValueError) as error:
            raise HybridKdError.at(place, f"{name} is '{text}'", fix="write a number") from error
    return decoder, SearchOptions(**found)


def _teachers(
    path: Path, content: Mapping[str, Any], options: SweepOptions, experiment: Experiment
) -> tuple[Path | None, tuple[System, ...]]:
    given = options.teacher or content.get("teacher")
    if given:
        if "teacher" in content and "teachers" in content:
            raise HybridKdError.at(path, "both `teacher` and `teachers` are given", fix="keep one of them")
        return Path(str(given)), ()
    members = _as_list(path, "teachers", content.get("teachers", []))
    systems = []
    for number, member in enumerate(members, start=1):
        place = f"{path}, teacher {number}"
        name = TEACHER if len(members) == 1 else f"{TEACHER}_{number}"
        systems.append(System(name, _train_options(place, experiment, name, option_values(place, member))))
    if len({replace(system.options, out=Path()) for system in systems}) < len(systems):
        raise HybridKdError.at(path, "two teachers are the same", fix="give each another seed")
    return None, tuple(systems)


def _given_labels(path: Path, content: Mapping[str, Any], options: SweepOptions) -> Path | None:
    given = options.labels or content.get("labels")
    if given and not isinstance(given, str | Path):
        raise HybridKdError.at(path, f"labels are {given}", fix="write `labels: <directory>`")
    return Path(given) if given else None


def _system(path: Path, plan: StudyPlan, system: GridSystem) -> System:
    values = dict(system.values)
    if system.start is not None:
        values["init"] = plan.experiment.exp / system.start
    if not system.needs_teacher:
        values["hard_weight"] = TrainOptions.hard_weight  # without a teacher it has no effect
    elif system.is_pruned:
        values["teacher_labels"] = (plan.label_store,)
    else:
        values["teacher"] = (plan.teacher_dir,)
    options = _train_options(f"{path}, {system.name}", plan.experiment, system.name, values)
    return System(system.name, options, system.start)


def _train_options(place: str, experiment: Experiment, name: str, values: Mapping[str, Any]) -> TrainOptions:
    paths = {key: getattr(experiment, key) for key in ("train_data", "train_ali", "dev_data", "dev_ali")}
    out = file_of_id(experiment.exp, name, place=place)
    options = TrainOptions(**{**values, **paths, "out": out, "config": None})
    try:
        check_options(options)
    except HybridKdError as error:
        raise HybridKdError(f"{place}: {error}") from error
    return options


def _seeds(path: Path, content: Any) -> list[int]:
    texts = content if isinstance(content, list) else [content]
    try:
        seeds = [int(text) for text in texts]
    except (TypeError, ValueError) as error:
        raise HybridKdError.at(path, f"seeds are {content}", fix="write whole numbers: [0, 1, 2]") from error
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise HybridKdError.at(path, f"seeds are {content}", fix="give each once, from 0")
    return seeds


def _as_list(path: Path, name: str, content: Any) -> Sequence[Any]:
    if isinstance(content, str) and content:
        return [content]
    if content in (None, ""):
        return []
    if not isinstance(content, list):
        raise HybridKdError.at(
            f"{path}, {name}", "not a list", fix="write each on a line of its own, after `- `"
        )
    return content
