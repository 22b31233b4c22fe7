"""The decoding graph HCLG of a Kaldi graph directory: found, decompressed, and checked against a model.

The embedded decoder reads the score of a transition-id without a bound check, so that no graph reaches it
whose labels have not been compared with the model's TransitionModel.
"""

import gzip
import lzma
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.archives.openfst import const_arcs, parse_header, vector_arcs
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.errors import HybridKdError
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
        try:
            with _open_compressed(graph_file) as source, plain.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except (EOFError, lzma.LZMAError, gzip.BadGzipFile, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise HybridKdError.at(graph_file, f"cannot be decompressed: {error}", fix=MADE_AGAIN) from error
        yield plain


def _open_compressed(path: Path) -> gzip.GzipFile | lzma.LZMAFile:
    return gzip.open(path) if path.suffix == ".gz" else lzma.open(path)


def check_graph(graph_dir: Path, fst_file: Path, transition_model: TransitionModel) -> GraphLabels:
    """Compare a graph with the model that is to be decoded with it; ``fst_file`` is the plain HCLG.fst.

    Raises: HybridKdError if the graph was made from another model (number of pdfs, phones, transition-ids),
    if its words are not in words.txt, or if it cannot be read.
    """
    _check_num_pdfs(graph_dir / "num_pdfs", transition_model)
    labels = read_graph_labels(fst_file)
    if labels.max_transition_id > transition_model.num_transition_ids:
        raise HybridKdError.at(
            graph_dir,
            f"graph with transition-ids to {labels.max_transition_id}, the model has "
            f"{transition_model.num_transition_ids}",
            fix="use the graph of the model that made the alignments",
        )
    check_words(graph_dir, labels)
    return labels


def check_words(graph_dir: Path, labels: GraphLabels) -> None:
    """Compare the labels of a graph with the words.txt beside it.

    Raises: HybridKdError if a word is missing there.
    """
    words = read_symbol_table(graph_dir / "words.txt")
    if labels.max_word_id not in words:
        raise HybridKdError.at(
            graph_dir / "words.txt",
            f"no word {labels.max_word_id}, which the graph has on its arcs (the last is {max(words)})",
            fix="use the words.txt that the graph was made with",
        )


def _check_num_pdfs(path: Path, transition_model: TransitionModel) -> None:
    if not path.is_file():
        return
    text = read_text(path, fix=MADE_AGAIN).strip()
    if text != str(transition_model.num_pdfs):
        raise HybridKdError.at(
            path,
            f"graph of {text} pdfs, the model has {transition_model.num_pdfs}",
            fix="use the graph of the model that made the alignments",
        )


def read_graph_labels(fst_file: Path) -> GraphLabels:
    """Scan the arcs of an OpenFst file (const or vector, standard arcs).

    Raises: HybridKdError if it is not one, or is cut short.
    """
    content = np.memmap(fst_file, np.uint8, "r") if fst_file.stat().st_size else np.zeros(0, np.uint8)
    try:
        header = parse_header(content)
        arcs = const_arcs(content, header) if header.kind == "const" else vector_arcs(content, header)
    except (ValueError, struct.error) as error:
        raise HybridKdError.at(fst_file, f"not a graph: {error}", fix=MADE_AGAIN) from error
    if not len(arcs):
        raise HybridKdError.at(fst_file, "an empty graph", fix=MADE_AGAIN)
    if min(arcs["ilabel"].min(), arcs["olabel"].min()) < 0 or arcs["next_state"].max() >= header.num_states:
        raise HybridKdError.at(fst_file, "not a graph: labels or states out of range", fix=MADE_AGAIN)
    return GraphLabels(header.num_states, len(arcs), int(arcs["ilabel"].max()), int(arcs["olabel"].max()))


def load_graph(fst_file: Path) -> Any:
    """Read a plain HCLG.fst (const or vector) as the embedded decoder wants it.

    Raises: HybridKdError if kaldifst cannot read it.
    """
    import kaldifst

    graph = kaldifst.StdFst.read(str(fst_file))
    if graph is None or graph.start < 0:
        raise HybridKdError.at(fst_file, "OpenFst cannot read it", fix=MADE_AGAIN)
    return graph
