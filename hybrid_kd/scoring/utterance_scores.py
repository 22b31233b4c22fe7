"""Hypotheses and word errors of each utterance at every scoring point; their file scoring/per_utt.jsonl."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import kaldialign
import numpy as np
from jaxtyping import Int64

from hybrid_kd.archives.lattices import Lattice, read_lattices
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import build_record, parse_json
from hybrid_kd.scoring.best_paths import BestPath, ScoringPoint, best_paths
from hybrid_kd.text_files import split_words

LATTICES_AT_ONCE = 4  # more are no faster, and take memory
REF_NOT_SCORED = frozenset({"<NOISE>", "<SPOKEN_NOISE>"})
HYP_NOT_SCORED = frozenset({"<NOISE>", "<SPOKEN_NOISE>", "<UNK>"})


@dataclass(frozen=True)
class ScoringTexts:
    """The reference words of each utterance, and the words that word-ids stand for."""

    text: dict[str, list[str]]
    words: dict[int, str]


@dataclass(frozen=True)
class UtteranceScores:
    """The different hypotheses of one utterance, which of them each scoring point has, and their errors.

    errors[h] are insertions, deletions and substitutions of hypotheses[h] against ``reference``.
    """

    utt_id: str
    reference: str
    has_lattice: bool
    hypotheses: tuple[str, ...]
    errors: tuple[tuple[int, int, int], ...]
    hypothesis_at: tuple[int, ...]  # by scoring point

    @property
    def num_ref_words(self) -> int:
        return len(split_words(self.reference))

    def errors_at_points(self) -> Int64[np.ndarray, "points 3"]:
        """Insertions, deletions, substitutions at each scoring point."""
        return np.array(self.errors, np.int64).reshape(-1, 3)[list(self.hypothesis_at)]


@dataclass(frozen=True)
class SetScores:
    """All utterances of a set, and the scoring points that ``hypothesis_at`` of each is for."""

    points: tuple[ScoringPoint, ...]
    utterances: list[UtteranceScores]


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, int, int]:
    """Insertions, deletions and substitutions; of equally good alignments, the one that compute-wer takes.

    Source: Kaldi util/edit-distance-inl.h, LevenshteinEditDistance.
    """
    counts = kaldialign.edit_distance(list(reference), list(hypothesis))
    return counts["ins"], counts["del"], counts["sub"]


def score_utterance(
    utt_id: str, reference: Sequence[str], hypotheses: Sequence[Sequence[str] | None]
) -> UtteranceScores:
    """Count the errors of the hypotheses at each scoring point; without one (None) every word is deleted.

    Words that are no speech are scored neither in the reference (<NOISE>, <SPOKEN_NOISE>) nor in the
    hypothesis (<UNK> too).

    Source: Kaldi egs/chime4/s5_1ch/local/score.sh and chime4_calc_wers.sh.
    """
    kept_reference = [word for word in reference if word not in REF_NOT_SCORED]
    texts = [" ".join(word for word in words or () if word not in HYP_NOT_SCORED) for words in hypotheses]
    different = tuple(dict.fromkeys(texts))
    return UtteranceScores(
        utt_id,
        " ".join(kept_reference),
        any(words is not None for words in hypotheses),
        different,
        tuple(count_errors(kept_reference, split_words(text)) for text in different),
        tuple(different.index(text) for text in texts),
    )


def score_lattices(
    path: Path, texts: ScoringTexts, points: Sequence[ScoringPoint]
) -> Iterator[UtteranceScores]:
    """Score every lattice of one archive.

    Raises: HybridKdError if an utterance is not in ``text``, a word not in ``words``, or a lattice cannot
    be used.
    """
    entries = iter(read_lattices(path))
    while batch := list(islice(entries, LATTICES_AT_ONCE)):
        for utt_id, _ in batch:
            if utt_id not in texts.text:
                raise HybridKdError.at(
                    path,
                    "the data directory's text has no such utterance",
                    fix="give the --data it was decoded from",
                    key=utt_id,
                )
        for (utt_id, _), paths in zip(batch, _best_paths(path, batch, points), strict=True):
            hypotheses = [
                None if best is None else ids_to_words(path, best.word_ids, texts.words) for best in paths
            ]
            yield score_utterance(utt_id, texts.text[utt_id], hypotheses)


def _best_paths(
    path: Path, batch: Sequence[tuple[str, Lattice]], points: Sequence[ScoringPoint]
) -> list[list[BestPath | None]]:
    try:
        return best_paths([lattice for _, lattice in batch], points)
    except ValueError as error:
        utt_ids = ", ".join(utt_id for utt_id, _ in batch)
        raise HybridKdError.at(path, f"{error}, one of {utt_ids}", fix="decode again") from error


def ids_to_words(path: Path, word_ids: Sequence[int], words: dict[int, str]) -> list[str]:
    """Raises: HybridKdError that names ``path`` if a word-id stands for no word."""
    try:
        return [words[word_id] for word_id in word_ids]
    except KeyError as error:
        raise HybridKdError.at(
            path, f"no word {error} in words.txt", fix="give the --graph that it was decoded with"
        ) from error


def utterance_scores_to_lines(scores: Iterable[UtteranceScores]) -> Iterator[str]:
    """One JSON object a line."""
    for utterance in scores:
        yield json.dumps(asdict(utterance)) + "\n"


def read_utterance_scores(path: Path) -> list[UtteranceScores]:
    """Read per_utt.jsonl.

    Raises: HybridKdError if it is missing or not what ``hybrid-kd score`` writes.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        return [_from_json(parse_json(line)) for line in lines]
    except FileNotFoundError as error:
        raise HybridKdError.at(path, "not scored yet", fix="run `hybrid-kd score` on it first") from error
    except ValueError as error:
        raise HybridKdError.at(
            path, f"not a file of `hybrid-kd score`: {error}", fix="score again"
        ) from error


def _from_json(content: Any) -> UtteranceScores:
    """Raises: ValueError."""
    scores = build_record(UtteranceScores, content)
    num_hypotheses = len(scores.hypotheses)
    if len(scores.errors) != num_hypotheses:
        raise ValueError(f"errors of '{scores.utt_id}' are not those of {num_hypotheses} hypotheses")
    if not all(0 <= index < num_hypotheses for index in scores.hypothesis_at):
        raise ValueError(f"hypothesis_at of '{scores.utt_id}' is beyond the {num_hypotheses} hypotheses")
    return scores
