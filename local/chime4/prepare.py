"""Prepares CHiME-4, 1-channel track: ``python -m local.chime4.prepare --help``."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.errors import HybridKdError
from local.chime4.command import run_command
from local.chime4.corpus import Corpus, find_corpus
from local.chime4.data_sets import write_data_sets
from local.chime4.dictionary import read_cmudict, write_dict_dir
from local.chime4.layout import WSJ0_WITHIN_CHIME4, Discs, parse_channels
from local.chime4.wsj0_lm import TRIGRAM, write_pruned_trigram

logger = logging.getLogger(__name__)

PATHS = {
    "chime4": "--chime4 (CHIME4_ROOT) is the directory of CHiME-4 that holds data/",
    "cmudict": "--cmudict (CMUDICT) is cmudict.0.7a of svn.code.sf.net/p/cmusphinx/code/trunk/cmudict",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make Kaldi data directories, dictionary and language model of CHiME-4 and WSJ0."""

    chime4: str
    """CHiME-4: the directory that holds data/audio, data/annotations, data/transcriptions"""
    wsj0: str = ""
    """WSJ0: the directory that holds wsj0/; without it, CHiME-4's own copy (data/WSJ0)"""
    cmudict: str = ""
    """the CMU dictionary cmudict.0.7a, with cmudict.0.7a.symbols beside it; without it, the one that a recipe
    in KALDI_ROOT has fetched"""
    channels: str = "CH5"
    """training audio; of several ("CH1 CH3 CH5"), each is a speaker of its own"""
    enhanced_dir: str = ""
    """enhanced audio (BeamformIt, BLSTM-GEV): directories dt05_bus_real, .., tr05_str_simu of <name>.wav"""
    out: str = ""
    """directory to write"""
    check_only: bool = False
    """look whether all inputs are there, and write nothing"""


def run(options: Options) -> None:
    """Look for all inputs, then write."""
    corpus = find_corpus(_discs(options), parse_channels(options.channels))
    if options.check_only:
        return
    if not options.out:
        raise HybridKdError.at("--out", "no directory is given", fix="give one, e.g. data/chime4")
    _write(corpus, Path(options.out))


def _discs(options: Options) -> Discs:
    cmudict = options.cmudict or _cmudict_of_kaldi()
    absent = [name for name, path in {"chime4": options.chime4, "cmudict": cmudict}.items() if not path]
    if absent:
        place, fix = " and ".join(f"--{name}" for name in absent), "; ".join(PATHS[name] for name in absent)
        raise HybridKdError.at(place, "no path is given", fix=fix)
    chime4 = Path(options.chime4)
    wsj0 = Path(options.wsj0) if options.wsj0 else chime4 / WSJ0_WITHIN_CHIME4
    enhanced = Path(options.enhanced_dir) if options.enhanced_dir else None
    return Discs(chime4, wsj0, Path(cmudict), enhanced)


def _cmudict_of_kaldi() -> str:
    """The dictionary that a recipe in KALDI_ROOT has fetched (wsj_prepare_dict.sh), or ''."""
    kaldi = os.environ.get("KALDI_ROOT", "")
    found = sorted(Path(kaldi).glob("egs/*/*/data/local/dict*/cmudict/cmudict.0.7a")) if kaldi else []
    if found:
        logger.info("--cmudict %s", found[0])
    return str(found[0]) if found else ""


def _write(corpus: Corpus, out: Path) -> None:
    write_data_sets(corpus, out)
    cmudict = read_cmudict(corpus.discs.cmudict)
    write_dict_dir(out / "dict", cmudict)
    model = write_pruned_trigram(corpus.discs.wsj0 / TRIGRAM, out / "lm.arpa.gz")
    words = set(model.vocabulary.words[2:])
    unknown = sorted(words - cmudict.words)
    if len(unknown) == len(words):
        problem = f"it has none of the language model's words (e.g. {unknown[0]})"
        raise HybridKdError.at(corpus.discs.cmudict, problem, fix="give the dictionary in upper case")
    if unknown:
        named = " ".join(unknown[:10])
        logger.warning("%d words of the language model have no pronunciation: %s", len(unknown), named)


if __name__ == "__main__":
    run_command(Options, run, "local.chime4.prepare")
