"""A short training and decoding on a part of the real data, to know what all of it will take here."""

import json
import logging
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hybrid_kd.archives.data_dir import read_data_dir, write_data_dir
from hybrid_kd.config import options_to_dict
from hybrid_kd.decoding.forward import read_num_frames
from hybrid_kd.decoding.summary import read_summary
from hybrid_kd.json_files import read_record, write_json
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.sweep import commands
from hybrid_kd.sweep.programs import Programs
from hybrid_kd.sweep.study_file import StudyPlan
from hybrid_kd.training.options import TrainOptions

logger = logging.getLogger(__name__)

TRIAL, SECONDS = ".trial", "seconds.json"
MINIBATCHES, TEACHERS_MINIBATCHES, UTTERANCES = 300, 75, 20
FRAMES_OF_AN_UTTERANCE = 400  # where no utt2num_frames says


@dataclass(frozen=True)
class Seconds:
    """What it takes to start a command, train an epoch, decode and score one system on all sets.

    teacher: training those that are to be trained; teacher_forward: the teacher once over the training data.
    """

    start: float
    epoch: float
    decode: float
    score: float
    teacher: float
    teacher_forward: float


def measure(programs: Programs, plan: StudyPlan, *, teacher_epochs: float, threads: int) -> Seconds:
    """Measure, or give what was measured before on the same.

    Raises: HybridKdError if a command fails: the study's would as well.
    """
    directory = plan.experiment.exp / TRIAL
    key = _key(plan, threads)
    if (measured := _measured(directory / SECONDS)) is not None and measured.key == key:
        return measured.seconds
    shutil.rmtree(directory, ignore_errors=True)
    logger.info("%s: trial of %d minibatches and %d utterances", directory, MINIBATCHES, UTTERANCES)
    student = _train(programs, plan, plan.systems[0].options, MINIBATCHES, threads)
    seconds = Seconds(
        start=student.start,
        epoch=student.epoch,
        **_decode_and_score(programs, plan, _teacher(plan) or directory / "student"),
        **_teach(programs, plan, student.start, teacher_epochs=teacher_epochs, threads=threads),
    )
    shutil.rmtree(directory)
    write_json(directory / SECONDS, asdict(_Measured(key, seconds)))
    return seconds


@dataclass(frozen=True)
class _Measured:
    """The file of a finished trial. key: what it was measured on."""

    key: str
    seconds: Seconds


def _measured(file: Path) -> _Measured | None:
    fix = "delete it, and the same command measures again"
    return read_record(file, _Measured, fix=fix) if file.is_file() else None


def _key(plan: StudyPlan, threads: int) -> str:
    networks = [options_to_dict(system.options) for system in (plan.systems[0], *plan.teachers)]
    sets = [str(data) for data in (*plan.experiment.tune_data, *plan.experiment.eval_data)]
    given = str(plan.given_teacher)
    return json.dumps(
        [networks, sets, given, asdict(plan.search), plan.decoder, str(plan.experiment.graph), threads]
    )


@dataclass(frozen=True)
class _Training:
    start: float
    epoch: float
    pretraining: float


def _train(
    programs: Programs, plan: StudyPlan, options: TrainOptions, minibatches: int, threads: int
) -> _Training:
    """One epoch over a part of the training and dev data; seconds of what is whole."""
    directory = plan.experiment.exp / TRIAL
    name = "teacher" if minibatches == TEACHERS_MINIBATCHES else "student"
    num_frames = minibatches * options.minibatch_size
    part, times = _part(plan.experiment.train_data, directory / f"{name}_train", num_frames=num_frames)
    dev, _ = _part(plan.experiment.dev_data, directory / f"{name}_dev", times=times)
    alone: dict[str, Any] = {"temperatures": "1", "teacher": (), "teacher_labels": (), "init": None}
    alone |= {"train_data": part, "dev_data": dev, "out": directory / name, "max_iters": 1, "min_iters": 1}
    wall = _seconds(lambda: commands.train(programs, replace(options, **alone), threads=threads))
    epoch = json.loads((directory / name / "train.jsonl").read_text().splitlines()[-1])["seconds"]
    if options.pretrain == "none":
        return _Training(wall - epoch, epoch * times, 0.0)
    return _Training(0.0, epoch * times, (wall - epoch) * times)


def _part(data: Path, out: Path, *, num_frames: int = 0, times: float = 1.0) -> tuple[Path, float]:
    """Every so many-th utterance: ``num_frames`` together, or one of ``times``; how much more there is."""
    whole = read_data_dir(data)
    if num_frames:
        frames = read_num_frames(whole)
        total = sum(frames.values()) if frames else FRAMES_OF_AN_UTTERANCE * len(whole.utt_ids)
        times = max(1.0, total / num_frames)
    utt_ids = whole.utt_ids[:: math.ceil(times)]
    tables = {"feats.scp": {utt_id: whole.feats[utt_id] for utt_id in utt_ids}}
    if whole.text is not None:
        tables["text"] = {utt_id: " ".join(whole.text[utt_id]) for utt_id in utt_ids}
    write_data_dir(out, utt2spk={utt_id: whole.utt2spk[utt_id] for utt_id in utt_ids}, tables=tables)
    return out, len(whole.utt_ids) / len(utt_ids)


def _teacher(plan: StudyPlan) -> Path | None:
    """The teacher, if it is there already."""
    places = (plan.teacher_dir, plan.given_teacher)
    return next((place for place in places if place is not None and (place / FINAL).is_file()), None)


def _decode_and_score(programs: Programs, plan: StudyPlan, model: Path) -> dict[str, float]:
    """With a teacher rather than the trial's student, which knows so little that its search takes long."""
    directory = plan.experiment.exp / TRIAL
    sets = (*plan.experiment.tune_data, *plan.experiment.eval_data)
    num_utts = [len(read_data_dir(data).utt_ids) for data in sets]
    part, _ = _part(sets[0], directory / "data", times=max(1.0, num_utts[0] / UTTERANCES))
    times = sum(num_utts) / len(read_data_dir(part).utt_ids)
    decoded = commands.decode(programs, plan, model, part, nj=1, out=directory / "decode")
    counting, counted = (_seconds(lambda: commands.score(programs, plan, decoded, part)) for _ in range(2))
    summary = read_summary(decoded)
    assert summary is not None, "a decoding that ended without its summary"
    scoring = max(0.0, counting - counted) * times + counted * len(sets)
    return {"decode": summary.wall_s * times, "score": scoring}


def _teach(
    programs: Programs, plan: StudyPlan, start: float, *, teacher_epochs: float, threads: int
) -> dict[str, float]:
    """Training of the teachers, and the teacher's pass over the training data."""
    directory, seconds = plan.experiment.exp / TRIAL, 0.0
    teacher = _teacher(plan)
    if teacher is None and not plan.teachers:
        return {"teacher": 0.0, "teacher_forward": 0.0}
    if teacher is None:
        trained = _train(programs, plan, plan.teachers[0].options, TEACHERS_MINIBATCHES, threads)
        seconds = len(plan.teachers) * (trained.pretraining + trained.epoch * teacher_epochs)
        teacher = directory / "teacher"
    num_frames = TEACHERS_MINIBATCHES * plan.systems[0].options.minibatch_size
    part, times = _part(plan.experiment.train_data, directory / "labelled", num_frames=num_frames)
    args = ["label", "--teacher", teacher, "--data", part, "--out", directory / "labels", "--temperatures", 1]
    words = [*map(str, args), "--num-threads", str(threads)]
    wall = _seconds(lambda: programs.run(words, directory / "log" / "labels.JOB.log"))
    members = max(1, len(plan.teachers)) if teacher == directory / "teacher" else 1
    return {"teacher": seconds, "teacher_forward": max(0.0, wall - start) * times * members}


def _seconds(work: Callable[[], None]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin
