"""Symbol tables: words.txt and phones.txt, one ``symbol id`` a line."""

import re
from pathlib import Path

from hybrid_kd.errors import HybridKdError

FIX = "give the file that was made with the graph or the model"


def read_symbol_table(path: Path) -> dict[int, str]:
    """Read symbols by id (0 is epsilon).

    Raises: HybridKdError if it is missing, empty or malformed, or if an id or a symbol comes twice.
    """
    try:
        lines = [line.split() for line in path.read_bytes().split(b"\n")]
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix=FIX) from error
    symbols: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        match line:
            case []:
                continue
            case [symbol, id_] if re.fullmatch(rb"[0-9]{1,9}", id_) and int(id_) not in symbols:
                symbols[int(id_)] = _decode(path, number, symbol)
            case _:
                raise HybridKdError.at(path, f"line {number} is not `symbol id` with a new id", fix=FIX)
    if not symbols or len(set(symbols.values())) < len(symbols):
        raise HybridKdError.at(path, "empty, or a symbol has two ids", fix=FIX)
    return symbols


def _decode(path: Path, number: int, symbol: bytes) -> str:
    try:
        return symbol.decode()
    except UnicodeDecodeError as error:
        raise HybridKdError.at(path, f"line {number} is not UTF-8: {error}", fix=FIX) from error
