r"""The questions that a phonetic decision tree may ask: sets of phones and of pdf classes.

Sets of phones are found by clustering the phones' statistics. Kaldi's ``questions.qst``: ``\0B<Questions> ``,
per key ``<Key> \4 key <QuestionsForKey> \4 n``, n sets of integers, ``<RefineClustersOptions> \4 0 \4 2
</RefineClustersOptions> </QuestionsForKey> ``, then ``</Questions> ``.
Source: Kaldi bin/cluster-phones.cc, bin/compile-questions.cc, tree/build-tree-questions.cc and, in
tree/build-tree.cc, AutomaticallyObtainQuestions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.context_tree import PDF_CLASS_KEY
from hybrid_kd.archives.streams import DAMAGED, open_reader
from hybrid_kd.archives.topology import Topology, int_to_bytes, ints_to_bytes
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.phone_clustering import cluster_top_down
from hybrid_kd.gmm.tree_statistics import TreeStatistics

CENTRAL_PDF_CLASS = 1  # of three
REFINEMENT = b"<RefineClustersOptions> " + int_to_bytes(0) + int_to_bytes(2) + b"</RefineClustersOptions> "


@dataclass(frozen=True)
class Questions:
    """For each key of the tree (-1 the pdf class, 0 .. the positions) the sets of values to ask for."""

    by_key: dict[int, tuple[tuple[int, ...], ...]]


def cluster_phones(
    statistics: TreeStatistics,
    phone_sets: Iterable[Sequence[int]],
    *,
    pdf_classes: Iterable[int] = (CENTRAL_PDF_CLASS,),
) -> list[tuple[int, ...]]:
    """Find the sets of phones to ask for: every cluster of a binary tree, and the given sets.

    ``phone_sets`` are the phones that stay together (a lang directory's phones/sets.int); their statistics
    are those of ``pdf_classes`` in any context.

    Raises: ValueError if a phone is in two sets, or a set is empty.
    """
    sets = [tuple(sorted(phones)) for phones in phone_sets]
    phones = [phone for phone_set in sets for phone in phone_set]
    if not all(sets) or len(set(phones)) < len(phones):
        raise ValueError("the sets of phones are not disjoint, or one is empty")
    index = np.full(max(phones) + 1, -1)
    for number, phone_set in enumerate(sets):
        index[list(phone_set)] = number
    kept = statistics[np.isin(statistics.values(PDF_CLASS_KEY), list(pdf_classes))]
    central = kept.values(kept.central_position)
    known = central < len(index)
    owners = index[central[known]]
    sums = np.zeros((len(sets), statistics.sums.shape[1]))
    np.add.at(sums, owners[owners >= 0], kept.sums[known][owners >= 0])
    clusters = [
        tuple(sorted(phone for member in members.tolist() for phone in sets[member]))
        for members in cluster_top_down(sums)
    ]
    return sorted({*clusters, *sets})


def compile_questions(
    phone_questions: Iterable[Sequence[int]], topology: Topology, *, context_width: int = 3
) -> Questions:
    """Ask for the same sets of phones at each position, and for the first 1, 2, .. pdf classes.

    Raises: ValueError for a phone that the topology lacks.
    """
    asked = tuple(sorted({tuple(sorted(set(phones))) for phones in phone_questions}))
    if strangers := {phone for phones in asked for phone in phones} - set(topology.phones):
        raise ValueError(f"questions ask for phone {min(strangers)}, which the topology lacks")
    states = [state for entry in topology.entries for state in entry.states]
    last_pdf_class = max(max(state.forward_pdf_class, state.self_loop_pdf_class) for state in states)
    pdf_classes = tuple(tuple(range(first)) for first in range(1, last_pdf_class + 1))
    return Questions({PDF_CLASS_KEY: pdf_classes, **dict.fromkeys(range(context_width), asked)})


def write_questions(path: Path, questions: Questions) -> None:
    """Write Kaldi's binary ``questions.qst``."""
    with replace_file(path) as file:
        file.write(b"\0B<Questions> ")
        for key, sets in sorted(questions.by_key.items()):
            file.write(b"<Key> " + int_to_bytes(key) + b"<QuestionsForKey> " + int_to_bytes(len(sets)))
            file.write(b"".join(map(ints_to_bytes, sets)) + REFINEMENT + b"</QuestionsForKey> ")
        file.write(b"</Questions> ")


def read_questions(path: Path) -> Questions:
    """Read a binary ``questions.qst``; what it says of refinement is left out.

    Raises: HybridKdError.
    """
    with open_reader(str(path)) as reader:
        try:
            if not reader.take_binary_mark():
                raise FormatError("only binary questions are read")
            return _parse_questions(reader)
        except FormatError as error:
            problem = f"not questions: {error} (near byte {reader.position})"
            raise HybridKdError.at(path, problem, fix=DAMAGED) from error


def _parse_questions(reader: ByteReader) -> Questions:
    by_key = {}
    reader.expect_token("<Questions>")
    while reader.expect_token("<Key>", "</Questions>") == "<Key>":
        key = reader.take_int32()
        reader.expect_token("<QuestionsForKey>")
        count = reader.take_count("questions", min_bytes_each=5)
        by_key[key] = tuple(_take_set(reader) for _ in range(count))
        reader.expect_token("<RefineClustersOptions>")
        reader.take_int32()
        reader.take_int32()
        reader.expect_token("</RefineClustersOptions>")
        reader.expect_token("</QuestionsForKey>")
    return Questions(by_key)


def _take_set(reader: ByteReader) -> tuple[int, ...]:
    count = reader.take_count("values", min_bytes_each=4)
    return tuple(reader.take_raw_int32s(count).tolist())
