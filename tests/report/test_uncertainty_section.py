"""The part of a report that is about networks with uncertainty heads."""

from dataclasses import replace
from pathlib import Path

from hybrid_kd.report.record_file import write_study
from hybrid_kd.report.records import Study, SystemResult
from hybrid_kd.report.study_files import write_study_report
from hybrid_kd.report.uncertainty_records import AgreementRecord, Calibration, SigmaGroup, Uncertainty
from hybrid_kd.report.uncertainty_section import uncertainty_section
from tests.report.made_up import POSTERIORS, errors_of, make_student, make_study

ALL_PANELS = ["environments", "snr", "phones", "calibration"]


def group(name: str, sigma: float) -> SigmaGroup:
    return SigmaGroup(name, 1000, 0.5, sigma, sigma + 0.1, sigma + 0.2)


def make_uncertainty(sigma: float) -> Uncertainty:
    """Of some environments, ratios, phones and pdfs."""
    before = Calibration(2.0, 0.5, 0.09, [60, 40, 70], [0.1, 0.5, 0.9], [0.2, 0.4, 0.7])
    return Uncertainty(
        *("softplus", 90, 8, group("all", sigma), group("right", 0.1), None, 0.625, 0.75),
        environments=[group("BUS", sigma), group("STR", 0.2)],
        snr=[group("0 to 2 dB", 0.3), group("2 to 4 dB", sigma)],
        phones=[group("SIL", 0.5), group("AH", sigma)],
        least_sure_pdfs=[group("7 (SIL)", 0.6)],
        most_sure_pdfs=[group("3 (AH)", 0.1)],
        calibration=before,
        noisy_calibration=replace(before, cross_entropy=1.9, calibration_error=0.04),
    )


AGREEMENT = AgreementRecord("teacher", "other", "dt05_simu", 1000, 0.9, 0.1, 0.3, 0.05, 0.85, 0.65, 0.8, 0.5)


def unsure(name: str, sigma: float) -> SystemResult:
    student = make_student(name, errors_of(2), errors_of(2))
    return replace(student, dev_posteriors=replace(POSTERIORS, uncertainty=make_uncertainty(sigma)))


def unsure_study() -> Study:
    """A teacher and two students with heads, one student without."""
    plain = make_student("hard", errors_of(3), errors_of(3), mixing=None)
    study = make_study(unsure("a", 0.3), unsure("b", 0.4), plain)
    teacher = replace(unsure("teacher", 0.25), training={"labels": "reference"}, config={})
    return replace(study, systems=[teacher, *study.systems[1:]], agreements=[AGREEMENT])


def test_the_page_and_the_tables_have_it(tmp_path: Path) -> None:
    write_study(tmp_path / "tiny.jsonl", unsure_study())
    write_study_report(tmp_path / "tiny.jsonl", tmp_path / "out")
    page, text = ((tmp_path / "out" / name).read_text() for name in ("index.html", "RESULTS.md"))
    assert '<section id="uncertainty">' in page
    section = text.split("## Uncertainty\n")[1].split("\n## ")[0]
    for name in ALL_PANELS:
        assert f"(figures/uncertainty_{name}.svg)" in section
        assert f'id="uncertainty_{name}-' in page
    assert "| a | 0.300 | 0.100 | - | 62.5 | 75.0 | 0.0900 | 0.0400 | 2.0000 | 1.9000 |" in section
    assert "| teacher, other | 90.0 | 0.100 | 0.300 | 0.0500 | 0.850 | 0.650 | 0.800 | 0.500 |" in section
    assert "| pdf | 7 (SIL) | 1,000 | 50.0 | 0.600 | 0.700 | 0.800 |" in section


def test_teachers_are_drawn_and_every_network_stands_in_the_table() -> None:
    section = uncertainty_section(unsure_study())
    assert "the teachers that have a head (teacher)" in section.paragraphs[0]
    assert [row[0] for row in section.tables[0].rows] == ["teacher", "a", "b"]
    assert [table.caption.partition(":")[0] for table in section.folded] == ["teacher"]
    assert "softmax(f) (0.090)" in section.panels[-1].svg
    students = uncertainty_section(Study(unsure_study().systems[1:]))
    assert "drawn: a and b." in students.paragraphs[0]
    assert len(students.tables) == 1


def test_groups_that_nobody_knows_are_not_drawn() -> None:
    bare = replace(make_uncertainty(0.3), environments=[], snr=[], phones=[], by_sigma=None)
    system = replace(unsure("a", 0.3), dev_posteriors=replace(POSTERIORS, uncertainty=bare))
    section = uncertainty_section(Study([system]))
    assert [panel.name for panel in section.panels] == ["uncertainty_calibration"]
    assert section.tables[0].rows[0][4] == "-"


def test_without_a_head_there_is_no_section() -> None:
    study = make_study(make_student("a", errors_of(2), errors_of(2)))
    assert uncertainty_section(study).is_empty
