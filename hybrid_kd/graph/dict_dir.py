"""Dictionary directories: pronunciations and phones, the source of a lang directory.

Files: ``lexiconp.txt`` (word, probability, phones) or ``lexicon.txt`` (word, phones); ``silence_phones.txt``
and ``nonsilence_phones.txt`` (a line holds the variants of one phone); ``optional_silence.txt``;
``extra_questions.txt``. Checked as Kaldi's utils/validate_dict_dir.pl does.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import read_word_lines

logger = logging.getLogger(__name__)

RESERVED_WORDS = frozenset({"<eps>", "<s>", "</s>", "#0"})
FIX = "correct the dictionary directory"
DELETE_ONE = "delete the older one of the two lexicons"
NUMBERS_BEFORE_PHONES = {"lexicon.txt": 0, "lexiconp.txt": 1, "lexiconp_silprob.txt": 4}  # after the word
Entry = tuple[str, tuple[str, ...]]  # a word and its phones
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Pronunciation:
    """One line of the lexicon; ``probability`` is in (0, 1]."""

    word: str
    probability: float
    phones: tuple[str, ...]


@dataclass(frozen=True)
class DictDir:
    """What a dictionary directory holds."""

    lexicon: tuple[Pronunciation, ...]
    silence_phones: Groups
    nonsilence_phones: Groups
    optional_silence: str
    extra_questions: Groups


def read_dict_dir(path: Path) -> DictDir:
    """Read and check a dictionary directory; ``lexiconp.txt`` wins over ``lexicon.txt``.

    ``lexiconp_silprob.txt``, which Kaldi's prepare_lang.sh prefers to both, is not read: a warning names it.

    Raises: HybridKdError that names file and line; or if two of the three have different pronunciations, as
    when one was edited after the other was made of it.
    """
    if not path.is_dir():
        raise HybridKdError.at(path, "no such directory", fix="give a directory with lexicon.txt")
    silence = _read_groups(path / "silence_phones.txt")
    nonsilence = _read_groups(path / "nonsilence_phones.txt")
    _check_phones(path, [*silence, *nonsilence])
    optional_silence = _read_optional_silence(path / "optional_silence.txt", silence)
    questions_file = path / "extra_questions.txt"
    questions = _read_groups(questions_file, may_be_empty=True) if questions_file.exists() else ()
    known = {phone for group in (*silence, *nonsilence) for phone in group}
    for group in questions:
        if unknown := set(group) - known:
            _refuse(questions_file, f"phones that no phone list has: {' '.join(sorted(unknown))}")
    return DictDir(_read_lexicon(path, known), silence, nonsilence, optional_silence, questions)


def _refuse(file: Path, problem: str) -> NoReturn:
    raise HybridKdError.at(file, problem, fix=FIX)


def _read_groups(file: Path, *, may_be_empty: bool = False) -> Groups:
    groups = tuple(tuple(line) for line in read_word_lines(file, fix=FIX) if line)
    if not groups and not may_be_empty:
        _refuse(file, "empty")
    return groups


def _check_phones(path: Path, groups: list[tuple[str, ...]]) -> None:
    """Phones are unique, also with a word position behind them, and none looks like a reserved symbol."""
    phones = [phone for group in groups for phone in group]
    variants = [phone + suffix for phone in phones for suffix in ("", "_B", "_E", "_I", "_S")]
    seen: set[str] = set()
    for phone in variants:
        if phone in seen:
            _refuse(path, f"phone '{phone}' comes twice (word positions _B, _E, _I and _S are added to each)")
        seen.add(phone)
    for phone in phones:
        if phone == "<eps>" or phone.startswith("#"):
            _refuse(path, f"'{phone}' cannot be a phone's name")


def _read_optional_silence(file: Path, silence: Groups) -> str:
    phones = [phone for line in read_word_lines(file, fix=FIX) for phone in line]
    if len(phones) != 1 or phones[0] not in {phone for group in silence for phone in group}:
        _refuse(file, f"expected one phone of silence_phones.txt, found {' '.join(phones)!r}")
    return phones[0]


def _read_lexicon(path: Path, phones: set[str]) -> tuple[Pronunciation, ...]:
    there = {name: path / name for name in NUMBERS_BEFORE_PHONES if (path / name).is_file()}
    file = path / ("lexiconp.txt" if "lexiconp.txt" in there else "lexicon.txt")
    lexicon = _parse_lexicon(file, phones)
    for other in there.values():
        if other != file:
            _check_same_pronunciations(file, lexicon.keys(), other)
    if (unused := path / "lexiconp_silprob.txt").is_file():
        logger.warning("%s: not used (probabilities of silence); %s is read", unused, file.name)
    return tuple(lexicon.values())


def _parse_lexicon(file: Path, phones: set[str]) -> dict[Entry, Pronunciation]:
    lexicon: dict[Entry, Pronunciation] = {}
    for number, line in enumerate(read_word_lines(file, fix=FIX), start=1):
        if not line:
            continue
        word, rest = line[0], line[1:]
        probability = _take_probability(file, number, rest) if file.name == "lexiconp.txt" else 1.0
        pronunciation = Pronunciation(word, probability, tuple(rest))
        if problem := _problem(pronunciation, phones):
            _refuse(file, f"line {number}: {problem}")
        if (word, pronunciation.phones) in lexicon:
            _refuse(file, f"line {number}: '{word} {' '.join(rest)}' comes twice")
        lexicon[word, pronunciation.phones] = pronunciation
    if not lexicon:
        _refuse(file, "empty")
    return lexicon


def _check_same_pronunciations(file: Path, entries: Collection[Entry], other: Path) -> None:
    """Source: Kaldi utils/validate_dict_dir.pl, check_lexicon_pair."""
    first = 1 + NUMBERS_BEFORE_PHONES[other.name]
    lines = read_word_lines(other, fix=FIX)
    others = {(line[0], tuple(line[first:])): number for number, line in enumerate(lines, start=1) if line}
    for (word, pronunciation), number in others.items():
        if (word, pronunciation) not in entries:
            problem = f"line {number}: '{word} {' '.join(pronunciation)}' is not in {file.name}"
            raise HybridKdError.at(other, problem, fix=DELETE_ONE)
    for word, pronunciation in entries:
        if (word, pronunciation) not in others:
            problem = f"'{word} {' '.join(pronunciation)}' is not in {other.name}"
            raise HybridKdError.at(file, problem, fix=DELETE_ONE)


def _take_probability(file: Path, number: int, rest: list[str]) -> float:
    text = rest.pop(0) if rest else "nothing"
    try:
        probability = float(text)
    except ValueError:
        probability = 0.0
    if not 0 < probability <= 1:
        _refuse(file, f"line {number}: '{text}' is not a probability in (0, 1]")
    return probability


def _problem(pronunciation: Pronunciation, phones: set[str]) -> str:
    if pronunciation.word in RESERVED_WORDS:
        return f"'{pronunciation.word}' cannot be a word"
    if not pronunciation.phones:
        return f"'{pronunciation.word}' has no pronunciation"
    if unknown := [phone for phone in pronunciation.phones if phone not in phones]:
        return f"'{pronunciation.word}' has the phone '{unknown[0]}', which no phone list has"
    return ""
