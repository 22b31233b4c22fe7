"""Trains a language model of a text file and writes it as an ARPA file."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.arpa import read_arpa, write_arpa
from hybrid_kd.graph.kneser_ney import train_kneser_ney
from hybrid_kd.graph.ngram import TextFit, fit_of_text
from hybrid_kd.graph.ngram_counts import Tokens, make_vocabulary, read_sentences, read_vocabulary, tokenize
from hybrid_kd.graph.ngram_pruning import prune_ngrams
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import RunRecord

logger = logging.getLogger(__name__)

MAX_ORDER = 9


@dataclass(frozen=True)
class LanguageModelOptions:
    """``prune``: n-grams that change the perplexity by less than this share are dropped; 0 keeps all."""

    order: int = 3
    prune: float = 0.0


def make_language_model(
    text: Path,
    vocab: Path | None,
    out: Path,
    options: LanguageModelOptions,
    *,
    name_of: Callable[[str], str] | None,
) -> None:
    """Train on ``text`` and write ``out`` (.gz or not), nothing if it is there; without ``vocab``, the text's
    words are the vocabulary. ``name_of`` as in read_sentences.

    Raises: HybridKdError for options out of range or files that cannot be read, or if ``out`` was made of
    others.
    """
    if not 1 <= options.order <= MAX_ORDER:
        raise HybridKdError.at("--order", f"{options.order} is out of range", fix=f"give 1 to {MAX_ORDER}")
    if not 0 <= options.prune < 1:
        raise HybridKdError.at("--prune", f"{options.prune} is out of range", fix="give 0 or e.g. 1e-7")
    sentences = read_sentences(text, name_of=name_of)
    words = {word for sentence in sentences for word in sentence}
    vocabulary = make_vocabulary(list(words)) if vocab is None else read_vocabulary(vocab)
    inputs = {"text": text} if vocab is None else {"text": text, "vocab": vocab}
    compared = {**asdict(options), "has_utt_ids": name_of is not None}
    record = RunRecord(out, out.with_name(f"{out.name}.json"), collect_provenance(inputs), compared)
    if out.exists() and record.is_finished(out):
        return
    tokens = tokenize(sentences, vocabulary)
    if tokens.strangers.total() == sum(map(len, sentences)):
        problem = f"no word in common with {vocab}"
        raise HybridKdError.at(text, problem, fix="write both in the same spelling, such as upper case")
    _warn_of_strangers(text, tokens)
    model = train_kneser_ney(tokens, vocabulary, order=options.order)
    if options.prune > 0:
        model = prune_ngrams(model, threshold=options.prune)
    record.write()
    write_arpa(out, model)
    logger.info("%s: n-grams %s", out, " ".join(str(len(table.words)) for table in model.tables))


def measure_language_model(arpa: Path, text: Path, *, name_of: Callable[[str], str] | None) -> TextFit:
    """How well a model predicts a text."""
    model = read_arpa(arpa)
    tokens = tokenize(read_sentences(text, name_of=name_of), model.vocabulary)
    _warn_of_strangers(text, tokens)
    return fit_of_text(model, tokens)


def _warn_of_strangers(text: Path, tokens: Tokens) -> None:
    if tokens.strangers:
        named = " ".join(f"{word} ({count})" for word, count in tokens.strangers.most_common(10))
        logger.warning(
            "%s: %d words are not in the vocabulary, %d times in all: %s",
            text, len(tokens.strangers), tokens.strangers.total(), named,
        )  # fmt: skip
