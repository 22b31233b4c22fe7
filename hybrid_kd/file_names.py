"""File names made of ids: of an utterance, a speaker or a system. An id never chooses a directory."""

from pathlib import Path

from hybrid_kd.errors import HybridKdError

MAX_BYTES = 255  # of a name on Linux file systems


def file_of_id(directory: Path, id_: str, *, suffix: str = "", place: str | Path) -> Path:
    """``<directory>/<id><suffix>``; ``place`` is where the id was read.

    Raises: HybridKdError if the id holds a slash or a NUL, is empty, ``.`` or ``..``, or is too long for a
    name: with ``../../x`` a file would be written outside of the directory.
    """
    name = id_ + suffix
    if not id_ or name in (".", "..") or "/" in id_ or "\0" in id_:
        problem = "cannot be part of a file name"
    elif len(name.encode(errors="surrogatepass")) > MAX_BYTES:
        problem = f"is too long for a file name (over {MAX_BYTES - len(suffix)} bytes)"
    else:
        return directory / name
    raise HybridKdError.at(place, f"the name {id_[:80]!r} {problem}", fix="use a short name without slashes")
