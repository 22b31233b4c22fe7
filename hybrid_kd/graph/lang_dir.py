"""Lang directories: words, phones, their classes and topology, and the lexicon as a transducer.

Layout and files are those of Kaldi's utils/prepare_lang.sh, which writes them too.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.topology import Topology, read_topology
from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import read_word_lines

logger = logging.getLogger(__name__)

FIX = "make the lang directory again (hybrid-kd graph lang, or utils/prepare_lang.sh)"
SYMBOLS = frozenset({"<eps>", "<s>", "</s>"})
MAX_NAMED = 20


@dataclass(frozen=True)
class PhoneRoot:
    """One tree root: phones that share it, whether their pdf classes do too, and whether it may be split."""

    shared: bool
    split: bool
    phones: tuple[int, ...]


@dataclass(frozen=True)
class LangDir:
    """What a lang directory tells; its transducers stay on disk. Ids are 1-based, 0 is epsilon."""

    path: Path
    words: dict[int, str]
    word_ids: dict[str, int]
    phones: dict[int, str]  # with disambiguation symbols
    topology: Topology
    oov_word: str
    silence_phones: tuple[int, ...]
    nonsilence_phones: tuple[int, ...]
    optional_silence: int | None
    disambig_phones: tuple[int, ...]
    sets: tuple[tuple[int, ...], ...]
    roots: tuple[PhoneRoot, ...]
    extra_questions: tuple[tuple[int, ...], ...]

    @property
    def oov_id(self) -> int:
        """The word-id that words without pronunciation get."""
        return self.word_ids[self.oov_word]

    @cached_property
    def pronounced(self) -> dict[str, int]:
        """The word-ids of the words that can be said: not <eps>, #0, <s> and </s>."""
        return {word: id_ for word, id_ in self.word_ids.items() if word not in SYMBOLS and word[:1] != "#"}

    def ids_of_words(self, words: Sequence[str]) -> list[int]:
        """Word-ids of a transcript; words without pronunciation become the oov word."""
        return [self.pronounced.get(word, self.oov_id) for word in words]


def read_lang_dir(path: Path) -> LangDir:
    """Read a lang directory.

    Raises: HybridKdError that names the file for what is missing or does not fit.
    """
    if not path.is_dir():
        raise HybridKdError.at(path, "no such directory", fix="give a lang directory (hybrid-kd graph lang)")
    words, phones = read_symbol_table(path / "words.txt"), read_symbol_table(path / "phones.txt")
    word_ids = {word: word_id for word_id, word in words.items()}
    oov_word = _read_lines(path / "oov.txt")[0][0]
    if oov_word not in word_ids:
        raise HybridKdError.at(path / "oov.txt", f"'{oov_word}' is not in words.txt", fix=FIX)
    optional_silence = _read_phone_ids(path, "optional_silence.int", phones)
    return LangDir(
        path=path,
        words=words,
        word_ids=word_ids,
        phones=phones,
        topology=read_topology(path / "topo"),
        oov_word=oov_word,
        silence_phones=_flat(_read_phone_ids(path, "silence.int", phones)),
        nonsilence_phones=_flat(_read_phone_ids(path, "nonsilence.int", phones)),
        optional_silence=optional_silence[0][0] if optional_silence else None,
        disambig_phones=_flat(_read_phone_ids(path, "disambig.int", phones)),
        sets=_read_phone_ids(path, "sets.int", phones),
        roots=_read_roots(path / "phones/roots.int", phones),
        extra_questions=_read_phone_ids(path, "extra_questions.int", phones),
    )


def _read_lines(file: Path) -> list[list[str]]:
    """The words of the lines that are not blank."""
    lines = [words for words in read_word_lines(file, fix=FIX) if words]
    if not lines and file.name == "oov.txt":
        raise HybridKdError.at(file, "empty", fix=FIX)
    return lines


def _read_phone_ids(path: Path, name: str, phones: Collection[int]) -> tuple[tuple[int, ...], ...]:
    """The lines of a file below phones/."""
    file = path / "phones" / name
    try:
        lines = tuple(tuple(map(int, line)) for line in _read_lines(file))
    except ValueError as error:
        raise HybridKdError.at(file, f"not numbers: {error}", fix=FIX) from error
    _check_phones(file, _flat(lines), phones)
    return lines


def _flat(lines: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(number for line in lines for number in line)


def _check_phones(file: Path, found: Iterable[int], phones: Collection[int]) -> None:
    if strangers := [phone for phone in found if phone not in phones or phone == 0]:
        raise HybridKdError.at(file, f"phone {strangers[0]}, which is not in phones.txt", fix=FIX)


def _read_roots(file: Path, known: Collection[int]) -> tuple[PhoneRoot, ...]:
    roots = []
    for line in _read_lines(file):
        match line:
            case [("shared" | "not-shared") as shared, ("split" | "not-split") as split, *phones] if (
                phones and all(phone.isdecimal() for phone in phones)
            ):
                roots.append(PhoneRoot(shared == "shared", split == "split", tuple(map(int, phones))))
            case _:
                raise HybridKdError.at(file, f"not a tree root: {' '.join(line)[:80]!r}", fix=FIX)
    _check_phones(file, _flat(root.phones for root in roots), known)
    return tuple(roots)


def count_unpronounced(texts: Iterable[Sequence[str]], lang: LangDir) -> Counter[str]:
    """The words of transcripts that have no pronunciation, and how often each occurs."""
    return Counter(word for words in texts for word in words if word not in lang.pronounced)


def warn_of_unpronounced(place: str | Path, texts: Iterable[Sequence[str]], lang: LangDir) -> Counter[str]:
    """Count the words without pronunciation and log the most frequent ones."""
    counts = count_unpronounced(texts, lang)
    if counts:
        named = " ".join(f"{word} ({count})" for word, count in counts.most_common(MAX_NAMED))
        named += " .." if len(counts) > MAX_NAMED else ""
        logger.warning(
            "%s: %d words without pronunciation, %d times in all, become %s: %s",
            place, len(counts), counts.total(), lang.oov_word, named,
        )  # fmt: skip
    return counts
