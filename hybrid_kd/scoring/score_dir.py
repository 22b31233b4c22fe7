"""Scores a decode directory: lattices to word errors, tuned on itself or elsewhere, as files and as a report.

wer_LMWT_WIP and scoring_kaldi/ are Kaldi's; scoring/ holds per_utt.jsonl (all that was counted),
inputs.json (what it was counted from), hyp.txt (words at the chosen point); score.json is the result for
programs.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hybrid_kd.archives.alignments import read_num_jobs
from hybrid_kd.archives.data_dir import DataDir, read_data_dir
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.atomic import replace_file
from hybrid_kd.config import read_yaml
from hybrid_kd.decoding.decode_record import UTT_IDS
from hybrid_kd.decoding.summary import SUMMARY, read_summary
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.option_ranges import check_ranges
from hybrid_kd.processes import Report, run_jobs
from hybrid_kd.provenance import sha256_of_file, sha256_of_files
from hybrid_kd.run_record import CONFIG
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.options import ScoreOptions
from hybrid_kd.scoring.report import by_environment, format_report
from hybrid_kd.scoring.scored_dir import (
    INPUTS,
    PER_UTT,
    SCORE,
    read_error_table,
    read_points,
    read_set_scores,
)
from hybrid_kd.scoring.tuning import (
    POINTS,
    PointRange,
    in_kaldis_order,
    parse_points,
    parse_range,
    range_to_json,
)
from hybrid_kd.scoring.utterance_scores import (
    ScoringTexts,
    SetScores,
    UtteranceScores,
    read_utterance_scores,
    score_lattices,
    score_utterance,
    utterance_scores_to_lines,
)
from hybrid_kd.scoring.word_errors import ErrorTable, WordErrors, best_point, error_table, pool
from hybrid_kd.tally import MAX_LEFT_OUT_RANGE, Tally
from hybrid_kd.text_files import read_text

logger = logging.getLogger(__name__)

DECODE_AGAIN = "decode again, into another --out"


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


@dataclass(frozen=True)
class CountedSet:
    """Hypotheses and errors of a set, and the sha256 of what they were counted from (None: kept already)."""

    scores: SetScores
    inputs: dict[str, str] | None

    def keep(self, decode_dir: Path) -> None:
        """Write them into the decode directory, in place of earlier ones."""
        if self.inputs is None:
            return
        (decode_dir / INPUTS).unlink(missing_ok=True)  # the two files never describe different counts
        with replace_file(decode_dir / PER_UTT, "w") as file:
            file.writelines(utterance_scores_to_lines(self.scores.utterances))
        points = [point.name for point in self.scores.points]
        write_json(decode_dir / INPUTS, self.inputs | {"points": points})


def count_set(options: ScoreOptions, data: DataDir, *, points: Sequence[ScoringPoint]) -> CountedSet:
    """Count errors of every utterance that was to be decoded, or read them if nothing has changed since.

    They are at ``points`` and at all others that are always counted, or were counted before. Only temporary
    files are written into ``options.decode_dir``.

    Raises: HybridKdError as score_directory.
    """
    if data.text is None:
        raise HybridKdError.at(data.path, "it holds no text", fix="give a data directory with transcriptions")
    decode_dir, words_file = options.decode_dir, options.graph / "words.txt"
    archives = find_lattices(decode_dir)
    inputs = {
        "lattices": sha256_of_files(archives),
        "words": sha256_of_file(words_file),
        "text": sha256_of_file(data.path / "text"),
    }
    utt_ids = _intended_utterances(options, data)
    before = read_points(decode_dir) if (decode_dir / INPUTS).is_file() else ()
    if before and set(points) <= set(before) and _is_counted_from(decode_dir, inputs):
        return CountedSet(read_set_scores(decode_dir), None)
    texts = ScoringTexts(data.text, read_symbol_table(words_file))
    all_points = in_kaldis_order([*POINTS, *points, *before])
    lines = _score_in_parallel(decode_dir, archives, texts, all_points, total=len(utt_ids), nj=options.nj)
    scores = SetScores(all_points, _in_order(options, utt_ids, texts, lines, len(all_points)))
    return CountedSet(scores, inputs)


def _is_counted_from(decode_dir: Path, inputs: dict[str, str]) -> bool:
    before = read_json(decode_dir / INPUTS)
    return {name: value for name, value in before.items() if name != "points"} == inputs


def find_lattices(decode_dir: Path) -> list[Path]:
    """lat.1.gz .. lat.N.gz, N as num_jobs says.

    Raises: HybridKdError if they are missing or not complete.
    """
    if not decode_dir.is_dir():
        raise HybridKdError.at(decode_dir, "no such directory", fix="give a directory with lat.JOB.gz")
    found = {path.name for path in decode_dir.glob("lat.*.gz")}
    num_jobs = read_num_jobs(decode_dir) if (decode_dir / "num_jobs").is_file() else len(found)
    names = [f"lat.{job}.gz" for job in range(1, num_jobs + 1)]
    unfinished = (decode_dir / CONFIG).is_file() and not (decode_dir / SUMMARY).is_file()
    if not found or unfinished or set(names) != found:
        missing = sorted(set(names) - found) or sorted(found - set(names)) or ["lat.1.gz"]
        problem = (
            "its decoding has not finished" if unfinished else f"lattices are not complete: {missing[0]}"
        )
        raise HybridKdError.at(decode_dir, problem, fix="run the same `hybrid-kd decode` again to finish it")
    return [decode_dir / name for name in names]


def _intended_utterances(options: ScoreOptions, data: DataDir) -> Sequence[str]:
    """The utterances that were to be decoded: all of the data in a directory that Kaldi's scripts made.

    Raises: HybridKdError if some are not in the data, or if too many of the data were not to be decoded and
    no option of the decoding chose a part.
    """
    decode_dir = options.decode_dir
    listed = decode_dir / UTT_IDS
    utt_ids = read_text(listed, fix=DECODE_AGAIN).split() if listed.is_file() else data.utt_ids
    if unknown := sorted(set(utt_ids) - set(data.utt_ids)):
        raise HybridKdError.at(
            decode_dir, f"not in {data.path}", fix="give the --data it was decoded from", key=unknown[0]
        )
    if len(utt_ids) < len(data.utt_ids) and not _is_of_a_part(decode_dir):
        tally = Tally(decode_dir, max_left_out=options.max_left_out)
        tally.done(len(utt_ids))
        decoded = set(utt_ids)
        for utt_id in data.utt_ids:
            if utt_id not in decoded:
                tally.left_out(utt_id, "not decoded", f"{data.path} has it")
        tally.close(
            fix=f"give the --data it was decoded from, or decode {data.path} again into another --out"
        )
    return utt_ids


def _is_of_a_part(decode_dir: Path) -> bool:
    """Whether options of `hybrid-kd decode` chose some utterances."""
    config = read_yaml(decode_dir / CONFIG) if (decode_dir / CONFIG).is_file() else {}
    return config.get("max_utts") is not None or config.get("utt_list") is not None


def _score_in_parallel(
    decode_dir: Path,
    archives: Sequence[Path],
    texts: ScoringTexts,
    points: Sequence[ScoringPoint],
    *,
    total: int,
    nj: int,
) -> Iterator[UtteranceScores]:
    """Score archives in up to ``nj`` processes, through a file for each."""
    jobs = range(1, min(max(nj, 1), len(archives)) + 1)
    parts = {job: decode_dir / "scoring" / f"per_utt.{job}.jsonl" for job in jobs}

    def work(job: int, report: Report) -> None:
        with replace_file(parts[job], "w") as file:
            for archive in archives[job - 1 :: len(jobs)]:
                for scores in score_lattices(archive, texts, points):
                    file.writelines(utterance_scores_to_lines([scores]))
                    report(scores.utt_id)

    try:
        run_jobs(work, jobs, log=partial(_score_log, decode_dir), total=total, what="scoring")
        for part in parts.values():
            yield from read_utterance_scores(part)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _score_log(decode_dir: Path, job: int) -> Path:
    return decode_dir / "log" / f"score.{job}.log"


def _in_order(
    options: ScoreOptions,
    utt_ids: Sequence[str],
    texts: ScoringTexts,
    scores: Iterator[UtteranceScores],
    num_points: int,
) -> list[UtteranceScores]:
    """Every intended utterance; of one without a lattice all words are deleted.

    Raises: HybridKdError if too many have none.
    """
    found = {utterance.utt_id: utterance for utterance in scores}
    tally = Tally(options.decode_dir, max_left_out=options.max_left_out)
    tally.done(len(found))
    for utt_id in utt_ids:
        if utt_id not in found:
            tally.left_out(utt_id, "no lattice", "all its words count as deleted")
    tally.close(fix="decode with a wider --beam, or see log/decode.JOB.log for what was left out")
    nothing = [None] * num_points
    return [found.get(utt_id) or score_utterance(utt_id, texts.text[utt_id], nothing) for utt_id in utt_ids]


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
