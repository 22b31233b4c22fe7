"""Lists of systems: a line is ``<name> <options of hybrid-kd train>``, as local/*/distilled have them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError
from hybrid_kd.file_names import file_of_id
from hybrid_kd.text_files import read_lines, refuse_odd_space
from hybrid_kd.training.options import TrainOptions


def read_system_list(path: Path, *, exp: Path, opts: str = "") -> list[TrainOptions]:
    """The systems of a list, each into ``exp``/<name>; ``opts`` are options of all, a line's own win.

    Lines that begin with # are comments. EXP, as a whole word, stands for ``exp``.

    Raises: HybridKdError that names the line, if it cannot be split into words; SystemExit 2 for a bad flag.
    """
    systems = []
    for number, line in _lines(path):
        text = re.sub(r"\bEXP\b", lambda _: str(exp), f"{opts} {line.partition(' ')[2]}")
        name = line.split()[0]
        try:
            args = shlex.split(text)
        except ValueError as error:
            place = f"{path}, line {number}"
            raise HybridKdError.at(place, f"{error}", fix="close the quotation mark") from error
        out = file_of_id(exp, name, place=f"{path}, line {number}")
        prog = f"{path}, line {number} ({name})"
        systems.append(parse_options(TrainOptions, [*args, "--out", str(out)], prog=prog))
    return systems


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    fix = "list systems as `<name> <options>`"
    for number, line in enumerate(read_lines(path, fix=fix), start=1):
        refuse_odd_space(path, line, number=number, fix=fix)
        if (words := line.strip()) and not words.startswith("#"):
            yield number, words
