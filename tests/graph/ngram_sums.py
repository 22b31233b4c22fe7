"""Whether a language model's probabilities sum to one."""

from collections.abc import Sequence

import numpy as np

from hybrid_kd.graph.ngram import NgramModel, log10_probs_of_ngrams, spelled_ngrams
from hybrid_kd.graph.ngram_counts import EOS


def histories(model: NgramModel) -> Sequence[tuple[int, ...]]:
    """All word sequences that are a context of some n-gram, and the empty one."""
    found: set[tuple[int, ...]] = {()}
    for number in range(1, model.order):
        found |= {tuple(ngram) for ngram in spelled_ngrams(model, number)[:, :-1].tolist()}
    return sorted(found)


def total_probability(model: NgramModel, history: Sequence[int]) -> float:
    """The sum of p(w | history) over all words that can follow; 1 in a sound model."""
    followers = np.arange(EOS, len(model.vocabulary))
    ngrams = np.array([[*history, word] for word in followers.tolist()], np.int64)
    return float((10 ** log10_probs_of_ngrams(model, ngrams)).sum())
