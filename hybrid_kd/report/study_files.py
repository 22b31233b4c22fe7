"""Writes the report of a study: index.html, RESULTS.md and figures/*.{svg,png}."""

from pathlib import Path

from hybrid_kd.atomic import replace_file
from hybrid_kd.report.figure_style import write_panel
from hybrid_kd.report.html_page import document_in_html
from hybrid_kd.report.record_file import read_study
from hybrid_kd.report.study_md import FIGURES, document_in_markdown
from hybrid_kd.report.study_report import study_document


def write_study_report(results: Path, out: Path) -> None:
    """From results/STUDY.jsonl alone; the same file gives the same bytes.

    Raises: HybridKdError if it is broken, or holds no students of a teacher.
    """
    document = study_document(read_study(results), title=results.stem)
    for panel in document.panels():
        write_panel(out / FIGURES, panel)
    for name, text in (
        ("index.html", document_in_html(document)),
        ("RESULTS.md", document_in_markdown(document)),
    ):
        with replace_file(out / name, "w") as file:
            file.write(text)
