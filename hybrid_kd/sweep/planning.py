"""Which systems of a study are to be done, and what each still lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hybrid_kd.config import did_you_mean
from hybrid_kd.decoding.graph import find_graph_file
from hybrid_kd.decoding.summary import SUMMARY
from hybrid_kd.distill.label_header import HEADER
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.sweep.commands import decode_dir
from hybrid_kd.sweep.estimate import Work
from hybrid_kd.sweep.recorded import Known, lacks
from hybrid_kd.sweep.study_file import TEACHER, StudyPlan, System


@dataclass(frozen=True)
class ToDo:
    """Systems to train, and the sets that systems (the teacher's name among them) are to be decoded on.

    recorded: whose lines say it all.
    """

    trained: tuple[System, ...]
    decoded: dict[str, list[Path]]
    recorded: tuple[System, ...]
    makes_teacher: bool
    makes_labels: bool

    @property
    def is_nothing(self) -> bool:
        return not self.trained and not self.decoded

    def work(self, plan: StudyPlan) -> Work:
        """How much of it is not there yet."""
        untrained = tuple(system for system in self.trained if not is_trained(system))
        num_sets = len(plan.experiment.tune_data) + len(plan.experiment.eval_data)
        makes_labels = self.makes_labels and not (plan.label_store / HEADER).is_file()
        directories = {TEACHER: plan.teacher_dir} | {s.name: s.directory for s in plan.systems}
        undecoded = [
            name
            for name, sets in self.decoded.items()
            if not all(
                (decode_dir(directories[name], data, plan.search) / SUMMARY).is_file() for data in sets
            )
        ]
        return Work(untrained, len(undecoded), num_sets, self.makes_teacher, makes_labels)


def is_trained(system: System) -> bool:
    """Whether its network is there."""
    return (system.directory / FINAL).is_file()


def choose_systems(plan: StudyPlan, only: Sequence[str]) -> tuple[System, ...]:
    """The systems that a pattern of ``only`` fits; all without patterns.

    Raises: HybridKdError for a pattern that fits none.
    """
    names = [system.name for system in plan.systems]
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            otherwise = f"there are {names[0]} to {names[-1]}: see --dry-run"
            fix = did_you_mean(pattern, names, otherwise=otherwise)
            raise HybridKdError.at("--only", f"no system '{pattern}'", fix=fix)
    return tuple(s for s in plan.systems if not only or any(fnmatchcase(s.name, pattern) for pattern in only))


def find_to_do(plan: StudyPlan, known: Known, chosen: Sequence[System]) -> ToDo:
    """What the chosen systems lack, and what that needs: starts, teacher, labels.

    Raises: HybridKdError if a line was recorded with something else.
    """
    lacking = {system.name: lacks(plan, known.line_of(system)) for system in chosen}
    decoded = {name: sets for name, sets in lacking.items() if sets}
    by_name = {system.name: system for system in plan.systems}
    trained: dict[str, System] = {}
    for system in chosen:
        if system.name in decoded:
            for each in [*_untrained_starts(system, by_name), system]:
                trained.setdefault(each.name, each)
    needs_teacher = any(s.options.teacher for s in trained.values())
    needs_labels = any(s.options.teacher_labels and not is_trained(s) for s in trained.values())
    has_teacher = plan.given_teacher is not None or bool(plan.teachers)
    if has_teacher and (sets := lacks(plan, known.lines.get(TEACHER))):
        decoded = {TEACHER: sets, **decoded}
    return ToDo(
        tuple(trained.values()),
        decoded,
        tuple(system for system in chosen if not lacking[system.name]),
        makes_teacher=needs_teacher or needs_labels or TEACHER in decoded,
        makes_labels=needs_labels,
    )


def _untrained_starts(system: System, by_name: dict[str, System]) -> list[System]:
    """The systems that must be trained before, the first one first."""
    starts: list[System] = []
    while system.start is not None and not is_trained(system) and not is_trained(by_name[system.start]):
        system = by_name[system.start]
        starts.insert(0, system)
    return starts


def check_inputs(plan: StudyPlan) -> None:
    """Raises: HybridKdError that names every file that is missing."""
    experiment = plan.experiment
    files = [
        data / name
        for data in (experiment.train_data, experiment.dev_data)
        for name in ("feats.scp", "utt2spk")
    ]
    files += [
        ali / name for ali in (experiment.train_ali, experiment.dev_ali) for name in ("ali.1.gz", "final.mdl")
    ]
    sets = (*experiment.tune_data, *experiment.eval_data)
    files += [data / name for data in sets for name in ("feats.scp", "utt2spk", "text")]
    files.append(experiment.graph / "words.txt")
    missing = list(dict.fromkeys(str(file) for file in files if not file.is_file()))
    if missing:
        fix = "prepare them, or name others in `experiment:` or by flags (--train-data, ...)"
        raise HybridKdError.at(experiment.name, f"no {', no '.join(missing)}", fix=fix)
    find_graph_file(experiment.graph)
