"""Kaldi's names for inputs and outputs: ``ark,s,cs:path``, ``ark,scp:a,b``, ``path:offset[range]``.

Source: Kaldi util/kaldi-table.cc, ClassifyRspecifier and ClassifyWspecifier; kaldi-io.cc, ClassifyRxfilename.
"""

import re
from dataclasses import dataclass
from typing import Literal

from hybrid_kd.errors import HybridKdError

# Promises about order, permissiveness, background reading; b and t are for writers, Kaldi ignores them here.
READ_OPTIONS = frozenset(["o", "no", "s", "ns", "cs", "ncs", "p", "np", "bg", "b", "t"])
WRITE_OPTIONS = frozenset(["b", "t", "f", "nf", "p", "np"])

_LOCATION = re.compile(r"(?P<path>.*?)(?::(?P<offset>[0-9]{1,18}))?(?P<range>\[[^\[\]]*\])?", re.DOTALL)
_RANGE = re.compile(r"\[(?:([0-9]{1,9}):([0-9]{1,9})|:?)(?:,(?:([0-9]{1,9}):([0-9]{1,9})|:?))?\]")


@dataclass(frozen=True)
class Rspecifier:
    """Where a table is read from."""

    kind: Literal["ark", "scp"]
    path: str  # also `-` (standard input) or `command |`
    permissive: bool  # `p`: an scp line whose file is not there is left out


@dataclass(frozen=True)
class Wspecifier:
    """Where a table is written to."""

    archive: str
    script: str | None
    binary: bool


@dataclass(frozen=True)
class Location:
    """One object: a file, where it begins there, and the part of a matrix (inclusive bounds) meant."""

    path: str
    offset: int | None = None
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None


def parse_rspecifier(rspecifier: str) -> Rspecifier:
    """Split ``ark,OPTIONS:PATH`` or ``scp,OPTIONS:PATH``.

    Raises: HybridKdError for anything else.
    """
    kinds, colon, path = rspecifier.partition(":")
    kind, *options = kinds.split(",")
    if not colon or not path or kind not in ("ark", "scp"):
        raise HybridKdError.at(
            rspecifier, "not a table to read", fix="write ark:PATH, scp:PATH or ark:- (standard input)"
        )
    if unknown := [option for option in options if option not in READ_OPTIONS]:
        raise HybridKdError.at(
            rspecifier,
            f"unknown option '{unknown[0]}'",
            fix=f"known options: {', '.join(sorted(READ_OPTIONS))}",
        )
    return Rspecifier("ark" if kind == "ark" else "scp", path.strip(), _last_wins(options, "p", "np"))


def parse_wspecifier(wspecifier: str) -> Wspecifier:
    """Split ``ark:PATH``, ``ark,t:PATH`` or ``ark,scp:ARCHIVE,SCRIPT``.

    Raises: HybridKdError for anything else, and for an output that is a command.
    """
    kinds, _, rest = wspecifier.partition(":")
    kind, *options = kinds.split(",")
    with_script = "scp" in options
    archive, comma, script = rest.partition(",") if with_script else (rest, "", "")
    known = [option for option in options if option != "scp"]
    if kind != "ark" or not archive or (with_script and not (comma and script)):
        raise HybridKdError.at(
            wspecifier, "not a table to write", fix="write ark:PATH, ark,t:PATH, ark:- or ark,scp:PATH,PATH"
        )
    if unknown := [option for option in known if option not in WRITE_OPTIONS]:
        raise HybridKdError.at(
            wspecifier,
            f"unknown option '{unknown[0]}'",
            fix=f"known options: {', '.join(sorted(WRITE_OPTIONS))}",
        )
    if archive.lstrip().startswith("|"):
        raise HybridKdError.at(
            wspecifier, "this would run a command", fix="write to a file (.gz is compressed) or to ark:-"
        )
    if with_script and (archive == "-" or archive.endswith(".gz")):
        raise HybridKdError.at(wspecifier, "a script needs a plain archive", fix="name an .ark file")
    return Wspecifier(archive, script or None, binary=not _last_wins(known, "t", "b"))


def parse_location(location: str, *, key: str | None = None) -> Location:
    """Split ``path``, ``path:offset``, ``path:offset[r0:r1]`` or ``path[r0:r1,c0:c1]``.

    Raises: HybridKdError for a malformed range.
    """
    if location.endswith("|") or location == "-":
        return Location(location)
    match = _LOCATION.fullmatch(location)
    assert match is not None
    path, offset = match["path"], None if match["offset"] is None else int(match["offset"])
    if match["range"] is None:
        return Location(path, offset)
    bounds = _RANGE.fullmatch(match["range"])
    if bounds is None:
        problem = f"malformed range {match['range']}"
        raise HybridKdError.at(location, problem, fix="write [first:last]", key=key)
    return Location(path, offset, _pair(bounds[1], bounds[2]), _pair(bounds[3], bounds[4]))


def _last_wins(options: list[str], yes: str, no: str) -> bool:
    chosen = [option for option in options if option in (yes, no)]
    return bool(chosen) and chosen[-1] == yes


def _pair(first: str | None, last: str | None) -> tuple[int, int] | None:
    return None if first is None or last is None else (int(first), int(last))
