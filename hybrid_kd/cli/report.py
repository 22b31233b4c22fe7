"""``hybrid-kd report``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Write a report from collected results alone: RESULTS.md of all experiments, or the pages of one study.

    A study's directory gets index.html (one page that needs nothing else), RESULTS.md and figures/: the
    paper's figures, the systems, and whether the paper's claims hold.
    """

    results: Path
    """directory of <experiment>.jsonl (`hybrid-kd collect`) and <experiment>.md (introductions), or one such
    file"""
    out: Path
    """file to write (RESULTS.md); of one file, directory to write"""


def run(options: Options) -> None:
    """Write the report."""
    from hybrid_kd.atomic import replace_file
    from hybrid_kd.report.results_md import results_in_markdown
    from hybrid_kd.report.study_files import write_study_report

    if options.results.is_file():
        write_study_report(options.results, options.out)
    else:
        text = results_in_markdown(options.results)
        with replace_file(options.out, "w") as file:
            file.write(text)
    print(f"{options.out}: written from {options.results}")
