"""Where a system came from: command, version, commit and the sha256 of its inputs; no host, user or time."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid_kd import __version__
from hybrid_kd.errors import HybridKdError

CHUNK_BYTES = 1 << 20


def collect_provenance(inputs: Mapping[str, Path | Sequence[Path]]) -> dict[str, Any]:
    """Describe this process and its ``inputs`` as plain values for provenance.json.

    An input is a file (its sha256), a directory (sha256_of_files over its files; subdirectories and hidden
    files are left out) or a list of the files that matter. ``torch`` is its version if it was imported, else
    null; ``commit`` is null where the package does not lie in a git checkout of its own.

    Raises: OSError if an input cannot be read.
    """
    torch = sys.modules.get("torch")
    commit = _git("rev-parse", "HEAD")
    return {
        "argv": ["hybrid-kd", *sys.argv[1:]],
        "version": __version__,
        "commit": commit,
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "hybrid_kd")) if commit else None,
        "torch": None if torch is None else str(torch.__version__),
        "inputs": {name: _sha256_of_input(value) for name, value in inputs.items()},
    }


def sha256_of_file(path: Path) -> str:
    """Hex sha256 of one file's bytes, read in chunks.

    Raises: OSError if it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_files(paths: Sequence[Path]) -> str:
    """Hex sha256 of the lines ``sha256  name``, sorted by name: sha256sum's output, hashed once more.

    Only the last part of a path counts, so that an experiment keeps its hash when it is moved.

    Raises: OSError if one cannot be read.
    """
    lines = sorted((path.name, sha256_of_file(path)) for path in paths)
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in lines).encode()).hexdigest()


def refuse_differences(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Compare what a directory was begun with, which ``path`` in it says, with what is asked for now.

    Raises: HybridKdError that names what differs.
    """
    if differences := differences_in_words(before, now):
        raise HybridKdError.at(
            path, f"begun differently: {differences}", fix="give another --out, or delete this one"
        )


def differences_in_words(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """``seed was 0, is 1``, or nothing."""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return ", ".join(f"{name} was {before.get(name)}, is {now.get(name)}" for name in names)


def _sha256_of_input(value: Path | Sequence[Path]) -> str:
    if not isinstance(value, Path):
        return sha256_of_files(value)
    if value.is_dir():
        return sha256_of_files([path for path in value.iterdir() if path.is_file() and path.name[0] != "."])
    return sha256_of_file(value)


def _git(*args: str) -> str | None:
    """Output of git in the package's own checkout; None without git or such a checkout."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
