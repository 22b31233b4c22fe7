"""Counting n-grams: texts as arrays of word numbers, n-grams as rows of one table for each order.

A row is (number of its context's row in the table of the order below, last word), in ascending order. Word
numbers are those of a model's vocabulary (0 is <s>, 1 is </s>), not the word-ids of words.txt.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import read_word_lines

logger = logging.getLogger(__name__)

BOS, EOS = 0, 1
# ids of utils/data/perturb_data_dir_speed.sh and perturb_data_dir_volume.sh
_BY_SPEED = re.compile(r"(sp|vp|rvb)[0-9]+(\.[0-9]+)?[-_]")
NONE = -1  # no such row, or a word that the vocabulary lacks
FIX = "give a text file with one sentence a line"


@dataclass(frozen=True)
class Vocabulary:
    """The words of a model, <s> and </s> first, the others in C order."""

    words: tuple[str, ...]
    numbers: dict[str, int]

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Tokens:
    """Sentences, one after another, each from <s> to </s>."""

    words: Int64[np.ndarray, " tokens"]  # NONE where the vocabulary lacks a word
    strangers: Counter[str]  # those words


@dataclass(frozen=True)
class CountTable:
    """The n-grams of one order, as they occur."""

    contexts: Int64[np.ndarray, " rows"]  # NONE in the unigrams
    words: Int64[np.ndarray, " rows"]
    counts: Int64[np.ndarray, " rows"]
    suffixes: Int64[np.ndarray, " rows"]  # the row below of the n-gram without its first word
    from_start: Bool[np.ndarray, " rows"]  # begins with <s>


def make_vocabulary(words: Sequence[str]) -> Vocabulary:
    """Number the words; symbols of a words.txt that are no words (<eps>, #0, <s>, </s>) are left out."""
    known = {word for word in words if word not in ("<s>", "</s>", "<eps>") and not word.startswith("#")}
    ordered = ("<s>", "</s>", *sorted(known))
    return Vocabulary(ordered, {word: number for number, word in enumerate(ordered)})


def read_vocabulary(file: Path) -> Vocabulary:
    """The first column of a file: a list of words, a words.txt or a lexicon.

    Raises: HybridKdError if it is missing or empty.
    """
    vocabulary = make_vocabulary([line[0] for line in read_word_lines(file, fix=FIX) if line])
    if len(vocabulary) == 2:
        raise HybridKdError.at(file, "it holds no word", fix="give a file with one word a line")
    return vocabulary


def read_sentences(file: Path, *, name_of: Callable[[str], str] | None = None) -> list[list[str]]:
    """The sentences of a text file.

    ``name_of`` is given where each line begins with an utt_id, as in a data directory; of utterances with the
    same name and words (noisy copies of one recording) one is kept: n-grams that all occur several times
    leave nothing to estimate discounts from.

    Raises: HybridKdError if it is missing or empty.
    """
    lines = [line for line in read_word_lines(file, fix=FIX) if line]
    if name_of is not None:
        named = {(name_of(utt_id), *words): words for utt_id, *words in lines}
        logger.info("%s: %d utterances, %d of them no copies", file, len(lines), len(named))
        if by_speed := [line[0] for line in lines if _BY_SPEED.match(line[0])]:
            logger.warning(
                "%s: %d copies at another speed or volume, such as '%s', count as new text",
                file, len(by_speed), by_speed[0],
            )  # fmt: skip
        lines = list(named.values())
    if not any(lines):
        raise HybridKdError.at(file, "it holds no words", fix=FIX)
    return lines


def tokenize(sentences: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Tokens:
    """Sentences as word numbers; <s> and </s> in a sentence are strangers too."""
    numbers = {word: number for word, number in vocabulary.numbers.items() if number > EOS}
    words = [
        number
        for sentence in sentences
        for number in (BOS, *(numbers.get(word, NONE) for word in sentence), EOS)
    ]
    strangers = Counter(word for sentence in sentences for word in sentence if word not in numbers)
    return Tokens(np.array(words, np.int64), strangers)


def count_ngrams(tokens: Tokens, num_words: int, order: int) -> list[CountTable]:
    """The n-grams of orders 1 to ``order``; those with a word that the vocabulary lacks do not count.

    The unigrams are the whole vocabulary, whether it occurs or not.
    """
    unigrams = np.arange(num_words)
    counts = np.bincount(tokens.words[tokens.words != NONE], minlength=num_words)
    nowhere = np.full(num_words, NONE, np.int64)
    tables = [CountTable(nowhere, unigrams, counts, nowhere, unigrams == BOS)]
    rows = tokens.words.copy()  # of the n-gram that ends at each token
    for _ in range(order - 1):
        before = np.concatenate([[NONE], rows[:-1]])
        there = (before != NONE) & (tokens.words != NONE) & (tokens.words != BOS)
        keys = before[there] * num_words + tokens.words[there]
        unique, first, row_of, counts = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        contexts, suffixes = unique // num_words, rows[there][first]
        from_start = tables[-1].from_start[contexts]
        tables.append(CountTable(contexts, unique % num_words, counts, suffixes, from_start))
        rows = np.full(len(rows), NONE, np.int64)
        rows[there] = row_of
    return tables
