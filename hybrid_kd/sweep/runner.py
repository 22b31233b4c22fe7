"""Runs a study: every system is trained, decoded, scored and recorded; what fails does not stop the rest."""

import logging
import shlex
import signal
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.report.record_file import read_study
from hybrid_kd.report.records import Study, SystemResult
from hybrid_kd.sweep import commands
from hybrid_kd.sweep.estimate import duration, estimate, teacher_epochs, untimed_epochs
from hybrid_kd.sweep.groups import find_groups
from hybrid_kd.sweep.lock import locked
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.sweep.planning import ToDo, check_inputs, choose_systems, find_to_do, is_trained
from hybrid_kd.sweep.programs import Programs
from hybrid_kd.sweep.recorded import Known, known_of, refuse_other_training
from hybrid_kd.sweep.recording import delete_lattices, record_system
from hybrid_kd.sweep.study_file import TEACHER, StudyPlan, System, read_study_file
from hybrid_kd.sweep.tasks import Task, run_tasks
from hybrid_kd.sweep.teacher import check_given_labels, check_given_teacher, make_teacher, write_labels
from hybrid_kd.sweep.trial import measure

logger = logging.getLogger(__name__)

LABELS = "labels"


def run_sweep(options: SweepOptions) -> None:
    """Do what is lacking of the study that ``options.config`` describes.

    Raises: HybridKdError for a bad study, or, after all else is done, that names the systems that failed.
    """
    for name in ("jobs", "threads", "nj", "side_by_side"):
        if getattr(options, name) < 1:
            raise HybridKdError.at(f"--{name.replace('_', '-')}", "less than 1", fix="give 1 or more")
    plan = read_study_file(options)
    chosen = choose_systems(plan, options.only)
    results = plan.experiment.results
    known = known_of(plan, read_study(results) if results.is_file() else Study())
    to_do = find_to_do(plan, known, chosen)
    print(_summary(plan, to_do, chosen))
    if options.dry_run:
        print("\n".join(_lines(to_do, chosen)))
        return
    if to_do.is_nothing:
        return
    check_inputs(plan)
    if to_do.makes_teacher:
        check_given_teacher(plan)
    if to_do.makes_labels:
        check_given_labels(plan)
    with locked(plan.experiment.exp) as lock, _sigterm_interrupts():
        programs = Programs(shlex.split(options.cmd), threads=options.threads, lock=lock)
        try:
            _Sweep(options, plan, known, to_do, programs).run()
        finally:
            programs.stop()


def _summary(plan: StudyPlan, to_do: ToDo, chosen: Sequence[System]) -> str:
    where = f"recorded in {plan.experiment.results}"
    num = len(to_do.decoded) - (TEACHER in to_do.decoded)
    return f"{plan.experiment.name}: {len(chosen)} systems, {len(to_do.recorded)} {where}, {num} to do"


def _lines(to_do: ToDo, chosen: Sequence[System]) -> Iterator[str]:
    """What would be done with each system."""
    if to_do.makes_teacher:
        yield (
            f"  {TEACHER}: make, or take" + (", label" if to_do.makes_labels else "") + _sets(to_do, TEACHER)
        )
    group_of = {s.name: number for number, group in enumerate(find_groups(chosen), 1) for s in group}
    trained = {system.name: system for system in to_do.trained}
    for system in {s.name: s for s in (*chosen, *to_do.trained)}.values():
        steps = []
        if system.name in trained and not is_trained(system):
            steps.append("train" + (f" from {system.start}" if system.start else ""))
        text = ", ".join(steps) + _sets(to_do, system.name)
        side = f"  [{group_of[system.name]}]" if system.name in group_of else ""
        yield f"  {system.name}: {text.removeprefix(', ') or 'recorded'}{side}"
    if group_of:
        yield "systems of one number in brackets share shape, data and teacher"


def _sets(to_do: ToDo, name: str) -> str:
    sets = to_do.decoded.get(name, [])
    return f", decode and score {' '.join(data.name for data in sets)}" if sets else ""


class _Sweep:
    """A study that runs; it counts what is finished."""

    def __init__(
        self, options: SweepOptions, plan: StudyPlan, known: Known, to_do: ToDo, programs: Programs
    ) -> None:
        self.options, self.plan, self.known, self.to_do, self.programs = options, plan, known, to_do, programs
        self._begin = time.monotonic()
        self._num_finished = 0
        self._counting = threading.Lock()

    def run(self) -> None:
        """Do it all.

        Raises: HybridKdError that names what failed.
        """
        if self.options.trial:
            self._say_estimate()
        self._begin = time.monotonic()
        tasks = [*self._teacher_tasks(), *self._system_tasks()]
        failures = run_tasks(tasks, jobs=self.options.jobs, stop=self.programs.stop)
        if failures:
            told = "".join(f"\n  {name}: {text}" for name, text in failures.items())
            problem = f"{len(failures)} of {len(tasks)} steps failed, the others are done: {told}\n"
            fix = "see these logs, mend the cause, and run the same command again"
            raise HybridKdError.at(self.plan.experiment.exp, problem, fix=fix)

    def _say_estimate(self) -> None:
        epochs = untimed_epochs(
            [self.known.lines[s.name] for s in self.plan.systems if s.name in self.known.lines]
        )
        threads = self.options.threads
        seconds = measure(self.programs, self.plan, teacher_epochs=teacher_epochs(self.plan), threads=threads)
        found = estimate(self.to_do.work(self.plan), seconds, epochs=epochs)
        print(f"a trial: {seconds.epoch:.1f} s an epoch, {seconds.decode:.0f} s to decode one system's sets")
        print(found.in_words(self.options.jobs), flush=True)

    def _teacher_tasks(self) -> Iterator[Task]:
        """Teachers, their mean, its labels; the teacher's own WER."""
        if not self.to_do.makes_teacher:
            return
        members = [] if (self.plan.teacher_dir / FINAL).is_file() else list(self.plan.teachers)
        for member in members:
            yield Task(f"train {member.name}", partial(self._train, member))
        needs = tuple(f"train {member.name}" for member in members)
        yield Task(TEACHER, partial(make_teacher, self.programs, self.plan, self.known), needs)
        if self.to_do.makes_labels:
            threads = self.options.threads
            labels = partial(write_labels, self.programs, self.plan, self.known, threads=threads)
            yield Task(LABELS, labels, (TEACHER,))
        if TEACHER in self.to_do.decoded:
            finish = partial(self._finish, self.plan.teacher_dir)
            yield Task(f"finish {TEACHER}", finish, (TEACHER,))

    def _system_tasks(self) -> Iterator[Task]:
        """Training, side by side or one by one; then each is decoded, scored and recorded."""
        trained = {system.name for system in self.to_do.trained}
        for stack in self._stacks():
            needs = dict.fromkeys(need for system in stack for need in self._needs(system, trained))
            together = f"train {len(stack)} from {stack[0].name} on"
            if len(stack) > 1:
                yield Task(together, partial(self._train_together, stack), tuple(needs))
            for system in stack:
                own_needs = (together,) if len(stack) > 1 else tuple(needs)
                yield Task(f"train {system.name}", partial(self._train, system), own_needs)
                if system.name in self.to_do.decoded:
                    finish = partial(self._finish, system.directory)
                    yield Task(f"finish {system.name}", finish, (f"train {system.name}",))

    def _stacks(self) -> Iterator[tuple[System, ...]]:
        """Systems that train together, those that are trained alone among them."""
        size = self.options.side_by_side
        if size == 1:
            yield from ((system,) for system in self.to_do.trained)
            return
        for group in find_groups(self.to_do.trained):
            left = [system for system in group if not is_trained(system)]
            yield from ((system,) for system in group if system not in left)
            yield from (tuple(left[first : first + size]) for first in range(0, len(left), size))

    def _needs(self, system: System, trained: Collection[str]) -> Iterator[str]:
        if system.start in trained:
            yield f"train {system.start}"
        if self.to_do.makes_labels and system.options.teacher_labels:
            yield LABELS
        if self.to_do.makes_teacher and system.options.teacher:
            yield TEACHER

    def _train_together(self, systems: Sequence[System]) -> None:
        """If one fails, the others are trained all the same; those that are not are then trained alone."""
        try:
            exp, threads = self.plan.experiment.exp, self.options.threads
            commands.train_together(self.programs, systems, exp, threads=threads)
        except HybridKdError as error:
            logger.warning("%s", error)

    def _train(self, system: System) -> None:
        if self.options.side_by_side == 1 or not is_trained(system):
            commands.train(self.programs, system.options, threads=self.options.threads)
        refuse_other_training(system)
        self.known.refuse_other_network(system)

    def _finish(self, directory: Path) -> None:
        """Decode and score all sets, record the system, delete its lattices."""
        experiment = self.plan.experiment
        dev = [commands.decode_dir(directory, data, self.plan.search) for data in experiment.tune_data]
        for data in experiment.tune_data:
            self._decode(directory, data)
        for data in (*experiment.tune_data, *experiment.eval_data):
            if data in experiment.eval_data:
                self._decode(directory, data)
            decoded = commands.decode_dir(directory, data, self.plan.search)
            tune_on = [] if [decoded] == dev else dev
            if not commands.is_scored(decoded):
                nj = self.options.nj
                commands.score(self.programs, self.plan, decoded, data, tune_on=tune_on, nj=nj)
        result = record_system(directory, experiment.results)
        if not self.options.keep_lattices:
            delete_lattices(directory)
        self._say_finished(result)

    def _decode(self, directory: Path, data: Path) -> None:
        if commands.is_scored(commands.decode_dir(directory, data, self.plan.search)):
            return
        commands.decode(self.programs, self.plan, directory, data, nj=self.options.nj)

    def _say_finished(self, result: SystemResult) -> None:
        search = self.plan.search
        wers = [
            f"{decode.wer:.2f} % {decode.set_name}"
            for decode in result.decodes
            if decode.is_whole_set
            and (decode.beam, decode.lattice_beam) == (search.beam, search.lattice_beam)
        ]
        with self._counting:
            self._num_finished += 1
            num, total = self._num_finished, len(self.to_do.decoded)
        left = (time.monotonic() - self._begin) / num * (total - num)
        print(f"{result.system}: WER {', '.join(wers)}; {num} of {total}, {duration(left)} left", flush=True)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a sweep as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
