"""The teacher of a study: trained here, several of them averaged, or there already; and its labels."""

import logging
import shutil
from pathlib import Path

from hybrid_kd.atomic import replace_directory
from hybrid_kd.distill.label_header import HEADER, read_label_header
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.model_dir import FINAL, final_network_file
from hybrid_kd.provenance import sha256_of_file
from hybrid_kd.sweep import commands
from hybrid_kd.sweep.programs import Programs
from hybrid_kd.sweep.recorded import Known, with_teacher
from hybrid_kd.sweep.study_file import StudyPlan

logger = logging.getLogger(__name__)


def check_given_teacher(plan: StudyPlan) -> None:
    """Raises: HybridKdError if a teacher that is to be there is not, or is another one than that in use."""
    given, used = plan.given_teacher, plan.teacher_dir / FINAL
    if given is None:
        return
    if (given / FINAL).is_file() and used.is_file() and sha256_of_file(given / FINAL) != sha256_of_file(used):
        fix = f"give another --exp, or delete {plan.teacher_dir} to begin again with the new one"
        raise HybridKdError.at(given, f"is another network than {plan.teacher_dir}, which is in use", fix=fix)
    if not used.is_file():
        final_network_file(given)


def check_given_labels(plan: StudyPlan) -> None:
    """Raises: HybridKdError if the given label store is there and lacks what the students learn from."""
    header = plan.label_store / HEADER
    if plan.given_labels is None or not header.is_file():
        return
    content, problem = read_label_header(plan.label_store), None
    if lacking := sorted(set(plan.temperatures) - set(content.temperatures)):
        problem = f"no labels at T = {', '.join(f'{temperature:g}' for temperature in lacking)}"
    elif content.prune_below > plan.prune_below:
        problem = f"pruned below {content.prune_below:g}, the study needs {plan.prune_below:g}"
    if problem is not None:
        fix = "leave `labels` (--labels) out, so that the study writes its own, or write it again with these"
        raise HybridKdError.at(header, problem, fix=fix)


def make_teacher(programs: Programs, plan: StudyPlan, known: Known) -> None:
    """Copy the given model, or average those that were trained; one that was trained alone is it already.

    Raises: HybridKdError if the results file knows the teacher as another network.
    """
    out = plan.teacher_dir
    if not (out / FINAL).is_file():
        if plan.given_teacher is not None:
            _copy_model(plan.given_teacher, out)
        elif len(plan.teachers) > 1:
            commands.ensemble(programs, [member.directory for member in plan.teachers], out)
    known.refuse_other_teacher(sha256_of_file(out / FINAL))


def write_labels(programs: Programs, plan: StudyPlan, known: Known, *, threads: int) -> None:
    """Write the label store; a given one that is there is only compared with the teacher and the data.

    Raises: HybridKdError if students of the results file learned from others.
    """
    temperatures, prune_below = plan.temperatures, plan.prune_below
    if plan.given_labels is not None and (plan.given_labels / HEADER).is_file():
        header = read_label_header(plan.given_labels)
        temperatures, prune_below = tuple(header.temperatures), header.prune_below
    commands.label(programs, plan, temperatures=temperatures, prune_below=prune_below, threads=threads)
    known = with_teacher(known, plan)
    for system in plan.systems:
        known.line_of(system)


def _copy_model(source: Path, out: Path) -> None:
    """The model's files, without what was decoded with it."""
    final_network_file(source)
    with replace_directory(out) as directory:
        for file in sorted(source.iterdir()):
            if file.is_file():
                shutil.copy2(file, directory / file.name)
    logger.info("%s: copied from %s", out, source)
