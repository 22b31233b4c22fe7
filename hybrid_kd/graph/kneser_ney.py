"""Interpolated Kneser-Ney smoothing.

Source: Chen and Goodman, An empirical study of smoothing techniques for language modeling (1999).
"""

import itertools
import logging
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.graph.ngram import NO_PROBABILITY, NgramModel, NgramTable
from hybrid_kd.graph.ngram_counts import BOS, CountTable, Tokens, Vocabulary, count_ngrams

logger = logging.getLogger(__name__)

FEW_COUNTS_DISCOUNT = 0.5  # where no n-gram occurs once, or none twice


def train_kneser_ney(tokens: Tokens, vocabulary: Vocabulary, *, order: int) -> NgramModel:
    """Train a model on a text.

    p(w | h) = max(a(hw) - D(a(hw)), 0) / a(h) + gamma(h) p(w | h'), where h' is h without its first word,
    a(h) the sum of a(hw), gamma(h) the sum of D(a(hw)) over a(h); p(w | ) rests on a uniform distribution
    over the vocabulary and </s>. a counts occurrences in the highest order and after <s>, elsewhere the
    different words that stand before (one at least).
    """
    counts = count_ngrams(tokens, len(vocabulary), order)
    probs = lower = np.full(len(vocabulary), 1.0 / (len(vocabulary) - 1))
    tables: list[NgramTable] = []
    for number, (table, adjusted) in enumerate(zip(counts, _adjusted_counts(counts), strict=True)):
        discounts = discounts_of_counts(adjusted, name=f"{number + 1}-grams")[np.minimum(adjusted, 3)]
        contexts = table.contexts if number else np.zeros(len(vocabulary), np.int64)
        num_contexts = len(counts[number - 1].words) if number else 1
        mass = np.maximum(np.bincount(contexts, adjusted, num_contexts), 1)
        gammas = np.bincount(contexts, discounts, num_contexts) / mass
        if number:
            lower = probs[table.suffixes]
            tables[-1].log10_backoffs[gammas > 0] = np.log10(gammas[gammas > 0])
        else:
            gammas = 1 - (adjusted - discounts).sum(keepdims=True) / mass
        probs = (adjusted - discounts) / mass[contexts] + gammas[contexts] * lower
        log10_probs = np.log10(probs)
        tables.append(NgramTable(table.contexts, table.words, log10_probs, np.zeros(len(probs))))
    tables[0].log10_probs[BOS] = NO_PROBABILITY
    return NgramModel(vocabulary, tuple(tables))


def _adjusted_counts(counts: Sequence[CountTable]) -> list[Int64[np.ndarray, " rows"]]:
    """a of each row: in all orders but the highest, of how many rows above it is the suffix."""
    adjusted = []
    for table, above in itertools.pairwise(counts):
        different = np.maximum(np.bincount(above.suffixes, minlength=len(table.words)), table.counts > 0)
        adjusted.append(np.where(table.from_start, table.counts, different))
    adjusted.append(counts[-1].counts.copy())
    adjusted[0][BOS] = 0
    return adjusted


def discounts_of_counts(counts: Int64[np.ndarray, " rows"], *, name: str) -> Float64[np.ndarray, "4"]:
    """What is taken from counts 0, 1, 2, and 3 or more.

    With n_c the number of rows with count c and Y = n_1 / (n_1 + 2 n_2), modified: D_c = c - (c + 1) Y
    n_(c+1) / n_c. Where a count of these is missing or a D is not in (0, c), all are Y (plain); where even
    Y is not to be had, FEW_COUNTS_DISCOUNT. Small texts need this; the log says what was taken.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    kind, values = "few counts", np.full(3, FEW_COUNTS_DISCOUNT)
    if n[1] > 0 and n[2] > 0:
        y = n[1] / (n[1] + 2 * n[2])
        kind, values = "plain", np.full(3, y)
        c = np.arange(1, 4)
        if n[3] > 0 and n[4] > 0:
            modified = c - (c + 1) * y * n[2:5] / n[1:4]
            if ((modified > 0) & (modified < c)).all():
                kind, values = "modified", modified
    logger.info("%s: discounts %.3f %.3f %.3f (%s)", name, *values, kind)
    return np.array([0.0, *values])
