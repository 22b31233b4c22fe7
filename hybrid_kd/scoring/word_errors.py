"""Word errors summed over utterances, and the choice of a scoring point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.utterance_scores import UtteranceScores

LM_WEIGHTS = tuple(range(4, 18))
WORD_INS_PENALTIES = (0.0, 0.5, 1.0)
# Kaldi's order, in which the first of equals is chosen: penalties outside, LM weights inside.
POINTS = tuple(ScoringPoint(weight, penalty) for penalty in WORD_INS_PENALTIES for weight in LM_WEIGHTS)


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

    def total(self, point: int, which: Bool[np.ndarray, " utterances"] | None = None) -> WordErrors:
        """Sum over the chosen utterances (by default all)."""
        chosen = np.ones(len(self.utt_ids), bool) if which is None else which
        errors = self.errors[chosen, point]
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


def error_table(scores: Sequence[UtteranceScores]) -> ErrorTable:
    """Arrange what is known of each utterance as arrays."""
    return ErrorTable(
        tuple(utterance.utt_id for utterance in scores),
        np.stack([utterance.errors_at_points() for utterance in scores]),
        np.array([utterance.num_ref_words for utterance in scores]),
        np.array([not utterance.has_lattice for utterance in scores]),
    )


def best_point(table: ErrorTable) -> int:
    """The scoring point with the least WER to two decimals; of equals the first in Kaldi's order (POINTS).

    Source: Kaldi steps/scoring/score_kaldi_wer.sh, utils/best_wer.sh.
    """
    errors = table.errors.sum(axis=(0, 2))
    rates = [round(100 * int(count) / int(table.num_words.sum()), 2) for count in errors]
    return rates.index(min(rates))
