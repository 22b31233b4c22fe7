"""Text files: UTF-8, lines that end in a newline, words between ASCII white space, as Kaldi reads them.

Python's ``str.split`` and ``str.splitlines`` also split at a no-break space, an ideographic space or a line
separator. Kaldi does not, so that a text with one of these would have another number of words here. Texts
whose words count are refused if they hold such a character, as utils/validate_text.pl refuses them.
"""

import re
import unicodedata
from pathlib import Path

from hybrid_kd.errors import HybridKdError

ASCII_SPACE = " \t\n\r\v\f"
BYTE_ORDER_MARK = "\ufeff"  # at the start of a file: written by some editors, skipped; elsewhere refused

_SPACE = re.compile(f"[{ASCII_SPACE}]+")
_WORD = re.compile(f"[^{ASCII_SPACE}]+")
_ODD_SPACE = re.compile(rf"[^\S{ASCII_SPACE}]|{BYTE_ORDER_MARK}")


def read_text(path: Path, *, fix: str) -> str:
    """Read a file; a byte order mark at its start is skipped.

    Raises: HybridKdError if it cannot be read, or is not UTF-8 (the line is named).
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix=fix) from error
    return decode_text(path, content, fix=fix)


def decode_text(path: str | Path, content: bytes, *, fix: str) -> str:
    """The text of a file's content, as ``read_text`` gives it.

    Raises: HybridKdError if it is not UTF-8.
    """
    try:
        return content.decode().removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"line {line} is not UTF-8: {error.reason} at byte {error.start}"
        raise HybridKdError.at(path, problem, fix=f"write it as UTF-8, or {fix}") from error


def read_lines(path: Path, *, fix: str) -> list[str]:
    """The lines of a file, without their newlines; the last line may lack one.

    Raises: HybridKdError as read_text.
    """
    text = read_text(path, fix=fix)
    return text.removesuffix("\n").split("\n") if text else []


def read_word_lines(path: Path, *, fix: str) -> list[list[str]]:
    """The words of each line; a blank line has none.

    Raises: HybridKdError as read_text, or for white space that is not ASCII.
    """
    lines = read_lines(path, fix=fix)
    for number, line in enumerate(lines, start=1):
        refuse_odd_space(path, line, number=number, fix=fix)
    return list(map(split_words, lines))


def split_words(text: str) -> list[str]:
    """The words of a text: what stands between ASCII white space."""
    return _WORD.findall(text)


def split_id(line: str) -> tuple[str, str]:
    """The first word of a line and the rest of it, without white space around them; both may be empty."""
    id_, *rest = _SPACE.split(line.strip(ASCII_SPACE), maxsplit=1)
    return id_, "".join(rest)


def odd_space(text: str) -> str | None:
    """The first white space that is not ASCII, such as ``U+00A0 (NO-BREAK SPACE)``, or byte order mark."""
    match = _ODD_SPACE.search(text)
    if match is None:
        return None
    return f"U+{ord(match[0]):04X} ({unicodedata.name(match[0], 'a control character')})"


def refuse_odd_space(
    path: str | Path, text: str, *, fix: str, number: int | None = None, key: str | None = None
) -> None:
    """Refuse white space that is not ASCII in a line (1-based) or the entry of a key.

    Raises: HybridKdError that names the character.
    """
    if (found := odd_space(text)) is not None:
        where = "" if number is None else f"line {number} "
        problem = f"{where}holds {found}, which separates no words here"
        raise HybridKdError.at(path, problem, key=key, fix=f"replace it by a space, or {fix}")
