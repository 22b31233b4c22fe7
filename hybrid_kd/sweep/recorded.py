"""What the results file says of a study's systems: which are finished, and whether they are the same."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hybrid_kd.config import option_defaults, options_to_dict, read_yaml
from hybrid_kd.distill.label_header import HEADER, read_label_header
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.alignment_model import read_alignment_model
from hybrid_kd.frames.labelled import load_labelled_frames
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.provenance import differences_in_words, sha256_of_file
from hybrid_kd.report.record_file import read_study
from hybrid_kd.report.records import ITSELF, DecodeResult, Study, SystemResult
from hybrid_kd.run_record import CONFIG
from hybrid_kd.sweep.study_file import TEACHER, StudyPlan, System
from hybrid_kd.training.inputs import splice_of
from hybrid_kd.training.options import HARDWARE, TrainOptions

logger = logging.getLogger(__name__)

BY_CONTENT = frozenset({"train_data", "train_ali", "dev_data", "dev_ali"})  # their hashes are compared
NOT_COMPARED = HARDWARE | BY_CONTENT | {"out", "config"}
DEFAULTS = {n: value for n, value in option_defaults(TrainOptions).items() if n not in BY_CONTENT}


@dataclass(frozen=True)
class Known:
    """Lines of a results file that belong to a study, and the hashes of its inputs as they are now.

    inputs: by name, the hashes that are right; a name that is missing cannot be told.
    """

    path: Path
    lines: Mapping[str, SystemResult]
    inputs: Mapping[str, frozenset[str]]

    def line_of(self, system: System) -> SystemResult | None:
        """The system's line, if there is one.

        Raises: HybridKdError if it was trained with other options or on other inputs.
        """
        line = self.lines.get(system.name)
        if line is not None:
            self._refuse(system.name, _compared(line.config, system), _compared(None, system))
            self._refuse(system.name, dict(line.inputs), self._right_inputs(line, system))
        return line

    def _right_inputs(self, line: SystemResult, system: System) -> dict[str, Any]:
        known = dict(self.inputs)
        start = self.lines.get(system.start or "")
        if start is not None and start.model_sha256 is not None:
            known["init"] = frozenset({start.model_sha256})
        right = dict(line.inputs)
        for name in right.keys() & known.keys():
            if right[name] not in known[name]:
                right[name] = sorted(known[name])[0]
        return right

    def refuse_other_teacher(self, sha256: str) -> None:
        """Raises: HybridKdError if the recorded teacher is another network."""
        line = self.lines.get(TEACHER)
        if line is not None:
            self._refuse(TEACHER, {"network": line.model_sha256}, {"network": sha256})

    def refuse_other_network(self, system: System) -> None:
        """Raises: HybridKdError if a network that is recorded was trained again and became another one."""
        line = self.lines.get(system.name)
        if line is not None:
            now = sha256_of_file(system.directory / FINAL)
            self._refuse(system.name, {"network": line.model_sha256}, {"network": now})

    def _refuse(self, name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        if differences := differences_in_words(before, now):
            fix = (
                "take back the change, or bring the models of that study; or begin another one with --exp and"
                " --results, or delete this line to do the system again"
            )
            raise HybridKdError.at(
                f"{self.path}, {name}", f"recorded with something else: {differences}", fix=fix
            )


def _compared(config: Mapping[str, Any] | None, system: System) -> dict[str, Any]:
    """What decides about a student, of a line's config or (None) of the system as it is now."""
    if config is None:
        config = options_to_dict(system.options)
    values = {name: config.get(name, DEFAULTS[name]) for name in DEFAULTS if name not in NOT_COMPARED}
    for name in ("init", "teacher", "teacher_labels"):
        if values[name] is not None:
            values[name] = Path(values[name]).name
    if values["teacher_labels"] is not None:
        values["teacher_labels"] = "a label store"
    return values


def refuse_other_training(system: System) -> None:
    """Raises: HybridKdError if the network that is there was trained with other options."""
    config = system.directory / CONFIG
    before, now = _compared(read_yaml(config), system), _compared(None, system)
    if differences := differences_in_words(before, now):
        fix = "give the study another --exp, take back the change, or delete the directory to train again"
        raise HybridKdError.at(config, f"trained with something else: {differences}", fix=fix)


def known_of(plan: StudyPlan, results: Study) -> Known:
    """The lines of ``plan``'s experiment, and hashes of what is there of its inputs."""
    lines = {
        name: line
        for line in results.systems
        if line.experiment == plan.experiment.name
        for name in (line.system, *line.aliases)
    }
    inputs: dict[str, frozenset[str]] = {}
    if lines:
        inputs = _frame_hashes(plan) | _teacher_hashes(plan, results)
    return Known(plan.experiment.results, lines, inputs)


def with_teacher(known: Known, plan: StudyPlan) -> Known:
    """The same with the teacher and the labels that are there now."""
    results = read_study(known.path) if known.path.is_file() else Study()
    return replace(known, inputs={**known.inputs, **_teacher_hashes(plan, results)})


def _frame_hashes(plan: StudyPlan) -> dict[str, frozenset[str]]:
    """Of features and alignments, where they are there."""
    experiment = plan.experiment
    pairs = {
        "train_frames": (experiment.train_data, experiment.train_ali),
        "dev_frames": (experiment.dev_data, experiment.dev_ali),
    }
    missing = [path for pair in pairs.values() for path in pair if not path.is_dir()]
    if missing:
        logger.warning("%s is not there: lines are compared by their options alone", missing[0])
        return {}
    model_file = experiment.train_ali / "final.mdl"
    model = read_alignment_model(experiment.train_ali)
    hashes = {"final.mdl": frozenset({sha256_of_file(model_file)})}
    kinds = {(splice_of(s.options), s.options.frame_tolerance) for s in plan.systems}
    for name, (data, ali) in pairs.items():
        hashes[name] = frozenset(
            load_labelled_frames(data, ali, model, splice=splice, frame_tolerance=tolerance).sha256
            for splice, tolerance in kinds
        )
    return hashes


def _teacher_hashes(plan: StudyPlan, results: Study) -> dict[str, frozenset[str]]:
    """Of the teacher, and of all label stores of its that are there or recorded."""
    teacher = plan.teacher_dir / FINAL
    if not teacher.is_file():
        return {}
    sha256 = sha256_of_file(teacher)
    stores = {record.sha256 for record in results.labels if record.teacher_sha256 == sha256}
    if (plan.label_store / HEADER).is_file():
        stores.add(read_label_header(plan.label_store).sha256)
    return {"teacher": frozenset({sha256})} | ({"teacher_labels": frozenset(stores)} if stores else {})


def lacks(plan: StudyPlan, line: SystemResult | None) -> list[Path]:
    """The sets that a line has no errors of, decoded as the study is, at the point of all its tune sets."""
    experiment = plan.experiment
    tuned_on = "+".join(sorted(data.name for data in experiment.tune_data))
    lacking = []
    for data in (*experiment.tune_data, *experiment.eval_data):
        points = {tuned_on, ITSELF} if tuned_on == data.name else {tuned_on}
        decodes = [] if line is None else line.decodes
        if not any(_is_of(plan, decode, data, points) for decode in decodes):
            lacking.append(data)
    return lacking


def _is_of(plan: StudyPlan, decode: DecodeResult, data: Path, tuned_on: set[str]) -> bool:
    search = plan.search
    return (
        decode.set_name == data.name
        and decode.is_whole_set
        and decode.errors_by_utterance is not None
        and decode.tuned_on in tuned_on
        and plan.decoder in ("auto", decode.decoder)
        and decode.search == (search.acoustic_scale, search.beam, search.lattice_beam, 1.0)
    )
