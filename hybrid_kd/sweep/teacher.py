"""The teacher of a study: trained here, several of them averaged, or a model that is there already."""

import logging
import shutil
from pathlib import Path

from hybrid_kd.atomic import replace_directory
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
    """Write the label store.

    Raises: HybridKdError if students of the results file learned from others.
    """
    commands.label(programs, plan, threads=threads)
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
