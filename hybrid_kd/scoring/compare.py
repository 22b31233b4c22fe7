"""Paired bootstrap between two systems on the same utterances.

A development set holds each clean utterance in several noises, whose errors go together: what is drawn are
clean utterances of each speaker, each with all its environments.

Source: Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.options import CompareOptions
from hybrid_kd.scoring.report import by_environment
from hybrid_kd.scoring.resampling import Groups, draw_within_speakers, group_by_clean_utterance, two_sided_p
from hybrid_kd.scoring.scored_dir import read_chosen_point, read_set_scores
from hybrid_kd.scoring.utterance_scores import SetScores
from hybrid_kd.scoring.utterances import ENVIRONMENTS
from hybrid_kd.scoring.word_errors import error_table
from hybrid_kd.seeds import numpy_generator

REPLICATES_AT_ONCE = 1000


@dataclass(frozen=True)
class Comparison:
    """WERs in %; the difference is B - A, so that a negative one means that B is better.

    low, high: 95 % interval of the difference (percentiles of the replicates). p_value: two-sided, twice
    the share of replicates in which the difference has the other sign or is 0.
    """

    wer_a: float
    wer_b: float
    low: float
    high: float
    p_value: float
    num_groups: int
    num_replicates: int

    @property
    def difference(self) -> float:
        """WER of B - WER of A, in % absolute."""
        return self.wer_b - self.wer_a

    @property
    def relative(self) -> float:
        """The difference in % of A's WER."""
        return 100 * self.difference / self.wer_a if self.wer_a else float("nan")


def paired_bootstrap(
    errors: Int64[np.ndarray, "groups 2"],
    words: Int64[np.ndarray, " groups"],
    *,
    num_replicates: int,
    seed: int,
    speakers: Sequence[str] | None = None,
) -> Comparison:
    """Draw groups many times (draw_within_speakers); each time WER = sum errors / sum words.

    ``errors`` are those of A and B in each group of utterances that is drawn as a whole; ``speakers`` whose
    groups they are (without them, of one).
    """
    speakers = [""] * len(words) if speakers is None else speakers
    generator = numpy_generator(seed, "paired bootstrap")
    differences = np.concatenate(
        [
            _differences(
                errors,
                words,
                draw_within_speakers(
                    speakers,
                    num_replicates=min(REPLICATES_AT_ONCE, num_replicates - done),
                    generator=generator,
                ),
            )
            for done in range(0, num_replicates, REPLICATES_AT_ONCE)
        ]
    )
    wer_a, wer_b = 100 * errors.sum(axis=0) / words.sum()
    low, high = np.percentile(differences, [2.5, 97.5])
    p_value = two_sided_p(differences)
    return Comparison(
        float(wer_a), float(wer_b), float(low), float(high), p_value, len(words), num_replicates
    )


def _differences(
    errors: Int64[np.ndarray, "groups 2"],
    words: Int64[np.ndarray, " groups"],
    times_drawn: Int64[np.ndarray, "replicates groups"],
) -> Float64[np.ndarray, " replicates"]:
    """WER of B - WER of A in each sample."""
    difference: np.ndarray = 100 * (times_drawn @ (errors[:, 1] - errors[:, 0])) / (times_drawn @ words)
    return difference


@dataclass(frozen=True)
class ScoredPair:
    """Two scored decodings of the same utterances, sorted by utt_id, each at its own point."""

    directories: tuple[Path, Path]
    scores: tuple[SetScores, SetScores]
    points: tuple[ScoringPoint, ScoringPoint]

    @property
    def groups(self) -> Groups:
        """Clean utterances and their speakers."""
        return group_by_clean_utterance([utterance.utt_id for utterance in self.scores[0].utterances])

    def group_by_clean_utterance(self) -> tuple[Int64[np.ndarray, "groups 2"], Int64[np.ndarray, " groups"]]:
        """Errors of both systems and words, summed over the environments of each clean utterance."""
        tables = [error_table(scores) for scores in self.scores]
        columns = [
            self.groups.sum(table.errors[:, table.points.index(point)].sum(axis=1))
            for table, point in zip(tables, self.points, strict=True)
        ]
        return np.stack(columns, axis=1), self.groups.sum(tables[0].num_words)

    def compare(self, *, num_replicates: int, seed: int) -> Comparison:
        """Paired bootstrap over the clean utterances of each speaker."""
        errors, words = self.group_by_clean_utterance()
        speakers = self.groups.speakers
        return paired_bootstrap(errors, words, num_replicates=num_replicates, seed=seed, speakers=speakers)


def read_scored_pair(directory_a: Path, directory_b: Path) -> ScoredPair:
    """Read what ``hybrid-kd score`` counted in both.

    Raises: HybridKdError if one is not scored, or if they have other utterances or another reference.
    """
    directories = directory_a, directory_b
    scores_a, scores_b = (_read_scores(directory) for directory in directories)
    _check_same_reference(directories, scores_a, scores_b)
    points = read_chosen_point(directory_a), read_chosen_point(directory_b)
    return ScoredPair(directories, (scores_a, scores_b), points)


def compare_directories(options: CompareOptions) -> str:
    """Compare two scored decode directories; gives the report.

    Raises: HybridKdError if one is not scored, or if they have other utterances or another reference.
    """
    if options.num_replicates < 1:
        raise HybridKdError.at(
            "--num-replicates", f"{options.num_replicates} is out of range", fix="give 10000"
        )
    pair = read_scored_pair(options.decode_dir_a, options.decode_dir_b)
    comparison = pair.compare(num_replicates=options.num_replicates, seed=options.seed)
    lines = [
        *_system_lines(pair, comparison),
        *_environment_lines(pair),
        f"difference B - A: {comparison.difference:+.2f} % absolute, {comparison.relative:+.2f} % relative",
        f"95 % interval of the difference: [{comparison.low:+.2f}, {comparison.high:+.2f}]",
        f"p-value: {comparison.p_value:.4f} (two-sided, {comparison.num_replicates} replicates of "
        f"{comparison.num_groups} clean utterances with all their environments)",
    ]
    return "\n".join(lines)


def _read_scores(directory: Path) -> SetScores:
    scores = read_set_scores(directory)
    return SetScores(scores.points, sorted(scores.utterances, key=lambda utterance: utterance.utt_id))


def _check_same_reference(directories: tuple[Path, Path], scores_a: SetScores, scores_b: SetScores) -> None:
    references_a, references_b = (
        {u.utt_id: u.reference for u in scores.utterances} for scores in (scores_a, scores_b)
    )
    only_one = sorted(references_a.keys() ^ references_b.keys())
    if only_one:
        raise HybridKdError.at(
            directories[1],
            f"other utterances than {directories[0]}: {len(references_b)} and {len(references_a)}",
            fix="compare decodings of the same data",
            key=only_one[0],
        )
    for utt_id, reference in references_a.items():
        if reference != references_b[utt_id]:
            raise HybridKdError.at(
                directories[1],
                f"reference '{references_b[utt_id]}', in {directories[0]} '{reference}'",
                fix="score both with the same data directory",
                key=utt_id,
            )


def _system_lines(pair: ScoredPair, comparison: Comparison) -> list[str]:
    errors, words = pair.group_by_clean_utterance()
    wers = comparison.wer_a, comparison.wer_b
    return [
        f"{name} {directory}: WER {wer:.2f} % [ {count} / {words.sum()} ] at {point.name}"
        for name, directory, wer, count, point in zip(
            "AB", pair.directories, wers, errors.sum(axis=0), pair.points, strict=True
        )
    ]


def _environment_lines(pair: ScoredPair) -> list[str]:
    """WER of both by environment, for orientation."""
    tables = [error_table(scores) for scores in pair.scores]
    lines = []
    for name, inside in by_environment(tables[0].utt_ids).items():
        wer_a, wer_b = (
            table.total(point, inside).wer for table, point in zip(tables, pair.points, strict=True)
        )
        lines.append(f"  {ENVIRONMENTS[name]:<10} A {wer_a:6.2f} %  B {wer_b:6.2f} %")
    return lines
