"""``hybrid-kd features``."""

from hybrid_kd.frontend.options import FeatureOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Make the features that are not there yet."""
    import importlib

    from hybrid_kd.errors import HybridKdError
    from hybrid_kd.frontend.feature_dir import begin, finish
    from hybrid_kd.frontend.feature_parts import make_part
    from hybrid_kd.frontend.feature_plan import plan_features
    from hybrid_kd.option_ranges import check_ranges
    from hybrid_kd.processes import Report, run_jobs
    from hybrid_kd.tally import MAX_LEFT_OUT_RANGE

    if options.nj < 1:
        raise HybridKdError.at("--nj", f"{options.nj} processes", fix="give at least 1")
    check_ranges(options, {"max_left_out": MAX_LEFT_OUT_RANGE})
    target = plan_features(options)
    if target.is_finished():
        return
    pending = begin(target)
    if target.source.mfcc.dither:
        importlib.import_module("hybrid_kd.seeds")  # slow: once, before there are more processes

    def work(job: int, report: Report) -> None:
        for index in pending[job - 1 :: options.nj]:
            make_part(
                target.source,
                target.parts[index],
                target.part(index),
                compress=target.compress,
                report=report,
            )

    total = sum(len(target.parts[index]) for index in pending)
    jobs = range(1, min(options.nj, len(pending)) + 1)
    run_jobs(
        work, jobs, log=lambda job: options.out / "log" / f"features.{job}.log", total=total, what="features"
    )
    finish(target, max_left_out=options.max_left_out)
