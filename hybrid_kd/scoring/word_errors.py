"""Word errors summed over utterances, and the choice of a scoring point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.utterance_scores import SetScores


@dataclass(frozen=True)
class WordErrors:
    """Sums over utterances at one scoring point."""

    num_words: int
    insertions: int
    deletions: int
    substitutions: int
    num_sentences: int
    sentence_errors: int
    num_absent: int = 0

    @property
    def errors(self) -> int:
        """All word errors."""
        return self.insertions + self.deletions + self.substitutions

    @property
    def wer(self) -> float:
        """Word error rate in %."""
        return 100 * self.errors / self.num_words

    @property
    def ser(self) -> float:
        """Sentence error rate in %."""
        return 100 * self.sentence_errors / self.num_sentences

    def kaldi_line(self) -> str:
        """``%WER 8.37 [ 454 / 5423, 66 ins, 72 del, 316 sub ]`` as compute-wer prints it."""
        return (
            f"%WER {self.wer:.2f} [ {self.errors} / {self.num_words}, {self.insertions} ins, "
            f"{self.deletions} del, {self.substitutions} sub ]" + (" [PARTIAL]" if self.num_absent else "")
        )

    def kaldi_lines(self) -> str:
        """All that compute-wer prints."""
        return (
            f"{self.kaldi_line()}\n%SER {self.ser:.2f} [ {self.sentence_errors} / {self.num_sentences} ]\n"
            f"Scored {self.num_sentences} sentences, {self.num_absent} not present in hyp.\n"
        )


@dataclass(frozen=True)
class ErrorTable:
    """Errors of each utterance at each scoring point."""

    utt_ids: tuple[str, ...]
    errors: Int64[np.ndarray, "utterances points 3"]  # insertions, deletions, substitutions
    num_words: Int64[np.ndarray, " utterances"]
    is_absent: Bool[np.ndarray, " utterances"]  # no lattice: all words deleted
    points: tuple[ScoringPoint, ...]

    def by_utterance(self, point: ScoringPoint) -> list[int]:
        """All word errors of each utterance, by sorted utt_id."""
        errors = self.errors[:, self.points.index(point)].sum(axis=1).tolist()
        return [count for _, count in sorted(zip(self.utt_ids, errors, strict=True))]

    def total(self, point: ScoringPoint, which: Bool[np.ndarray, " utterances"] | None = None) -> WordErrors:
        """Sum over the chosen utterances (by default all)."""
        chosen = np.ones(len(self.utt_ids), bool) if which is None else which
        errors = self.errors[chosen, self.points.index(point)]
        insertions, deletions, substitutions = (int(count) for count in errors.sum(axis=0))
        return WordErrors(
            int(self.num_words[chosen].sum()),
            insertions,
            deletions,
            substitutions,
            len(errors),
            int((errors.sum(axis=1) > 0).sum()),
            int(self.is_absent[chosen].sum()),
        )


def error_table(scores: SetScores) -> ErrorTable:
    """Arrange what is known of each utterance as arrays."""
    return ErrorTable(
        tuple(utterance.utt_id for utterance in scores.utterances),
        np.stack([utterance.errors_at_points() for utterance in scores.utterances]),
        np.array([utterance.num_ref_words for utterance in scores.utterances]),
        np.array([not utterance.has_lattice for utterance in scores.utterances]),
        scores.points,
    )


def pool(tables: Sequence[ErrorTable]) -> ErrorTable:
    """The utterances of several sets as one, at the points that all of them have."""
    points = tuple(point for point in tables[0].points if all(point in table.points for table in tables[1:]))
    columns = [[table.points.index(point) for point in points] for table in tables]
    return ErrorTable(
        tuple(utt_id for table in tables for utt_id in table.utt_ids),
        np.concatenate([table.errors[:, which] for table, which in zip(tables, columns, strict=True)]),
        np.concatenate([table.num_words for table in tables]),
        np.concatenate([table.is_absent for table in tables]),
        points,
    )


def best_point(table: ErrorTable, points: Sequence[ScoringPoint]) -> ScoringPoint:
    """Of ``points`` the one with the least WER to two decimals; of equals the first.

    Source: Kaldi steps/scoring/score_kaldi_wer.sh, utils/best_wer.sh.
    """
    return min(points, key=lambda point: round(table.total(point).wer, 2))
