"""Pronunciations: from espeak-ng's phonemes or from a file; Kaldi's dict directory.

espeak-ng gives one American pronunciation for a word; where it says a weak form within a sentence, that
stands beside it. Phones have the names of American dictionaries, without stress.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hybrid_kd.corpus.espeak import phonemes
from hybrid_kd.corpus.tables import write_lines
from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import read_word_lines

Lexicon = dict[str, list[tuple[str, ...]]]  # the pronunciations of each word

SILENCE_WORDS = {"!SIL": "SIL", "<SPOKEN_NOISE>": "SPN", "<UNK>": "SPN"}
SILENCE_PHONES = ("SIL", "SPN")

# espeak-ng's names for en-us (phsource/ph_english_us and what it inherits) -> phones.
PHONES = {
    name: tuple(phones.split())
    for name, phones in {
        **{"a": "AE", "aa": "AE", "A:": "AA", "0": "AA", "A@": "AA R", "a#": "AX", "@": "AX", "@2": "AX"},
        **{
            "@-": "AX",
            "@L": "AX L",
            "n-": "AX N",
            "E": "EH",
            "e@": "EH R",
            "I": "IH",
            "I2": "IH",
            "I#": "IH",
        },
        **{"i@": "IY", "i@3": "IH R", "i": "IY", "i:": "IY", "U": "UH", "U@": "UH R", "u:": "UW", "u": "UW"},
        **{"V": "AH", "3": "ER", "3:": "ER", "O:": "AO", "O2": "AO", "O": "AO", "O@": "AO R", "o@": "AO R"},
        **{"eI": "EY", "aI": "AY", "aI3": "AY ER", "aI@": "AY AX", "aU": "AW", "oU": "OW", "OI": "OY"},
        **{"p": "P", "b": "B", "t": "T", "t2": "T", "t#": "T", "?": "T", "d": "D", "k": "K", "g": "G"},
        **{"tS": "CH", "dZ": "JH", "f": "F", "v": "V", "T": "TH", "D": "DH", "s": "S", "z": "Z", "S": "SH"},
        **{"Z": "ZH", "h": "HH", "m": "M", "n": "N", "N": "NG", "l": "L", "r": "R", "r-": "R", "w": "W"},
        **{"j": "Y", ";": "", "": ""},
    }.items()
}

WEAK_FORMS = {"A": "AX", "THE": "DH IY", "TO": "T AX", "AND": "AX N D", "OF": "AX V", "FROM": "F R AX M"}


def make_lexicon(words: Iterable[str]) -> Lexicon:
    """Ask espeak-ng for the pronunciation of each word.

    Raises: HybridKdError if espeakng-loader is not installed, or knows phonemes that PHONES does not.
    """
    lexicon = {word: [_to_phones(word, names)] for word, names in phonemes(sorted(words)).items()}
    for word, weak_form in WEAK_FORMS.items():
        if word in lexicon and tuple(weak_form.split()) not in lexicon[word]:
            lexicon[word].append(tuple(weak_form.split()))
    return lexicon


def _to_phones(word: str, names: Iterable[str]) -> tuple[str, ...]:
    phones: list[str] = []
    for name in names:
        if name not in PHONES:
            problem = f"espeak-ng says '{word}' with '{name}', a phoneme that is not known here"
            raise HybridKdError.at("espeak-ng", problem, fix="install espeakng-loader 0.2.4")
        is_linking_r = PHONES[name] == ("R",) and phones[-1:] in (["R"], ["ER"])
        phones += () if is_linking_r else PHONES[name]
    if not phones:
        raise HybridKdError.at("espeak-ng", f"it does not say '{word}'", fix="write the word with letters")
    return tuple(phones)


def read_lexicon(path: Path) -> Lexicon:
    """Read lines ``WORD PHONE PHONE ...``; ``WORD(2)`` is another pronunciation, ``;;;`` begins a comment.

    Raises: HybridKdError if it cannot be read or a word has no phone.
    """
    lexicon: Lexicon = {}
    for number, line in enumerate(read_word_lines(path, fix="give a pronunciation lexicon"), start=1):
        word, *phones = line or [";;;"]
        if word.startswith(";;;"):
            continue
        if not phones:
            raise HybridKdError.at(path, f"line {number}: '{word}' has no phones", fix="mend the line")
        variants = lexicon.setdefault(re.sub(r"\(\d+\)$", "", word), [])
        if tuple(phones) not in variants:
            variants.append(tuple(phones))
    return lexicon


def write_dict_dir(path: Path, lexicon: Mapping[str, Iterable[tuple[str, ...]]]) -> None:
    """Write Kaldi's dict directory: lexicon.txt with silence words, and the lists of phones.

    Source: Kaldi egs/wsj/s5/utils/prepare_lang.sh, which reads it.
    """
    phones = sorted({phone for variants in lexicon.values() for phones in variants for phone in phones})
    entries = [f"{word} {phone}" for word, phone in SILENCE_WORDS.items()]
    entries += [
        f"{word} {' '.join(phones)}"
        for word in sorted(lexicon.keys() - SILENCE_WORDS.keys())
        for phones in sorted(set(lexicon[word]))
    ]
    nonsilence = [phone for phone in phones if phone not in SILENCE_PHONES]
    files = {
        "lexicon.txt": entries,
        "nonsilence_phones.txt": nonsilence,
        "silence_phones.txt": SILENCE_PHONES,
        "optional_silence.txt": ["SIL"],
        "extra_questions.txt": [" ".join(SILENCE_PHONES), " ".join(nonsilence)],
    }
    for name, lines in files.items():
        write_lines(path / name, lines)
