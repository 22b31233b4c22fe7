"""``hybrid-kd info``: what a path is, in words; everything but audio is read to the end."""

import re
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

import tyro

from hybrid_kd.cli.info_gmm import (
    describe_gmm_dir,
    describe_questions,
    describe_topology,
    describe_transition_model,
    describe_tree,
)
from hybrid_kd.cli.info_graph import (
    describe_arpa,
    describe_dict_dir,
    describe_fst,
    describe_graph_dir,
    describe_lang_dir,
)
from hybrid_kd.cli.info_network import (
    describe_label_store,
    describe_model_dir,
    describe_nnet1,
    describe_nnet1_dir,
)
from hybrid_kd.cli.info_tables import (
    describe_data_dir,
    describe_decode_dir,
    describe_single_object,
    describe_symbol_table,
    describe_table,
)
from hybrid_kd.cli.info_uncertainty import describe_uncertainty
from hybrid_kd.errors import HybridKdError

KNOWN = (
    "known are: the directory of a network, label store, decoding, GMM, alignment, data, dictionary, lang or "
    "graph; a table (archive, .scp, also ark:... and scp:...); a file that is one matrix or vector; a "
    "transducer (.fst), an ARPA language model, final.mdl, final.nnet, tree, questions.qst, topo, words.txt"
)


@dataclass(frozen=True)
class Options:
    """Describe a directory or file of an experiment, ours or Kaldi's; broken ones are an error."""

    path: tyro.conf.Positional[str]
    """directory, file or rspecifier"""
    allow_pipes: bool = False
    """run the commands (`... |`) that stand in place of files"""
    data: Path | None = None
    """of a network with an uncertainty head: data directory over which to tell what it is unsure about"""
    ali: Path | None = None
    """alignment directory of --data"""


def run(options: Options) -> None:
    """Print what the path is."""
    if re.match("(ark|scp)[,:]", options.path) and not Path(options.path).exists():
        lines = describe_table(options.path, allow_pipes=options.allow_pipes)
    elif Path(options.path).is_dir():
        lines = _describe_directory(Path(options.path), allow_pipes=options.allow_pipes)
    else:
        lines = _describe_file(options.path, allow_pipes=options.allow_pipes)
    lines += _uncertainty_lines(options)
    print(f"{options.path}: {lines[0]}")
    print(*lines[1:], sep="\n", end="\n" if lines[1:] else "")


def _uncertainty_lines(options: Options) -> list[str]:
    """What --data and --ali ask for.

    Raises: HybridKdError if only one of them is given.
    """
    if options.data is None and options.ali is None:
        return []
    if options.data is None or options.ali is None:
        raise HybridKdError.at("--data and --ali", "only one of them was given", fix="give both, or neither")
    return describe_uncertainty(Path(options.path), options.data, options.ali)


def _describe_directory(path: Path, *, allow_pipes: bool) -> list[str]:
    names = {file.name for file in path.iterdir()}
    if describe := _kind_of_directory(names):
        return describe(path)
    if names & {"utt2spk", "feats.scp", "spk2utt"}:
        return describe_data_dir(path, allow_pipes=allow_pipes)
    raise HybridKdError.at(path, "nothing in this directory is known" if names else "empty", fix=KNOWN)


def _kind_of_directory(names: Set[str]) -> Callable[[Path], list[str]] | None:
    """What describes a directory that holds files of these names; None for a data directory and others."""
    has = re.compile(r"(lat|ali)\.\d+\.gz")
    jobs = {match[1] for name in names if (match := has.fullmatch(name))}
    kinds: list[tuple[bool, Callable[[Path], list[str]]]] = [
        ("labels.json" in names, describe_label_store),
        ("final.safetensors" in names or {"config.yaml", "train.jsonl"} <= names, describe_model_dir),
        ("lat" in jobs or any(name.startswith("wer_") for name in names), describe_decode_dir),
        ("final.nnet" in names, describe_nnet1_dir),
        ("ali" in jobs or "final.mdl" in names or {"tree", "cmvn_opts"} <= names, describe_gmm_dir),
        (any(name.startswith("HCLG.fst") for name in names), describe_graph_dir),
        ({"words.txt", "topo"} <= names, describe_lang_dir),
        (bool(names & {"lexicon.txt", "lexiconp.txt"}), describe_dict_dir),
    ]
    return next((describe for is_this, describe in kinds if is_this), None)


def _describe_file(path: str, *, allow_pipes: bool) -> list[str]:
    if path.endswith(".scp"):
        return describe_table(f"scp:{path}", allow_pipes=allow_pipes)
    if re.search(r"\.fst(\.gz|\.xz)?$", path):
        return describe_fst(Path(path))
    if Path(path).name in ("words.txt", "phones.txt"):
        return describe_symbol_table(Path(path))
    head = _head(path)
    for beginning, describe in (
        (b"<TransitionModel>", _describe_model_file),
        (b"<Topology>", describe_topology),
        (b"ContextDependency ", describe_tree),
        (b"<Nnet>", describe_nnet1),
        (b"<Questions>", describe_questions),
        (b"\\data\\", describe_arpa),
    ):
        if head.removeprefix(b"\0B").lstrip().startswith(beginning):
            return describe(Path(path))
    if head.startswith(b"\0") or head.lstrip().startswith(b"["):
        return describe_single_object(path)
    return describe_table(f"ark:{path}", allow_pipes=allow_pipes)


def _head(path: str) -> bytes:
    """The first bytes of a file, decompressed.

    Raises: HybridKdError if it is empty or cannot be read.
    """
    from hybrid_kd.archives.byte_reader import FormatError
    from hybrid_kd.archives.streams import DAMAGED, open_reader

    with open_reader(path) as reader:
        try:
            if reader.at_end():
                raise HybridKdError.at(path, "empty (0 bytes of content)", fix="make it again")
        except FormatError as error:
            raise HybridKdError.at(path, str(error), fix=DAMAGED) from error
        return reader.peek(64)


def _describe_model_file(path: Path) -> list[str]:
    return ["Kaldi model", *describe_transition_model(path)]
