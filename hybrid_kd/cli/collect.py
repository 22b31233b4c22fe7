"""``hybrid-kd collect``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Write what is known of the finished systems of an experiment into a file, one line each.

    Lines of the same systems are replaced; lines of systems that are no longer there stay.
    """

    exp: Path
    """directory that holds the systems"""
    out: Path
    """file to write (results/<experiment>.jsonl)"""
    only: tuple[str, ...] = ()
    """names of systems that are collected; by default all"""
    baseline: str | None = None
    """system that the others are compared with (paired bootstrap)"""
    kaldi: Path | None = None
    """exp directory of Kaldi, whose own results are put beside"""
    kaldi_searches: Path | None = None
    """its systems and how they were decoded: lines <system> <acoustic-scale> <beam> <lattice-beam>"""


def run(options: Options) -> None:
    """Collect, and say how many."""
    from hybrid_kd.errors import HybridKdError
    from hybrid_kd.file_names import file_of_id
    from hybrid_kd.report.baseline import compare_with_baseline
    from hybrid_kd.report.collect import find_system, find_systems
    from hybrid_kd.report.collect_study import complete_study
    from hybrid_kd.report.gmm_systems import find_gmm_systems
    from hybrid_kd.report.kaldi_results import find_kaldi_systems, read_searches
    from hybrid_kd.report.record_file import merge_studies, read_study, write_study
    from hybrid_kd.report.records import Study

    if (options.kaldi is None) != (options.kaldi_searches is None):
        raise HybridKdError.at(
            "--kaldi and --kaldi-searches", "only one was given", fix="give both, or neither"
        )
    if options.only:
        collected = [find_system(file_of_id(options.exp, name, place="--only")) for name in options.only]
    else:
        collected = [*find_gmm_systems(options.exp), *find_systems(options.exp)]
    if options.baseline is not None:
        collected = compare_with_baseline(options.exp, collected, options.baseline)
    if options.kaldi is not None and options.kaldi_searches is not None:
        searches, experiment = read_searches(options.kaldi_searches), options.exp.resolve().name
        collected = [*find_kaldi_systems(options.kaldi, searches, experiment), *collected]
    kept = read_study(options.out) if options.out.is_file() else Study()
    study = merge_studies(kept, complete_study(options.exp, collected), path=options.out)
    if not study.systems:
        raise HybridKdError.at(options.exp, "no finished system", fix="train one with `hybrid-kd train`")
    write_study(options.out, study)
    num, num_kept = len(study.systems), len(study.systems) - len(collected)
    print(f"{options.out}: {num} systems, {len(collected)} collected, {num_kept} kept")
