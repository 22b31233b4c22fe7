"""WSJ0's language model as the recipe uses it: the 5k closed-vocabulary trigram, pruned (Kaldi's lm_tgpr_5k).

Source: Kaldi egs/chime4/s5_1ch/local/clean_wsj0_data_prep.sh (tcb05cnp.z, prune-lm --threshold=1e-7) and
clean_chime4_format_data.sh (n-grams with <s> or </s> at places that they cannot have are left out).
"""

import logging
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.arpa import read_arpa, write_arpa
from hybrid_kd.graph.ngram import NgramModel, spelled_ngrams
from hybrid_kd.graph.ngram_counts import BOS, EOS
from local.chime4.weighted_difference import keep_ngrams, prune_by_weighted_difference

logger = logging.getLogger(__name__)

TRIGRAM = "wsj0/doc/lng_modl/base_lm/tcb05cnp.z"
THRESHOLD = 1e-7
MAGIC = (b"\x1f\x8b", b"\x1f\x9d")  # of gzip and of compress, which both `gzip -d` reads
FIX = "copy the file from the WSJ0 disc again"


def write_pruned_trigram(compressed: Path, out: Path, *, threshold: float = THRESHOLD) -> NgramModel:
    """Prune the model of a disc and write it as an ARPA file.

    Raises: HybridKdError if it cannot be read or holds no model.
    """
    model = read_disc_lm(compressed)
    pruned = without_impossible(prune_by_weighted_difference(model, threshold=threshold))
    write_arpa(out, pruned)
    before, after = ([len(table.words) for table in each.tables] for each in (model, pruned))
    logger.info("%s: pruned from %s to %s n-grams", out, before, after)
    return pruned


def read_disc_lm(compressed: Path) -> NgramModel:
    r"""Read a model of the disc: an ARPA file below a text that explains the format, in compress's form.

    The explanation has lines that look like sections, so that the model begins at the last line ``\data\``.
    (Kaldi cuts the last 4328839 lines.)

    Raises: HybridKdError if it cannot be read or holds no model.
    """
    content = _decompress(compressed)
    starts = [match.start() for match in re.finditer(rb"^\\data\\\s*$", content, flags=re.M)]
    if not starts:
        raise HybridKdError.at(compressed, "it holds no line \\data\\", fix=FIX)
    with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
        plain = Path(directory) / compressed.with_suffix(".arpa").name
        plain.write_bytes(content[starts[-1] :])
        try:
            return read_arpa(plain)
        except HybridKdError as error:
            raise HybridKdError.at(compressed, str(error).partition("\n")[0], fix=FIX) from error


def _decompress(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HybridKdError.at(path, f"cannot be read: {error.strerror}", fix=FIX) from error
    if content[:2] not in MAGIC:
        return content
    done = subprocess.run(["gzip", "-dc"], input=content, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise HybridKdError.at(path, f"cannot be decompressed: {said}", fix=FIX)
    return done.stdout


def without_impossible(model: NgramModel) -> NgramModel:
    """Leave out n-grams with <s> <s>, </s> <s> or </s> </s> in them."""
    for number in range(1, model.order):
        ngrams = spelled_ngrams(model, number)
        first, second = ngrams[:, :-1], ngrams[:, 1:]
        impossible = ((second == BOS) & ((first == BOS) | (first == EOS))) | (
            (first == EOS) & (second == EOS)
        )
        model = keep_ngrams(model, number, ~np.any(impossible, axis=1))
    return model
