"""``hybrid-kd graph lm``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Train an n-gram language model (interpolated Kneser-Ney) and write it as an ARPA file."""

    text: Path
    """sentences, one a line, each after its utt_id as in a data directory; noisy copies of an utterance
    (ids that differ in _BUS, _CAF, _PED, _STR only) count once"""
    out: Path
    """the model: an ARPA file, gzipped if the name ends in .gz"""
    vocab: Path | None = None
    """words that the model shall know, one a line (words.txt does too); without it, those of the text"""
    order: int = 3
    """words of the longest n-grams"""
    prune: float = 0.0
    """drop n-grams whose loss raises the perplexity by less than this share (e.g. 1e-7)"""
    plain: bool = False
    """the lines of --text and --measure have no utt_ids"""
    measure: Path | None = None
    """a text whose perplexity is printed"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Train, and measure if asked to."""
    from hybrid_kd.graph.language_model import (
        LanguageModelOptions,
        make_language_model,
        measure_language_model,
    )
    from hybrid_kd.scoring.utterances import clean_utterance

    name_of = None if options.plain else clean_utterance
    settings = LanguageModelOptions(options.order, options.prune)
    make_language_model(options.text, options.vocab, options.out, settings, name_of=name_of)
    if options.measure is not None:
        fit = measure_language_model(options.out, options.measure, name_of=name_of)
        print(
            f"perplexity {fit.perplexity:.2f} ({fit.num_words} words, {fit.num_sentences} sentences, "
            f"{fit.num_strangers} words outside of the vocabulary)"
        )
