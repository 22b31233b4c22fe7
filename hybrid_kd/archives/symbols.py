"""Symbol tables: words.txt and phones.txt, one ``symbol id`` a line."""

import re
from pathlib import Path

from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import read_word_lines

_ID = re.compile("[0-9]{1,9}")

FIX = "give the file that was made with the graph or the model"


def read_symbol_table(path: Path) -> dict[int, str]:
    """Read symbols by id (0 is epsilon).

    Raises: HybridKdError if it is missing, empty or malformed, or if an id or a symbol comes twice.
    """
    symbols: dict[int, str] = {}
    for number, line in enumerate(read_word_lines(path, fix=FIX), start=1):
        match line:
            case []:
                continue
            case [symbol, id_] if _ID.fullmatch(id_) and int(id_) not in symbols:
                symbols[int(id_)] = symbol
            case _:
                raise HybridKdError.at(path, f"line {number} is not `symbol id` with a new id", fix=FIX)
    if not symbols or len(set(symbols.values())) < len(symbols):
        raise HybridKdError.at(path, "empty, or a symbol has two ids", fix=FIX)
    return symbols
