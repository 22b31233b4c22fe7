"""Counts the word errors of a decode directory's lattices, in parallel, at many scoring points.

scoring/ holds per_utt.jsonl (all that was counted) and inputs.json (the sha256 of what it was counted from).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hybrid_kd.archives.alignments import read_num_jobs
from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.atomic import replace_file
from hybrid_kd.config import read_yaml
from hybrid_kd.decoding.decode_record import UTT_IDS
from hybrid_kd.decoding.summary import SUMMARY
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.processes import Report, run_jobs
from hybrid_kd.provenance import sha256_of_file, sha256_of_files
from hybrid_kd.run_record import CONFIG
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.options import ScoreOptions
from hybrid_kd.scoring.scored_dir import (
    INPUTS,
    PER_UTT,
    read_points,
    read_set_scores,
)
from hybrid_kd.scoring.tuning import (
    POINTS,
    in_kaldis_order,
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
from hybrid_kd.tally import Tally
from hybrid_kd.text_files import read_text

DECODE_AGAIN = "decode again, into another --out"


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
