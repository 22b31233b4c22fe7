"""The commands that a system goes through: `hybrid-kd train` or `train-together`, `label`, `decode`, ..."""

import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from hybrid_kd.atomic import replace_file
from hybrid_kd.decoding.decode_record import lattice_file
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.decoding.summary import SUMMARY
from hybrid_kd.scoring.scored_dir import SCORE
from hybrid_kd.sweep.programs import Programs
from hybrid_kd.sweep.study_file import StudyPlan, System
from hybrid_kd.training.options import TrainOptions

LOG, TRAIN_LOG = "log", "train.JOB.log"
STACKS = ".side_by_side"  # lists and logs of those that train together


def train(programs: Programs, options: TrainOptions, *, threads: int) -> None:
    """Train a network; nothing if it is trained."""
    programs.run(
        ["train", *_flags(options, threads), "--out", str(options.out)], options.out / LOG / TRAIN_LOG
    )


def train_together(programs: Programs, systems: Sequence[System], exp: Path, *, threads: int) -> None:
    """Train several students side by side."""
    first = exp / STACKS / systems[0].name
    with replace_file(first.with_suffix(".list"), "w") as file:
        file.writelines(
            f"{system.name} {shlex.join(_flags(system.options, threads))}\n" for system in systems
        )
    args = ["train-together", str(first.with_suffix(".list")), "--exp", str(exp)]
    programs.run(args, first.with_suffix(".JOB.log"))


def _flags(options: TrainOptions, threads: int) -> list[str]:
    """All that is not the default, but --out."""
    flags = []
    for option in fields(options):
        value = getattr(options, option.name)
        if option.name in ("out", "config", "num_threads") or value == option.default:
            continue
        flag = option.name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            flags += [f"--{flag}", *map(str, value)]
        else:
            flags += [f"--{flag}", str(value)]
    return [*flags, "--num-threads", str(options.num_threads or threads)]


def label(
    programs: Programs,
    plan: StudyPlan,
    *,
    temperatures: Sequence[float],
    prune_below: float,
    threads: int,
) -> None:
    """Write the teacher's labels of the training data; nothing if they are there."""
    args = ["--teacher", plan.teacher_dir, "--data", plan.experiment.train_data, "--out", plan.label_store]
    words = ",".join(f"{temperature:g}" for temperature in temperatures)
    args += ["--temperatures", words, "--prune-below", prune_below, "--num-threads", threads]
    log = plan.teacher_dir / LOG / f"make_{plan.label_store.name}.JOB.log"
    programs.run(["label", *map(str, args)], log)


def ensemble(programs: Programs, members: Sequence[Path], out: Path) -> None:
    """Make one model of several."""
    programs.run(["ensemble", *map(str, members), "--out", str(out)], out / LOG / "ensemble.JOB.log")


def decode_dir(system: Path, data: Path, search: SearchOptions) -> Path:
    """Where the lattices of a set are."""
    return system / f"decode_{data.name}_{search.beam:g}_{search.lattice_beam:g}"


def decode(
    programs: Programs, plan: StudyPlan, system: Path, data: Path, *, nj: int, out: Path | None = None
) -> Path:
    """Decode a set as the study does, and give the directory; nothing if it is decoded."""
    search, graph = plan.search, plan.experiment.graph
    out = decode_dir(system, data, search) if out is None else out
    args = ["decode", "--model", system, "--data", data, "--graph", graph, "--out", out, "--nj", nj]
    args += ["--decoder", plan.decoder, "--acoustic-scale", search.acoustic_scale]
    args += ["--beam", search.beam, "--lattice-beam", search.lattice_beam]
    words = list(map(str, args))
    if programs.has_cmd and not (out / SUMMARY).is_file():
        programs.run([*words, "--job", "JOB"], out / LOG / "decode_job.JOB.log", num_jobs=nj)
    programs.run(words, out.parent / LOG / f"{out.name}.JOB.log")
    return out


def score(
    programs: Programs,
    plan: StudyPlan,
    decoded: Path,
    data: Path,
    *,
    tune_on: Sequence[Path] = (),
    nj: int = 1,
) -> None:
    """Score a decoded set, at the point that is best on all of ``tune_on`` together."""
    args = [str(decoded), "--data", str(data), "--graph", str(plan.experiment.graph), "--nj", str(nj)]
    args += ["--tune-on", *map(str, tune_on)] if tune_on else []
    programs.run(["score", *args], decoded.parent / LOG / f"score_{decoded.name}.JOB.log")


def is_scored(decoded: Path) -> bool:
    """Whether errors are there and lattices not: they were deleted after scoring."""
    return (decoded / SCORE).is_file() and not lattice_file(decoded, 1).exists()
