"""Pruning of n-gram models by relative entropy.

Source: Stolcke, Entropy-based pruning of backoff language models (1998).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hybrid_kd.graph.ngram import NgramModel, NgramTable, log10_probs_of_ngrams, spelled_ngrams
from hybrid_kd.graph.ngram_counts import BOS, NONE


def prune_ngrams(model: NgramModel, *, threshold: float) -> NgramModel:
    """Drop n-grams whose loss, each for itself, raises the model's perplexity by less than this share.

    From the highest order down; contexts of n-grams that stay, and unigrams, stay too. What a context loses
    goes to its backoff, so that probabilities sum to 1.
    """
    for number in range(model.order - 1, 0, -1):
        keep = _relative_losses(model, number) >= threshold
        if number + 1 < model.order:
            keep[model.tables[number + 1].contexts] = True
        model = _without(model, number, keep)
        for above in range(number, model.order):
            model = _with_backoffs(model, above)
    while model.order > 1 and not len(model.tables[-1].words):
        model = replace(model, tables=model.tables[:-1])
    return model


@dataclass(frozen=True)
class _Contexts:
    """Of the contexts of one table: the probability that its n-grams leave over, and that these have in the
    order below; and the latter n-gram by n-gram."""

    left: Float64[np.ndarray, " contexts"]
    left_below: Float64[np.ndarray, " contexts"]
    probs_below: Float64[np.ndarray, " rows"]


def _context_sums(model: NgramModel, number: int) -> _Contexts:
    table = model.tables[number]
    below = replace(model, tables=model.tables[:number])
    probs_below = 10 ** log10_probs_of_ngrams(below, spelled_ngrams(model, number)[:, 1:])
    num_contexts = len(model.tables[number - 1].words)
    used = np.bincount(table.contexts, 10**table.log10_probs, num_contexts)
    used_below = np.bincount(table.contexts, probs_below, num_contexts)
    return _Contexts(np.maximum(1.0 - used, 0), np.maximum(1.0 - used_below, 0), probs_below)


def _relative_losses(model: NgramModel, number: int) -> Float64[np.ndarray, " rows"]:
    """The share by which the perplexity rises if one n-gram is dropped."""
    table, sums = model.tables[number], _context_sums(model, number)
    left, left_below = sums.left[table.contexts], sums.left_below[table.contexts]
    probs = 10**table.log10_probs
    backoff = model.tables[number - 1].log10_backoffs[table.contexts] * np.log(10)
    with np.errstate(divide="ignore", invalid="ignore"):
        new_backoff = np.log((left + probs) / (left_below + sums.probs_below))
        change = probs * (np.log(sums.probs_below) + new_backoff - np.log(probs))
        change += left * (new_backoff - backoff)
    losses = -_history_probs(model, number)[table.contexts] * change
    return np.where(np.isfinite(losses), np.expm1(losses), np.inf)


def _history_probs(model: NgramModel, number: int) -> Float64[np.ndarray, " contexts"]:
    """p(h) of all rows of the table below: the product of its words' probabilities; <s> counts as </s>."""
    ngrams = spelled_ngrams(model, number - 1)
    log10_probs = np.zeros(len(ngrams))
    for length in range(1, number + 1):
        log10_probs += np.where(
            ngrams[:, length - 1] == BOS,
            model.tables[0].log10_probs[1],
            log10_probs_of_ngrams(model, ngrams[:, :length]),
        )
    return np.asarray(10**log10_probs)


def _without(model: NgramModel, number: int, keep: Bool[np.ndarray, " rows"]) -> NgramModel:
    """Drop rows of a table; the table above counts its contexts anew."""
    tables = list(model.tables)
    tables[number] = _rows(tables[number], np.flatnonzero(keep))
    if number + 1 < model.order:
        renumbered = np.where(keep, np.cumsum(keep) - 1, NONE)
        tables[number + 1] = replace(tables[number + 1], contexts=renumbered[tables[number + 1].contexts])
    return NgramModel(model.vocabulary, tuple(tables))


def _rows(table: NgramTable, rows: Int64[np.ndarray, " kept"]) -> NgramTable:
    columns = (table.contexts, table.words, table.log10_probs, table.log10_backoffs)
    return NgramTable(*(column[rows] for column in columns))


def _with_backoffs(model: NgramModel, number: int) -> NgramModel:
    """Backoffs into a table such that the probabilities after each context sum to 1."""
    sums = _context_sums(model, number)
    is_context = np.bincount(model.tables[number].contexts, minlength=len(sums.left)) > 0
    backoffs = np.zeros(len(sums.left))
    good = is_context & (sums.left > 0) & (sums.left_below > 0)
    backoffs[good] = np.log10(sums.left[good] / sums.left_below[good])
    tables = list(model.tables)
    tables[number - 1] = replace(tables[number - 1], log10_backoffs=backoffs)
    return NgramModel(model.vocabulary, tuple(tables))
