"""The recipe's dictionary directory: CMUdict with its stress marks, and WSJ's words for noises.

Source: Kaldi egs/chime4/s5_1ch/local/wsj_prepare_dict.sh.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.corpus.tables import write_lines
from hybrid_kd.errors import HybridKdError

logger = logging.getLogger(__name__)

SILENCE_PHONES = ("SIL", "SPN", "NSN")
SILENCE_WORDS = ("!SIL SIL", "<SPOKEN_NOISE> SPN", "<UNK> SPN", "<NOISE> NSN")
FIX = "give --cmudict cmudict.0.7a, with cmudict.0.7a.symbols beside it"
_PHONE = re.compile(r"([^\d]+)(\d*)")
_VARIANT = re.compile(r"(\S+)\(\d+\)$")


@dataclass(frozen=True)
class CmuDict:
    """Entries ``WORD PHONE PHONE ..``, each once, sorted; and all phones with and without stress."""

    entries: tuple[str, ...]
    phones: tuple[str, ...]

    @property
    def words(self) -> frozenset[str]:
        return frozenset(entry.split(" ", 1)[0] for entry in self.entries)


def symbols_of(cmudict: Path) -> Path:
    """cmudict.0.7a.symbols of cmudict.0.7a."""
    return cmudict.with_name(f"{cmudict.name}.symbols")


def read_cmudict(cmudict: Path) -> CmuDict:
    """Read the dictionary and its symbols; ``;;;`` begins a comment, ``WORD(1)`` is another WORD.

    Raises: HybridKdError if one cannot be read, or the dictionary has phones that the symbols lack.
    """
    phones = tuple(line.strip() for line in _read_lines(symbols_of(cmudict)) if line.strip())
    entries = {_entry(line.split()) for line in _read_lines(cmudict) if ";;;" not in line and line.strip()}
    unknown = sorted({phone for entry in entries for phone in entry.split()[1:]} - set(phones))
    if unknown or not entries:
        problem = (
            f"phones that {symbols_of(cmudict).name} lacks: {' '.join(unknown[:5])}" if unknown else "empty"
        )
        raise HybridKdError.at(cmudict, problem, fix=FIX)
    return CmuDict(tuple(sorted(entries)), phones)


def _entry(fields: list[str]) -> str:
    return " ".join([_VARIANT.sub(r"\1", fields[0]), *fields[1:]])


def _read_lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix=FIX) from error
    try:
        return content.decode().split("\n")
    except UnicodeDecodeError:
        logger.warning("%s: not UTF-8, taken for Latin-1", path)
        return content.decode("latin-1").split("\n")


def write_dict_dir(out: Path, cmudict: CmuDict) -> None:
    """Write Kaldi's dictionary directory.

    A line of nonsilence_phones.txt holds a phone with all its stress marks; extra_questions.txt asks for
    silence and for each stress mark.
    """
    files: dict[str, Iterable[str]] = {
        "lexicon.txt": sorted({*SILENCE_WORDS, *cmudict.entries}),
        "silence_phones.txt": SILENCE_PHONES,
        "optional_silence.txt": ["SIL"],
        "nonsilence_phones.txt": _grouped(cmudict.phones, by=1),
        "extra_questions.txt": [" ".join(SILENCE_PHONES), *_grouped(cmudict.phones, by=2)],
    }
    for name, lines in files.items():
        write_lines(out / name, lines)


def _grouped(phones: Iterable[str], *, by: int) -> list[str]:
    """Lines of phones with the same base (1) or stress mark (2)."""
    groups: dict[str, list[str]] = {}
    for phone in phones:
        match = _PHONE.fullmatch(phone)
        if match is None:
            raise HybridKdError.at("--cmudict", f"'{phone}' is no phone of CMUdict", fix=FIX)
        groups.setdefault(match[by], []).append(phone)
    return sorted(" ".join(group) for group in groups.values())
