"""The decoding graph HCLG of a Kaldi graph directory: found, decompressed, and checked against a model.

The embedded decoder reads the score of a transition-id without a bound check, so that no graph reaches it
whose labels have not been compared with the model's TransitionModel.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.archives.openfst import Fst, read_openfst
from hybrid_kd.archives.streams import copy_decompressed
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import to_const_fst
from hybrid_kd.text_files import read_text

GRAPH_NAMES = ("HCLG.fst", "HCLG.fst.gz", "HCLG.fst.xz")
MADE_AGAIN = "make the graph again (utils/mkgraph.sh), or copy it again"


@dataclass(frozen=True)
class GraphLabels:
    """The largest labels on a graph's arcs: transition-ids (1-based) and word-ids (1-based), 0 is epsilon."""

    num_states: int
    num_arcs: int
    max_transition_id: int
    max_word_id: int


def find_graph_file(graph_dir: Path) -> Path:
    """HCLG.fst, or HCLG.fst.gz or .xz where that is all there is.

    Raises: HybridKdError if there is none.
    """
    if not graph_dir.is_dir():
        raise HybridKdError.at(graph_dir, "no such directory", fix="give the directory that mkgraph.sh made")
    for name in GRAPH_NAMES:
        if (graph_dir / name).is_file():
            return graph_dir / name
    raise HybridKdError.at(
        graph_dir, f"it holds none of {', '.join(GRAPH_NAMES)}", fix="give the directory that mkgraph.sh made"
    )


@contextmanager
def decompressed_graph(graph_file: Path) -> Iterator[Path]:
    """Give a plain file for the length of a block: the graph itself, or a temporary copy of a compressed one.

    Raises: HybridKdError if it cannot be decompressed.
    """
    if graph_file.suffix == ".fst":
        yield graph_file
        return
    with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
        plain = Path(directory) / "HCLG.fst"
        copy_decompressed(graph_file, plain, fix=MADE_AGAIN)
        yield plain


def check_graph(graph_dir: Path, fst_file: Path, transition_model: TransitionModel) -> GraphLabels:
    """Compare a graph with the model that is to be decoded with it; ``fst_file`` is the plain HCLG.fst.

    Raises: HybridKdError if the graph was made from another model (number of pdfs, phones, transition-ids),
    if its words are not in words.txt, or if it cannot be read.
    """
    _check_num_pdfs(graph_dir / "num_pdfs", transition_model)
    graph = read_graph(fst_file)
    labels = _labels(graph)
    if labels.max_transition_id > transition_model.num_transition_ids:
        raise HybridKdError.at(
            graph_dir,
            f"graph with transition-ids to {labels.max_transition_id}, the model has "
            f"{transition_model.num_transition_ids}",
            fix="use the graph of the model that made the alignments",
        )
    check_words(graph_dir, graph)
    return labels


def check_words(graph_dir: Path, graph: Fst) -> None:
    """Compare the output labels of a graph with its words.txt.

    Raises: HybridKdError if a word is missing there.
    """
    words = read_symbol_table(graph_dir / "words.txt")
    is_known = np.zeros(max(words) + 1, bool)
    is_known[[0, *words]] = True
    word_ids = graph.arcs["olabel"]
    strangers = word_ids[~is_known[np.minimum(word_ids, max(words))] | (word_ids > max(words))]
    if len(strangers):
        raise HybridKdError.at(
            graph_dir / "words.txt",
            f"no word {strangers.max()}, which the graph has on its arcs (the last is {max(words)})",
            fix="use the words.txt that the graph was made with",
        )


def _check_num_pdfs(path: Path, transition_model: TransitionModel) -> None:
    if not path.is_file():
        return
    text = read_text(path, fix=MADE_AGAIN).strip()
    if text != str(transition_model.num_pdfs):
        raise HybridKdError.at(
            path,
            f"graph of {text[:20]} pdfs, the model has {transition_model.num_pdfs}",
            fix="use the graph of the model that made the alignments",
        )


def read_graph_labels(fst_file: Path) -> GraphLabels:
    """Check an OpenFst file (const or vector, standard arcs) to its last arc, and find its largest labels.

    Raises: HybridKdError if it is not one, is damaged or cut short, or has no arcs.
    """
    return _labels(read_graph(fst_file))


def _labels(graph: Fst) -> GraphLabels:
    max_labels = (int(graph.arcs[side].max()) for side in ("ilabel", "olabel"))
    return GraphLabels(graph.num_states, graph.num_arcs, *max_labels)


def load_graph(fst_file: Path) -> Any:
    """Read a plain HCLG.fst (const or vector) as the embedded decoder wants it, a kaldifst.StdConstFst.

    Raises: HybridKdError as `read_graph_labels`.
    """
    return to_const_fst(read_graph(fst_file))


def read_graph(fst_file: Path) -> Fst:
    """The arrays of an OpenFst file (const or vector, standard arcs).

    Raises: HybridKdError as `read_graph_labels`.
    """
    fst = read_openfst(fst_file, what="a graph", fix=MADE_AGAIN)
    if not fst.num_arcs:
        raise HybridKdError.at(fst_file, "an empty graph", fix=MADE_AGAIN)
    return fst
