"""Dictionary directories: pronunciations and phones, the source of a lang directory.

Files: ``lexiconp.txt`` (word, probability, phones) or ``lexicon.txt`` (word, phones); ``silence_phones.txt``
and ``nonsilence_phones.txt`` (a line holds the variants of one phone); ``optional_silence.txt``;
``extra_questions.txt``. Checked as Kaldi's utils/validate_dict_dir.pl does.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hybrid_kd.errors import HybridKdError

RESERVED_WORDS = frozenset({"<eps>", "<s>", "</s>", "#0"})
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
    """Read and check a dictionary directory; ``lexiconp.txt`` wins where both lexicons are there.

    Raises: HybridKdError that names file and line.
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
    raise HybridKdError.at(file, problem, fix="mend the dictionary directory")


def _read_lines(file: Path) -> list[list[str]]:
    try:
        lines = file.read_bytes().split(b"\n")
        # only ASCII white space parts words, as in Kaldi
        return [[word.decode() for word in line.split()] for line in lines]
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        _refuse(file, f"not UTF-8: {error}")


def _read_groups(file: Path, *, may_be_empty: bool = False) -> Groups:
    groups = tuple(tuple(line) for line in _read_lines(file) if line)
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
    phones = [phone for line in _read_lines(file) for phone in line]
    if len(phones) != 1 or phones[0] not in {phone for group in silence for phone in group}:
        _refuse(file, f"expected one phone of silence_phones.txt, found {' '.join(phones)!r}")
    return phones[0]


def _read_lexicon(path: Path, phones: set[str]) -> tuple[Pronunciation, ...]:
    has_probabilities = (path / "lexiconp.txt").is_file()
    file = path / ("lexiconp.txt" if has_probabilities else "lexicon.txt")
    lexicon: dict[tuple[str, tuple[str, ...]], Pronunciation] = {}
    for number, line in enumerate(_read_lines(file), start=1):
        if not line:
            continue
        word, rest = line[0], line[1:]
        probability = _take_probability(file, number, rest) if has_probabilities else 1.0
        pronunciation = Pronunciation(word, probability, tuple(rest))
        if problem := _problem(pronunciation, phones):
            _refuse(file, f"line {number}: {problem}")
        if (word, pronunciation.phones) in lexicon:
            _refuse(file, f"line {number}: '{word} {' '.join(rest)}' comes twice")
        lexicon[word, pronunciation.phones] = pronunciation
    if not lexicon:
        _refuse(file, "empty")
    return tuple(lexicon.values())


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
