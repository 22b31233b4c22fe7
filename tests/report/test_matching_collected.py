"""Teachers of two domains and their students as they are trained and collected: who is who."""

import shutil
from dataclasses import replace

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.report.matching import find_matching, teachers_of
from hybrid_kd.report.record_file import read_study
from hybrid_kd.report.records import Study
from hybrid_kd.report.study_report import study_document
from tests.report.made_up import DT, ET, decodes, errors_of, make_set
from tests.tiny_experiment import make_tiny_experiment

TEACHERS = ("teacher_bus_caf", "teacher_ped_str")
STUDENTS: dict[str, str] = {
    "a": "",
    "b": "--uncertainty",
    "c": "LABELS0 --hard-weight 0.5",
    "d": "LABELS0 --uncertainty --hard-weight 1 --uncertainty-weight 1",
    "e": "LABELS01 --uncertainty --hard-weight 0.5 --uncertainty-weight 1",
    "f": "LABELS01 --hard-weight 0.5",
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """What `hybrid-kd collect` makes of two teachers and six students."""
    root = tmp_path_factory.mktemp("domains")
    tiny, exp = make_tiny_experiment(root / "data"), root / "exp"
    few = ["--max-iters", "1", "--min-iters", "1"]
    for name in TEACHERS:
        domain = root / name.removeprefix("teacher_")
        shutil.copytree(tiny.train_data, domain)
        heard = replace(tiny, train_data=domain)
        assert (
            main(["train", *heard.train_args(exp / name), *few, "--hidden-dim", "12", "--uncertainty"]) == 0
        )
        labels = ["--data", str(tiny.train_data), "--out", str(root / f"labels_{name}")]
        assert main(["label", "--teacher", str(exp / name), *labels, "--uncertainty-rank", "2"]) == 0
    first, second = (str(root / f"labels_{name}") for name in TEACHERS)
    stores = {"LABELS0": ["--teacher-labels", first], "LABELS01": ["--teacher-labels", first, second]}
    for name, flags in STUDENTS.items():
        words = [word for flag in flags.split() for word in stores.get(flag, [flag])]
        assert main(["train", *tiny.train_args(exp / name), *few, *words]) == 0
    assert main(["collect", "--exp", str(exp), "--out", str(root / "results.jsonl")]) == 0
    return read_study(root / "results.jsonl")


def test_students_and_teachers_are_told_by_their_options(collected: Study) -> None:
    (grid,) = find_matching(collected.systems)
    families = {family.systems[0].system: family for family in grid.families}
    assert {name: (family.kind, family.teachers) for name, family in families.items()} == {
        "a": ("hard labels", ()),
        "b": ("hard labels + head", ()),
        "c": ("tok-KD", TEACHERS[:1]),
        "d": ("unc-KD", TEACHERS[:1]),
        "e": ("tok-KD + unc-KD", TEACHERS),
        "f": ("tok-KD", TEACHERS),
    }
    assert [(teacher.name, sorted(teacher.environments)) for teacher in grid.teachers] == [
        ("teacher_bus_caf", ["BUS", "CAF"]),
        ("teacher_ped_str", ["PED", "STR"]),
    ]
    assert {teachers_of(s) for s in collected.systems} == {(), TEACHERS[:1], TEACHERS}


def test_two_teachers_were_compared_when_collected_and_the_report_says_how(collected: Study) -> None:
    decoded = [replace(s, decodes=decodes(errors_of(2), errors_of(2))) for s in collected.systems]
    study = replace(collected, systems=decoded, sets=[make_set(DT), make_set(ET)])
    section = study_document(study, title="tiny").sections[0]
    cards = {card.claim: card for card in section.cards}
    agreement = cards["Two teachers' probabilities agree while their uncertainties differ"]
    assert agreement.status in ("holds", "does not hold")
    assert agreement.lines[0].startswith("teacher_bus_caf and teacher_ped_str over ")
    assert cards["unc-KD is better than tok-KD"].status == "not significant"


def test_the_weights_in_the_table_are_those_of_the_loss(collected: Study) -> None:
    (grid,) = find_matching(collected.systems)
    weights = {family.systems[0].system: tuple(vars(family.weights).values()) for family in grid.families}
    assert weights["c"] == weights["f"] == (0.5, 0.5, 0)
    assert weights["d"] == (1, 0, 1)
    assert weights["e"] == (0.5, 0.5, 1)
