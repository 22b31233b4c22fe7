"""Pruning of n-gram models by weighted difference, as IRSTLM's prune-lm does it, which makes Kaldi's tgpr_5k.

An n-gram hw is kept if p(hw) * (log10 p(w|h) - log10 bow(h) p(w|h')) is above a threshold, where h' is h
without its first word: others are predicted nearly as well by backing off. From the bigrams up.

Source: Seymore and Rosenfeld, Scalable backoff language models (1996); IRSTLM lmtable.cpp,
lmtable::wdprune. Sums are in float64 here and in float32 there, so that n-grams whose difference is the
threshold to 7 digits may differ.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64

from hybrid_kd.graph.ngram import NgramModel, NgramTable, log10_probs_of_ngrams, spelled_ngrams
from hybrid_kd.graph.ngram_counts import BOS

MOST_OF_ALL = 0.999999  # to which probabilities of a context are scaled that sum to 1 or more


def prune_by_weighted_difference(model: NgramModel, *, threshold: float) -> NgramModel:
    """Drop n-grams whose weighted difference is not above ``threshold``, and longer ones that begin so.

    What a context loses goes to its backoff, so that probabilities sum to 1.
    """
    for number in range(1, model.order):
        model = _prune_table(model, number, threshold)
    return model


def keep_ngrams(model: NgramModel, number: int, keep: Bool[np.ndarray, " rows"]) -> NgramModel:
    """The model without some rows of one table, and without longer n-grams that begin with them."""
    tables = list(model.tables)
    for above in range(number, model.order):
        table = tables[above]
        if above > number:
            renumbered = np.cumsum(keep) - 1
            keep = keep[table.contexts]
            table = replace(table, contexts=renumbered[table.contexts])
        columns = (table.contexts, table.words, table.log10_probs, table.log10_backoffs)
        tables[above] = NgramTable(*(column[keep] for column in columns))
    return NgramModel(model.vocabulary, tuple(tables))


def _prune_table(model: NgramModel, number: int, threshold: float) -> NgramModel:
    table, below = model.tables[number], model.tables[number - 1]
    lower = log10_probs_of_ngrams(
        NgramModel(model.vocabulary, model.tables[:number]), spelled_ngrams(model, number)[:, 1:]
    )
    differences = lower + below.log10_backoffs[table.contexts]
    log10_histories = _log10_history_probs(model, number)[table.contexts]
    log10_probs, keep = table.log10_probs.copy(), np.ones(len(table.words), bool)
    while True:
        weighted = 10 ** (log10_histories + log10_probs) * (log10_probs - differences)
        keep &= weighted > threshold
        sums = _sums_of_contexts(table, log10_probs, keep, len(below.words))
        too_much = sums >= 1
        if not too_much.any():
            break
        scales = np.where(too_much, MOST_OF_ALL / np.maximum(sums, 1), 1)
        log10_probs += np.log10(scales)[table.contexts]
    lower_sums = _sums_of_contexts(table, lower, keep, len(below.words))
    tables = list(model.tables)
    tables[number] = replace(table, log10_probs=log10_probs)
    tables[number - 1] = replace(below, log10_backoffs=_backoffs(below, table, sums, lower_sums))
    return keep_ngrams(NgramModel(model.vocabulary, tuple(tables)), number, keep)


def _log10_history_probs(model: NgramModel, number: int) -> Float64[np.ndarray, " contexts"]:
    """log10 p(h) of each row of the table below, by the chain rule; <s> counts 1."""
    log10_probs = np.where(np.arange(len(model.vocabulary)) == BOS, 0.0, model.tables[0].log10_probs)
    for table in model.tables[1:number]:
        log10_probs = log10_probs[table.contexts] + table.log10_probs
    return np.asarray(log10_probs)


def _sums_of_contexts(
    table: NgramTable,
    log10_probs: Float64[np.ndarray, " rows"],
    keep: Bool[np.ndarray, " rows"],
    num_contexts: int,
) -> Float64[np.ndarray, " contexts"]:
    return np.bincount(table.contexts[keep], 10 ** log10_probs[keep], num_contexts)


def _backoffs(
    below: NgramTable,
    table: NgramTable,
    sums: Float64[np.ndarray, " contexts"],
    lower_sums: Float64[np.ndarray, " contexts"],
) -> Float64[np.ndarray, " contexts"]:
    """log10 (1 - sum_w p(w|h)) / (1 - sum_w p(w|h')) over what is kept, of rows that were contexts before."""
    has_followers = np.bincount(table.contexts, minlength=len(below.words)) > 0
    computable = has_followers & (lower_sums < 1)
    backoffs = below.log10_backoffs.copy()
    backoffs[computable] = np.log10((1 - sums[computable]) / (1 - lower_sums[computable]))
    return backoffs
