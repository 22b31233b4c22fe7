"""``hybrid-kd graph lang``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Make a lang directory of a dictionary directory, as Kaldi's prepare_lang.sh does."""

    dict: Path
    """directory with lexicon.txt or lexiconp.txt, silence_phones.txt, nonsilence_phones.txt,
    optional_silence.txt and extra_questions.txt"""
    out: Path
    """lang directory"""
    oov_word: str = "<UNK>"
    """the word of the lexicon that words without pronunciation become"""
    silence_probability: float = 0.5
    """of silence between words; 0: no optional silence"""
    num_silence_states: int = 5
    """HMM states of silence phones"""
    num_nonsilence_states: int = 3
    """HMM states of the other phones"""
    position_dependent: bool = True
    """phones differ by their position in a word (_B, _I, _E, _S)"""
    text: Path | None = None
    """a data directory's text, whose words without pronunciation are counted and named"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Make the lang directory, and check a text if asked to."""
    from hybrid_kd.graph.lang_dir import read_lang_dir, warn_of_unpronounced
    from hybrid_kd.graph.ngram_counts import read_sentences
    from hybrid_kd.graph.prepare_lang import LangOptions, prepare_lang

    settings = LangOptions(
        oov_word=options.oov_word,
        silence_probability=options.silence_probability,
        num_silence_states=options.num_silence_states,
        num_nonsilence_states=options.num_nonsilence_states,
        position_dependent=options.position_dependent,
    )
    prepare_lang(options.dict, options.out, settings)
    if options.text is not None:
        texts = read_sentences(options.text, name_of=str)
        warn_of_unpronounced(options.text, texts, read_lang_dir(options.out))
