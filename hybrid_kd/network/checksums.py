"""SHA256SUMS of a model directory: what `sha256sum -c` reads, verified whenever the model is loaded.

It is written just before final.safetensors, with the sha256 that this file will have. A directory without it
(of an older version, or made by hand) loads unverified.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.provenance import sha256_of_file

CHECKSUMS = "SHA256SUMS"
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[^/\0]+)")


def write_checksums(directory: Path, names: Sequence[str], *, coming: tuple[str, bytes]) -> None:
    """Write the sha256 of those files that are there, and of one that is written next (name and content)."""
    digests = {name: sha256_of_file(directory / name) for name in names if (directory / name).is_file()}
    name, content = coming
    digests[name] = hashlib.sha256(content).hexdigest()
    with replace_file(directory / CHECKSUMS, "w") as file:
        file.writelines(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def verify_checksums(directory: Path) -> None:
    """Compare every file that SHA256SUMS lists and that is there; what is missing is named by who reads it.

    Raises: HybridKdError if a file has another sha256, or SHA256SUMS is broken.
    """
    path = directory / CHECKSUMS
    if not path.is_file():
        return
    for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            fix = "restore it, or delete it: the model is then loaded unverified"
            raise HybridKdError.at(path, f"line {number} is not '<sha256>  <file>'", fix=fix)
        file = directory / match["name"]
        if file.is_file() and sha256_of_file(file) != match["sha256"]:
            fix = f"restore the file, or train again; delete {CHECKSUMS} if you changed it on purpose"
            raise HybridKdError.at(file, f"is damaged: its sha256 is not that of {CHECKSUMS}", fix=fix)
