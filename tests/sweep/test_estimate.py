"""How long a study will take."""

import json

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.sweep.estimate import Work, duration, estimate, untimed_epochs
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.sweep.programs import Programs
from hybrid_kd.sweep.study_file import read_study_file
from hybrid_kd.sweep.trial import Seconds, measure
from tests.conftest import ROOT
from tests.sweep.conftest import Commands
from tests.sweep.experiment import TinyStudy

SECONDS = Seconds(start=1.0, epoch=10.0, decode=20.0, score=5.0, teacher=100.0, teacher_forward=3.0)


def test_epochs_teachers_and_the_start_of_every_command_count() -> None:
    plan = read_study_file(SweepOptions(ROOT / "conf/paper.yaml"))
    systems = {system.name: system for system in plan.systems}
    trained = tuple(systems[name] for name in ("hard_s0", "si_0.5_T3-2-1_e4_s0", "si_0.1_T2_unpruned_s0"))
    work = Work(trained, num_decoded=4, num_sets=2, makes_teacher=True, makes_labels=True)
    found = estimate(work, SECONDS, epochs=6.0)
    assert found.teacher == 100 + 3 + 2
    assert found.training == (1 + 60) + (1 + 140) + (1 + 6 * 13)
    assert (found.decoding, found.scoring) == (4 * 22, 20)
    assert found.total == 105 + 281 + 88 + 20
    assert found.in_words(2) == (
        "estimate: teacher and labels 2 min, training 5 min, decoding 88 s, scoring 20 s;"
        " with 2 at a time about 4 min"
    )


@pytest.mark.parametrize(("seconds", "words"), [(38.4, "38 s"), (2700.0, "45 min"), (9060.0, "2 h 31 min")])
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"key": "k", "seconds": {"start": 1}}', "missing key 'decode'"),
        ('{"key": 1, "seconds": {}}', "key 'key' is 1"),
        ("[]", "not a JSON object"),
    ],
)
def test_a_broken_trial_is_named(study: TinyStudy, content: str, problem: str) -> None:
    study.write(systems="  - {hard_weight: 0.5}\n")
    plan = read_study_file(SweepOptions(study.config))
    file = study.exp / ".trial/seconds.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    with pytest.raises(HybridKdError, match=rf"seconds\.json: {problem}\n  fix: "):
        measure(Programs([], threads=1, lock=0), plan, teacher_epochs=1.0, threads=1)


def test_a_trial_measures_and_is_not_made_again(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems="  - {hard_weight: 0.5}\n")
    commands.breaks = f"--out {study.exp}/teacher"
    assert study.run("--trial") == 1
    assert commands.of("train") == ["student", "teacher"]
    assert (commands.of("decode"), commands.of("score")) == (["decode"], 2 * ["decode"])
    out = capsys.readouterr().out
    assert "a trial: " in out
    assert "estimate: teacher and labels " in out
    seconds = json.loads((study.exp / ".trial/seconds.json").read_text())["seconds"]
    assert all(seconds[name] > 0 for name in ("start", "epoch", "decode", "score", "teacher"))
    assert [path.name for path in (study.exp / ".trial").iterdir()] == ["seconds.json"]
    commands.done.clear()
    commands.breaks = None
    assert study.run("--trial") == 0
    assert commands.of("train") == ["teacher", "si_0.5_s0"]
    assert untimed_epochs(list(study.lines().values())) == 2
    assert untimed_epochs([]) == 10
