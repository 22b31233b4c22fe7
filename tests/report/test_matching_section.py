"""The second paper's table in a study's report and in RESULTS.md."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.report.record_file import write_study
from hybrid_kd.report.records import Study, SystemResult
from hybrid_kd.report.results_md import results_in_markdown, uncertainty_matching
from hybrid_kd.report.study_report import study_document
from tests.report.made_up import errors_of, make_student, make_study
from tests.report.made_up_matching import BOTH, BUS_CAF, Errors, matching_student, matching_study

ERRORS = {"hard": 4, "head": 4, "tok": 3, "unc": 2, "tok_unc": 2}


def et_of(kind: str, teacher: str | None, size: str) -> Errors:
    return ERRORS[kind] + (size == "2 x 128")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("matching")
    write_study(root / "results" / "domains.jsonl", matching_study(et_of, seeds=2))
    results = str(root / "results" / "domains.jsonl")
    assert main(["report", "--results", results, "--out", str(root / "out")]) == 0
    return root


def rows_of(text: str, start: str) -> list[list[str]]:
    """The cells of the table whose head starts so, with the head."""
    lines = text[text.index(start) :].split("\n\n", maxsplit=1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_teachers_come_first_then_students_by_size_beside_their_teachers(written: Path) -> None:
    head, _, *rows = rows_of((written / "out" / "RESULTS.md").read_text(), "| system | size | teachers |")
    assert len(rows) == 2 + 2 * 11
    assert [row[:3] for row in rows[:3]] == [
        ["teacher", "4 x 1024", "teacher_bus_caf (heard bus_caf)"],
        ["teacher", "4 x 1024", "teacher_ped_str (heard ped_str)"],
        ["hard labels", "2 x 256", "-"],
    ]
    table = {tuple(row[:3]): dict(zip(head, row, strict=True)) for row in rows}
    unc = table["unc-KD", "2 x 128", BOTH]
    assert (unc["weights"], unc["seeds"], unc["parameters"]) == ("1 / 0 / 1", "2", "100,000")
    assert unc["WER et05_simu"] == "60.00 (60.00 to 60.00)"
    assert unc["LM weight 1, dt05_simu"] == "80.00 (80.00 to 80.00)"
    assert (unc["to hard labels"], unc["to tok-KD"], unc["to its teacher"]) == (
        *("-40.0 %", "-25.0 %"),
        "+200.0 %",
    )
    assert table["hard labels", "2 x 256", "-"]["to hard labels"] == "-"
    assert table["tok-KD", "2 x 256", BUS_CAF]["to tok-KD"] == "-"


def test_a_teachers_own_environments_are_marked(written: Path) -> None:
    text = (written / "out" / "RESULTS.md").read_text()
    _, _, *rows = rows_of(text, "| system | size | teachers | bus | cafe | pedestrian | street |")
    assert rows[0][3:] == ["20.00*", "20.00*", "20.00", "20.00"]
    assert rows[2][3:] == ["80.00"] * 4
    both = next(row for row in rows if row[2] == BOTH)
    assert both[3:] == ["60.00*"] * 4


def test_page_and_markdown_have_the_verdict_the_papers_numbers_and_no_first_paper(written: Path) -> None:
    text = (written / "out" / "RESULTS.md").read_text()
    page = (written / "out" / "index.html").read_text()
    assert "| unc-KD is better than tok-KD | **holds** | " in text
    assert "<h3>unc-KD is better than tok-KD</h3>" in page
    assert "| unc-KD from LibriSpeech | base | 3.0 | - | -14.3 % |" in text
    assert "The paper's claims here" not in text
    assert text.count("SI is better than SD") == 0
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids))
    assert "2 x 256 -> 384, sigmoid; 440 -> 2 x 128 -> 384, sigmoid; 2 seeds." in text


def test_results_of_all_experiments_have_the_table_too(written: Path) -> None:
    text = results_in_markdown(written / "results")
    assert "### Uncertainty matching\n" in text
    assert "| Modelling uncertainty alone helps | **not significant** | " in text
    assert "real-time factor |" not in text.split("### Uncertainty matching")[1]


def first_paper(**config: Any) -> list[SystemResult]:
    """Hard labels, two hard weights and one more student of the first paper."""
    return [
        make_student("hard", errors_of(3), errors_of(3), mixing=None),
        make_student("si", errors_of(2), errors_of(2), hard_weight=0.1),
        make_student("si5", errors_of(2), errors_of(2)),
        make_student("more", errors_of(2), errors_of(2), **config),
    ]


def test_a_study_of_the_first_paper_has_no_such_section() -> None:
    study = make_study(*first_paper(temperatures="2"))
    titles = [section.title for section in study_document(study, title="first").sections]
    assert titles[0] == "The paper's claims here"
    assert not any(title.startswith("Uncertainty") for title in titles)
    assert uncertainty_matching(study) == []


def test_a_study_of_both_papers_has_both_verdicts() -> None:
    study = make_study(*first_paper(uncertainty=True, uncertainty_weight=1.0))
    titles = [section.title for section in study_document(study, title="both").sections]
    assert titles[0] == "The paper's claims here"
    assert "Uncertainty matching" in titles
    assert not any(title.startswith("Other students") for title in titles)


def test_another_recipe_has_a_section_of_its_own() -> None:
    study = matching_study(et_of)
    others = [matching_student(kind, None, 2, min_iters=10) for kind in ("hard", "head")]
    document = study_document(replace(study, systems=[*study.systems, *others]), title="two")
    titles = [section.title for section in document.sections]
    assert titles[:2] == ["Uncertainty matching", "Uncertainty matching: min iters 10"]
    assert "Recipe: min iters 10." in document.sections[1].paragraphs[0]


def test_students_that_were_not_decoded_are_said_to_be_that() -> None:
    systems = [replace(s, decodes=[], dev_posteriors=None) for s in matching_study(et_of).systems]
    section = study_document(Study(systems), title="undecoded").sections[0]
    assert section.paragraphs == [
        "Not decoded on a development and an evaluation set: nothing can be compared."
    ]


def test_a_teacher_that_is_not_in_the_record_is_left_out() -> None:
    study = matching_study(et_of)
    students = [s for s in study.systems if not s.system.startswith("teacher")]
    section = study_document(replace(study, systems=students), title="alone").sections[0]
    assert section.tables[0].rows[0][0] == "hard labels"
    status = {card.claim: card.status for card in section.cards}
    assert status["The student can beat its teacher"] == "not run"
    assert status["unc-KD is better than tok-KD"] == "holds"
