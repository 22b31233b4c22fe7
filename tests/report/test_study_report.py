"""The report of a study: one page, Markdown and figures."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.bootstrap import make_sides
from hybrid_kd.report.families import find_grids
from hybrid_kd.report.record_file import write_study
from hybrid_kd.report.records import Study, SystemResult
from hybrid_kd.report.study_files import write_study_report
from hybrid_kd.report.study_report import study_document, verdict_section
from tests.report.made_up import errors_of, make_student, make_study


def student(name: str, mean: float, *, seed: int = 0, **config: Any) -> SystemResult:
    errors = [errors_of(mean, noise=hash_free(name, index), spread=0.7) for index in (0, 1)]
    return make_student(name, *errors, seed=seed, **config)


def hash_free(name: str, index: int) -> int:
    return sum(map(ord, name)) * 2 + index


def whole_study() -> Study:
    """Something of everything."""
    hard = [student(f"hard_s{seed}", 3, seed=seed, mixing=None) for seed in range(3)]
    return make_study(
        *hard,
        student("si0", 2, hard_weight=0.0),
        student("si1", 2, hard_weight=0.1),
        student("si5", 2, hard_weight=0.5),
        student("sd5", 2, hard_weight=0.5, mixing="sd"),
        student("t2", 3, hard_weight=0.1, temperatures="2"),
        student("t2u", 3, hard_weight=0.1, temperatures="2", prune_below=0.0),
        *(student(f"a{e}", 2, temperatures=f"3:{e},2:{e},1") for e in (2, 3)),
        student("held", 3, temperatures="1:6,1"),
        student("again", 2, init="hard_s0", losses=(1.7, 1.4)),
        student("other_recipe", 2, min_iters=10),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    write_study(root / "tiny.jsonl", whole_study())
    assert main(["report", "--results", str(root / "tiny.jsonl"), "--out", str(root / "out")]) == 0
    return root


def test_all_figures_are_there_in_both_formats(written: Path) -> None:
    names = {path.stem for path in (written / "out" / "figures").glob("*.svg")}
    assert names == {path.stem for path in (written / "out" / "figures").glob("*.png")}
    assert names == {
        *(f"figure{number}_{name}" for number in (1, 2, 3) for name in ("dt05_simu", "et05_simu")),
        *("figure2_pruning_labels", "entropy_labels", "calibration", "labels_over_time"),
        *("posteriors_over_time", "learning_dev_cross_entropy", "learning_train_cross_entropy"),
    }


def test_the_page_needs_nothing_from_elsewhere(written: Path) -> None:
    page = (written / "out" / "index.html").read_text()
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"|<!DOCTYPE[^>]*>', "", page)
    assert not re.search(
        r"(src|href)=\"(?!#|data:)|url\((?!#)|@import|https?://|<script|<link", without_names
    )
    assert page.count("<svg") == 13


def test_every_id_of_the_page_is_there_once(written: Path) -> None:
    page = (written / "out" / "index.html").read_text()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids))
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', page))
    assert used
    assert used <= set(ids)


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    study = whole_study()
    few = [study.systems[0], *study.systems[1:6:3]]  # teacher, hard labels, one student
    write_study(tmp_path / "tiny.jsonl", replace(study, systems=few))
    for name in ("first", "again"):
        write_study_report(tmp_path / "tiny.jsonl", tmp_path / name)
    first, again = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("first", "again")
    )
    assert first == again


def test_markdown_says_the_same_and_names_every_directory_and_commit(written: Path) -> None:
    text = (written / "out" / "RESULTS.md").read_text()
    page = (written / "out" / "index.html").read_text()
    study = whole_study()
    cards = verdict_section(find_grids(study.systems)[0], *make_sides(study)).cards
    assert len(cards) == 8
    for card in cards:
        assert f"| {card.claim} | **{card.status}** | " in text
        assert f"<h3>{card.claim}</h3>" in page
    for system in study.systems:
        assert f"exp/tiny/{system.system} " in text
    assert "0123456789 " in text
    assert "fedcba9876 " in text
    assert "17.77 % (dt) and 28.42 % (et). They are the paper's" in text
    assert "; to SI 0.5, T=1, rate held for 6 epochs: " in text
    figures = re.findall(r"\]\((figures/[^)]+)\)", text)
    assert len(figures) == 13
    assert all((written / "out" / name).is_file() for name in figures)


def test_the_table_of_systems_compares_with_the_hard_label_students(written: Path) -> None:
    text = (written / "out" / "RESULTS.md").read_text()
    rows = [line for line in text.split("## Systems")[1].splitlines() if line.startswith("| ")]
    assert rows[0].startswith("| labels | seeds | parameters | WER dt05_simu | to hard labels | p |")
    assert rows[2].startswith("| teacher | 1 | 1,210,752 | 0.00 | -100.0 % | 0.0002 |")
    assert re.match(r"\| hard labels \| 3 \| 1,210,752 \| \d+\.\d\d \| - \| - \|", rows[3])


def test_other_recipes_have_a_section_of_their_own(written: Path) -> None:
    text = (written / "out" / "RESULTS.md").read_text()
    assert "## Other students: 440 -> 4 x 512 -> 384, sigmoid, min iters 10" in text


def test_a_small_grid_of_one_seed_has_every_figure_and_no_talk_of_seeds() -> None:
    study = make_study(
        student("hard", 3, mixing=None),
        student("si0", 2, hard_weight=0.0),
        student("si1", 2, hard_weight=0.1),
        student("si5", 2, hard_weight=0.5),
        student("sd5", 2, hard_weight=0.5, mixing="sd"),
        student("t2", 3, hard_weight=0.1, temperatures="2"),
        student("a2", 2, temperatures="3:2,2:2,1"),
        student("again", 2, init="hard", losses=(1.7, 1.4)),
    )
    document = study_document(study, title="small")
    names = {panel.name.split("_")[0] for panel in document.panels()}
    assert {"figure1", "figure2", "figure3", "learning", "calibration"} <= names
    verdict, *figures = document.sections
    untested = [card.claim for card in verdict.cards if card.status == "not run"]
    assert untested == ["Any temperature other than 1 hurts, also without pruning"]
    assert "There is one seed" in verdict.paragraphs[0]
    assert not any("single seeds" in paragraph for section in figures for paragraph in section.paragraphs)
    several = study_document(whole_study(), title="several")
    assert several.sections[1].paragraphs[0].endswith("Small dots: single seeds.")


def test_what_is_missing_is_left_out() -> None:
    study = whole_study()
    bare = [replace(s, dev_posteriors=None, learning_curve=None) for s in study.systems[:5]]
    document = study_document(Study(bare, study.sets), title="bare")
    titles = [section.title for section in document.sections]
    assert titles == ["The paper's claims here", "Systems", "Where every number comes from"]


def test_a_study_that_was_not_decoded_says_so() -> None:
    study = whole_study()
    systems = [replace(s, decodes=[], dev_posteriors=None, learning_curve=None) for s in study.systems]
    document = study_document(Study(systems), title="undecoded")
    assert document.sections[0].paragraphs[0].startswith("Not decoded on a development and an evaluation set")


def test_a_record_without_students_of_a_teacher_is_an_error() -> None:
    with pytest.raises(HybridKdError, match=r"x: no student of a teacher is in it\n  fix: train students"):
        study_document(make_study(student("hard", 3, mixing=None)), title="x")
