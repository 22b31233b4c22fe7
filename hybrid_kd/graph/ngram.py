"""N-gram language models with backoff: probabilities of texts, and what the context tables mean.

Logarithms are to base 10, as in ARPA files.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.graph.ngram_counts import BOS, EOS, NONE, Tokens, Vocabulary

NO_PROBABILITY = -99.0  # of <s>, which is never predicted


@dataclass(frozen=True)
class NgramTable:
    """The n-grams of one order, ascending by (context, word); see CountTable."""

    contexts: Int64[np.ndarray, " rows"]
    words: Int64[np.ndarray, " rows"]
    log10_probs: Float64[np.ndarray, " rows"]
    log10_backoffs: Float64[np.ndarray, " rows"]  # 0 where the row is no context


@dataclass(frozen=True)
class NgramModel:
    """Tables of orders 1, 2, ..; row w of the first is word w."""

    vocabulary: Vocabulary
    tables: tuple[NgramTable, ...]

    @property
    def order(self) -> int:
        return len(self.tables)

    @cached_property
    def keys(self) -> list[Int64[np.ndarray, " rows"]]:
        """Each table's rows as one ascending number, for search."""
        return [table.contexts * len(self.vocabulary) + table.words for table in self.tables]

    def find_rows(
        self, table: int, contexts: Int64[np.ndarray, " n"], words: Int64[np.ndarray, " n"]
    ) -> Int64[np.ndarray, " n"]:
        """Rows of table number ``table`` (1: bigrams); NONE for n-grams that it lacks."""
        if not len(self.keys[table]):
            return np.full(len(words), NONE, np.int64)
        wanted = np.where((contexts == NONE) | (words == NONE), NONE, contexts * len(self.vocabulary) + words)
        rows = np.minimum(np.searchsorted(self.keys[table], wanted), len(self.keys[table]) - 1)
        return np.where(self.keys[table][rows] == wanted, rows, NONE)


def log10_probs_of_tokens(model: NgramModel, tokens: Tokens) -> Float64[np.ndarray, " tokens"]:
    """The log-probability of each token after those before it in its sentence.

    p(w | h) is that of the longest n-gram which the model has; each word that h is shortened by costs the
    backoff of what it is shortened from. NaN at <s> and at words that the vocabulary lacks; a history ends at
    such a word.
    """
    words = rows = tokens.words
    log10_probs = np.where(words == NONE, np.nan, model.tables[0].log10_probs[words])
    for number in range(1, model.order):
        contexts = np.concatenate([[NONE], rows[:-1]])
        rows = model.find_rows(number, contexts, np.where(words == BOS, NONE, words))
        log10_probs = _longer(model, number, contexts, rows, log10_probs)
    log10_probs[words == BOS] = np.nan
    return log10_probs


def log10_probs_of_ngrams(
    model: NgramModel, ngrams: Int64[np.ndarray, "n order"]
) -> Float64[np.ndarray, " n"]:
    """The log-probability of the last word of each n-gram after the others."""
    ends = list(ngrams.T)  # rows of the n-grams that end in each column, by length
    log10_probs = np.asarray(model.tables[0].log10_probs[ngrams[:, -1]])
    for number in range(1, min(ngrams.shape[1], model.order)):
        contexts = ends[-2]
        ends = [
            model.find_rows(number, context, ngrams[:, number + column])
            for column, context in enumerate(ends[:-1])
        ]
        log10_probs = _longer(model, number, contexts, ends[-1], log10_probs)
    return log10_probs


def _longer(
    model: NgramModel,
    number: int,
    contexts: Int64[np.ndarray, " n"],
    rows: Int64[np.ndarray, " n"],
    shorter: Float64[np.ndarray, " n"],
) -> Float64[np.ndarray, " n"]:
    """Probabilities of the rows of a table; where it lacks one, those of the order below with backoff."""
    backoffs = np.append(model.tables[number - 1].log10_backoffs, 0.0)[contexts]  # the last one is NONE's
    longer = np.append(model.tables[number].log10_probs, 0.0)[rows]
    return np.asarray(np.where(rows == NONE, backoffs + shorter, longer))


def spelled_ngrams(model: NgramModel, number: int) -> Int64[np.ndarray, "rows order"]:
    """The words of all n-grams of table number ``number`` (0: unigrams)."""
    columns, rows = [], np.arange(len(model.tables[number].words))
    for table in reversed(model.tables[: number + 1]):
        columns.append(table.words[rows])
        rows = table.contexts[rows]
    return np.stack(columns[::-1], axis=1)


@dataclass(frozen=True)
class TextFit:
    """How well a model predicts a text; words that the vocabulary lacks are not in ``log10_prob``."""

    log10_prob: float
    num_words: int
    num_sentences: int
    num_strangers: int

    @property
    def perplexity(self) -> float:
        """10^(-log10_prob / (predicted words + sentence ends))."""
        predicted = self.num_words - self.num_strangers + self.num_sentences
        return float(10 ** (-self.log10_prob / predicted))


def fit_of_text(model: NgramModel, tokens: Tokens) -> TextFit:
    """Sum the log-probabilities of a text, sentence ends included."""
    log10_prob = float(np.nansum(log10_probs_of_tokens(model, tokens)))
    num_sentences = int((tokens.words == EOS).sum())
    num_strangers = int((tokens.words == NONE).sum())
    return TextFit(log10_prob, len(tokens.words) - 2 * num_sentences, num_sentences, num_strangers)
