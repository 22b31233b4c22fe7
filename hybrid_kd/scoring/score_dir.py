"""Scores a decode directory: lattices to word errors, tuned on itself or elsewhere, as files and as a report.

wer_LMWT_WIP and scoring_kaldi/ are Kaldi's; scoring/ holds per_utt.jsonl (all that was counted),
inputs.json (what it was counted from), hyp.txt (words at the chosen point); score.json is the result for
programs.
"""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.atomic import replace_file
from hybrid_kd.config import read_yaml
from hybrid_kd.decoding.summary import SUMMARY, read_summary
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.option_ranges import check_ranges
from hybrid_kd.run_record import CONFIG
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.counting import count_set
from hybrid_kd.scoring.options import ScoreOptions
from hybrid_kd.scoring.report import by_environment, format_report
from hybrid_kd.scoring.scored_dir import (
    SCORE,
    read_error_table,
)
from hybrid_kd.scoring.tuning import (
    PointRange,
    parse_points,
    parse_range,
    range_to_json,
)
from hybrid_kd.scoring.utterance_scores import (
    SetScores,
)
from hybrid_kd.scoring.word_errors import ErrorTable, WordErrors, best_point, error_table, pool
from hybrid_kd.tally import MAX_LEFT_OUT_RANGE

logger = logging.getLogger(__name__)


def score_directory(options: ScoreOptions) -> str:
    """Score ``options.decode_dir``, write its files, and give the report.

    A call that fails changes nothing.

    Raises: HybridKdError for bad inputs, or if more than --max-left-out of the utterances have no lattice.
    """
    check_ranges(options, {"max_left_out": MAX_LEFT_OUT_RANGE})
    searched = parse_range(options.min_lm_weight, options.max_lm_weight, options.penalties)
    data = read_data_dir(options.data, needs_feats=False)
    points = (*searched.points(), *parse_points(options.also_at))
    counted = count_set(options, data, points=points)
    scores, table = counted.scores, error_table(counted.scores)
    if not table.num_words.sum():
        raise HybridKdError.at(data.path / "text", "the reference has no words", fix="transcribe the data")
    point = best_point(_tuning_table(options, table, searched), searched.points())
    searched.warn_at_edge(point, options.decode_dir)
    counted.keep(options.decode_dir)  # only now: what is there stays as it is if anything above fails
    _write_files(options, scores, table, point)
    result = _result(options, table, point, searched)
    write_json(options.decode_dir / SCORE, result)
    return format_report(data.path.name, table, point, result, read_summary(options.decode_dir))


def _tuning_table(options: ScoreOptions, table: ErrorTable, searched: PointRange) -> ErrorTable:
    """The errors of all sets that the point is chosen on; ``table`` are those of options.decode_dir.

    Raises: HybridKdError if a set is given twice, or as _other_table.
    """
    own = options.decode_dir.resolve()
    given = {path.resolve(): path for path in options.tune_on or [options.decode_dir]}
    if len(given) < len(options.tune_on):
        raise HybridKdError.at("--tune-on", "a directory is given twice", fix="give each once")
    return pool([table if path == own else _other_table(options, given[path], searched) for path in given])


def _other_table(options: ScoreOptions, tune_on: Path, searched: PointRange) -> ErrorTable:
    """Errors of another decode directory, which is scored first if it is not.

    Raises: HybridKdError if it is not scored at these points and does not say what it was decoded from.
    """
    points = searched.points()
    if (tune_on / CONFIG).is_file():
        config = read_yaml(tune_on / CONFIG)
        try:
            data, graph = Path(config["data"]), Path(config["graph"])
        except KeyError as error:
            fix = "restore it, or score this directory first with its own --data and --graph"
            raise HybridKdError.at(tune_on / CONFIG, f"missing key {error}", fix=fix) from error
        own = replace(options, decode_dir=tune_on, data=data, graph=graph, tune_on=())
        if not (tune_on / SCORE).is_file():
            score_directory(own)
        count_set(own, read_data_dir(data, needs_feats=False), points=points).keep(tune_on)
    return read_error_table(tune_on, points)


def _write_files(options: ScoreOptions, scores: SetScores, table: ErrorTable, chosen: ScoringPoint) -> None:
    """What Kaldi's scoring writes, and the hypotheses at the chosen point."""
    out = options.decode_dir
    command = f"hybrid-kd score --data {options.data} --graph {options.graph} {out}"
    for point in table.points:
        with replace_file(out / f"wer_{point.name}", "w") as file:
            file.write(f"{command}\n{table.total(point).kaldi_lines()}")
    column = table.points.index(chosen)
    contents = {
        "scoring_kaldi/test_filt.txt": [
            f"{utterance.utt_id} {utterance.reference}" for utterance in scores.utterances
        ],
        "scoring_kaldi/best_wer": [f"{table.total(chosen).kaldi_line()} {out}/wer_{chosen.name}"],
        "scoring_kaldi/wer_details/lmwt": [str(chosen.lm_weight)],
        "scoring_kaldi/wer_details/wip": [f"{chosen.word_ins_penalty:.1f}"],
        "scoring/hyp.txt": [
            f"{utterance.utt_id} {utterance.hypotheses[utterance.hypothesis_at[column]]}".rstrip()
            for utterance in scores.utterances
        ],
    }
    for name, lines in contents.items():
        with replace_file(out / name, "w") as file:
            file.writelines(f"{line}\n" for line in lines)


def _result(
    options: ScoreOptions, table: ErrorTable, point: ScoringPoint, searched: PointRange
) -> dict[str, Any]:
    """The content of score.json."""
    summary = read_summary(options.decode_dir)
    own = best_point(table, searched.points())
    tuned_on = options.tune_on or (options.decode_dir,)
    return {
        "decode_dir": str(options.decode_dir),
        "data": str(options.data),
        "tuned_on": [str(path) for path in tuned_on],
        "tuned_on_itself": [path.resolve() for path in tuned_on] == [options.decode_dir.resolve()],
        "searched": range_to_json(searched),
        "lm_weight": point.lm_weight,
        "word_ins_penalty": point.word_ins_penalty,
        "total": _as_values(table.total(point)),
        "environments": {
            name: _as_values(table.total(point, which))
            for name, which in by_environment(table.utt_ids).items()
        },
        "own_best": {"point": own.name, "wer": table.total(own).wer},
        "decoding": None if summary is None else read_json(options.decode_dir / SUMMARY),
    }


def _as_values(errors: WordErrors) -> dict[str, Any]:
    return {"wer": errors.wer, "errors": errors.errors, **asdict(errors)}
