"""``hybrid-kd report``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Write RESULTS.md from the collected results of all experiments."""

    results: Path
    """directory of <experiment>.jsonl (`hybrid-kd collect`) and <experiment>.md (its introduction, if any)"""
    out: Path
    """file to write (RESULTS.md)"""


def run(options: Options) -> None:
    """Write the report."""
    from hybrid_kd.atomic import replace_file
    from hybrid_kd.report.results_md import results_in_markdown

    text = results_in_markdown(options.results)
    with replace_file(options.out, "w") as file:
        file.write(text)
    print(f"{options.out}: written from {options.results}")
