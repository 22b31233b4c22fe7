"""G.fst of an ARPA language model, by kaldilm, as Kaldi's ``arpa2fst --disambig-symbol=#0`` makes it."""

import logging
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.archives.byte_reader import FormatError
from hybrid_kd.archives.openfst import take_fst
from hybrid_kd.archives.streams import copy_decompressed, open_reader
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.epsilon_removal import remove_epsilons_locally
from hybrid_kd.graph.fst_arrays import FstArrays, by_arc, to_fst

logger = logging.getLogger(__name__)

FIX = "give an ARPA file (.gz or not) whose words are in words.txt (hybrid-kd graph lm makes one)"
# kaldilm ends the process at an error and writes to its stderr, so that it has a process of its own
PROGRAM = """
import sys, kaldilm
arpa, fst, words = sys.argv[1:]
kaldilm.arpa2fst(arpa, fst, disambig_symbol="#0", read_symbol_table=words, max_arpa_warnings=-1)
"""
_ORPHAN = re.compile(r"skipped: no parent \(n-1\)-gram exists")
_STRANGER = re.compile(r"skipped: word '(.*)' not in symbol table")


def make_grammar(arpa: Path, words_file: Path, *, backoff_id: int) -> Any:
    """G (kaldifst.StdVectorFst) of an ARPA file, which may be gzipped; ``backoff_id`` is the word-id of #0.

    N-grams with a word that words.txt lacks, and those whose history is no n-gram of the model, are left out
    and counted in a warning, as arpa2fst does.

    Raises: HybridKdError for a file that cannot be read or is no ARPA file, or has no word in common with
    words.txt.
    """
    with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
        plain, out = Path(directory) / "lm.arpa", Path(directory) / "G.fst"
        copy_decompressed(arpa, plain, fix=FIX)
        command = [sys.executable, "-c", PROGRAM, str(plain), str(out), str(words_file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
        if done.returncode != 0 or not out.is_file():
            said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("[I]")]
            raise HybridKdError.at(arpa, f"not an ARPA language model: {' '.join(said[-1:])}", fix=FIX)
        _warn_of_skipped(arpa, done.stderr)
        grammar = _read_grammar(arpa, out)
    if not np.setdiff1d(grammar.ilabels, [0, backoff_id]).size:
        problem = f"no word in common with {words_file}"
        raise HybridKdError.at(arpa, problem, fix="write both in the same spelling, such as upper case")
    return _without_redundant_states(grammar, backoff_id)


def _read_grammar(arpa: Path, out: Path) -> FstArrays:
    """What kaldilm made of a model; a probability that is not a number shows only here."""
    with open_reader(str(out)) as reader:
        try:
            grammar = by_arc(take_fst(reader))
        except FormatError as error:
            raise HybridKdError.at(arpa, f"as a transducer, {error}", fix=FIX) from error
    if grammar.start < 0:
        raise HybridKdError.at(arpa, "empty", fix=FIX)
    return grammar


def _warn_of_skipped(arpa: Path, messages: str) -> None:
    if num_orphans := len(_ORPHAN.findall(messages)):
        logger.warning("%s: left out %d n-grams whose history is not in the model", arpa, num_orphans)
    strangers = Counter(match[1] for match in _STRANGER.finditer(messages))
    if strangers:
        names = " ".join(sorted(strangers)[:10])
        logger.warning(
            "%s: left out %d n-grams with %d words that words.txt lacks (%s%s)",
            arpa, sum(strangers.values()), len(strangers), names, " .." if len(strangers) > 10 else "",
        )  # fmt: skip


def _without_redundant_states(grammar: FstArrays, backoff_id: int) -> Any:
    """Histories that lead nowhere but to their backoff are passed by.

    Source: Kaldi lm/arpa-lm-compiler.cc, RemoveRedundantStates.
    """
    import kaldifst

    redundant = (grammar.num_arcs_of == 1) & ~np.isfinite(grammar.final_costs)
    passed = redundant[grammar.sources] & (grammar.ilabels == backoff_id)
    ilabels = np.where(passed, 0, grammar.ilabels).astype(np.int32)
    fst = to_fst(remove_epsilons_locally(replace(grammar, ilabels=ilabels)))
    kaldifst.connect(fst)
    kaldifst.arcsort(fst, "ilabel")
    return fst
