"""Finding, reading and refusing graphs."""

import dataclasses
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.decoding.graph import (
    GraphLabels,
    check_graph,
    check_words,
    decompressed_graph,
    find_graph_file,
    load_graph,
    read_graph,
    read_graph_labels,
)
from hybrid_kd.errors import HybridKdError
from tests.graph.languages import DAMAGED_GZIP


@pytest.fixture(scope="module")
def graph_dir(shared: Path) -> Path:
    return shared / "kaldi-an4/exp/tri3b/graph"


@pytest.fixture(scope="module")
def transition_model(shared: Path) -> TransitionModel:
    return read_transition_model(shared / "kaldi-an4/golden/final.trans.mdl")


def small_graph(path: Path, *, ilabel: int = 1) -> Path:
    """A vector FST with one arc."""
    fst = kaldifst.StdVectorFst()
    for _ in range(2):
        fst.add_state()
    fst.start = 0
    fst.add_arc(0, kaldifst.StdArc(ilabel, 2, 0.5, 1))
    fst.set_final(1, 0.0)
    assert fst.write(str(path))
    return path


def test_labels_of_a_const_graph_are_those_of_its_arcs(graph_dir: Path) -> None:
    labels = read_graph_labels(graph_dir / "HCLG.fst")
    fst = load_graph(graph_dir / "HCLG.fst")
    arcs = [arc for state in kaldifst.StateIterator(fst) for arc in kaldifst.ArcIterator(fst, state)]
    assert labels.num_arcs == len(arcs)
    assert labels.max_transition_id == max(arc.ilabel for arc in arcs)
    assert labels.max_word_id == max(arc.olabel for arc in arcs)


def test_labels_of_a_vector_graph_are_those_of_its_arcs(tmp_path: Path) -> None:
    assert read_graph_labels(small_graph(tmp_path / "HCLG.fst", ilabel=7)) == GraphLabels(2, 1, 7, 2)


def test_the_graph_of_the_model_is_accepted(graph_dir: Path, transition_model: TransitionModel) -> None:
    labels = check_graph(graph_dir, graph_dir / "HCLG.fst", transition_model)
    assert labels.max_transition_id <= transition_model.num_transition_ids


def test_a_graph_with_another_number_of_pdfs_is_refused(
    graph_dir: Path, transition_model: TransitionModel, tmp_path: Path
) -> None:
    (tmp_path / "num_pdfs").write_text("1987\n")
    with pytest.raises(HybridKdError, match=r"graph of 1987 pdfs, the model has 384\n  fix: use the graph"):
        check_graph(tmp_path, graph_dir / "HCLG.fst", transition_model)


def test_a_graph_with_unknown_transition_ids_is_refused(
    graph_dir: Path, transition_model: TransitionModel, tmp_path: Path
) -> None:
    graph = small_graph(tmp_path / "HCLG.fst", ilabel=3117)
    with pytest.raises(HybridKdError, match="transition-ids to 3117, the model has 3116"):
        check_graph(tmp_path, graph, transition_model)


def test_a_graph_with_other_words_is_refused(
    graph_dir: Path, transition_model: TransitionModel, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("<eps> 0\nA 1\n")
    with pytest.raises(HybridKdError, match=r"no word 103, which the graph has on its arcs"):
        check_graph(tmp_path, graph_dir / "HCLG.fst", transition_model)


def test_a_word_between_others_may_be_the_one_that_is_missing(tmp_path: Path) -> None:
    """small_graph has the word 2."""
    graph = read_graph(small_graph(tmp_path / "HCLG.fst"))
    (tmp_path / "words.txt").write_text("<eps> 0\nA 1\nC 3\n")
    with pytest.raises(HybridKdError, match=r"words.txt: no word 2, which the graph has .*the last is 3"):
        check_words(tmp_path, graph)
    (tmp_path / "words.txt").write_text("<eps> 0\nB 2\n")
    check_words(tmp_path, graph)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"9" * 5000, b""])
def test_a_damaged_number_of_pdfs_is_named(
    graph_dir: Path, transition_model: TransitionModel, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "num_pdfs").write_bytes(content)
    match = r"num_pdfs: (line 1 is not UTF-8|graph of .{0,20} pdfs, the model has 384)"
    with pytest.raises(HybridKdError, match=match):
        check_graph(tmp_path, graph_dir / "HCLG.fst", transition_model)


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_compressed_graphs_are_the_same_graph(
    graph_dir: Path, tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    content = (graph_dir / "HCLG.fst").read_bytes()[:100_000]
    (tmp_path / f"HCLG.fst{suffix}").write_bytes(compress(content))
    with decompressed_graph(find_graph_file(tmp_path)) as plain:
        assert plain.read_bytes() == content
    assert not plain.exists()


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_damaged_compressed_graph_is_an_error(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"HCLG.fst{suffix}"
    path.write_bytes(compress(np.random.default_rng(0).bytes(5000))[:-200])
    with pytest.raises(HybridKdError, match="cannot be decompressed"), decompressed_graph(path):
        pass


@pytest.mark.parametrize("damage", DAMAGED_GZIP)
def test_damage_inside_a_compressed_graph_is_named(tmp_path: Path, damage: str) -> None:
    path = small_graph(tmp_path / "HCLG.fst")
    (tmp_path / "HCLG.fst.gz").write_bytes(DAMAGED_GZIP[damage](gzip.compress(path.read_bytes())))
    with (
        pytest.raises(HybridKdError, match=f"HCLG.fst.gz: cannot be decompressed: the gzip data is {damage}"),
        decompressed_graph(tmp_path / "HCLG.fst.gz"),
    ):
        pass


def test_a_plain_graph_is_preferred_and_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"it holds none of HCLG.fst, HCLG.fst.gz, HCLG.fst.xz"):
        find_graph_file(tmp_path)
    with pytest.raises(HybridKdError, match="no such directory"):
        find_graph_file(tmp_path / "graph")
    for name in ("HCLG.fst.xz", "HCLG.fst"):
        (tmp_path / name).touch()
        assert find_graph_file(tmp_path).name == name


@pytest.mark.parametrize("length", [0, 3, 60, 5000, -16])
def test_a_graph_that_is_cut_short_is_an_error(graph_dir: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "HCLG.fst"
    path.write_bytes((graph_dir / "HCLG.fst").read_bytes()[:length])
    with pytest.raises(HybridKdError, match="not a graph"):
        read_graph_labels(path)


def test_a_vector_graph_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    path = small_graph(tmp_path / "HCLG.fst")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(HybridKdError, match="not a graph"):
        read_graph_labels(path)


def test_an_fst_of_other_arcs_is_an_error(tmp_path: Path) -> None:
    lattice = kaldifst.Lattice()
    lattice.start = lattice.add_state()
    assert lattice.write(str(tmp_path / "HCLG.fst"))
    with pytest.raises(HybridKdError, match="'lattice4' arcs, not const or vector, standard"):
        read_graph_labels(tmp_path / "HCLG.fst")


@pytest.mark.parametrize("read", [read_graph_labels, load_graph])
def test_an_arc_out_of_the_graph_is_an_error(
    graph_dir: Path, tmp_path: Path, read: Callable[[Path], object]
) -> None:
    """The decoder would follow it."""
    content = bytearray((graph_dir / "HCLG.fst").read_bytes())
    content[-1] = 0x7F  # the last arc's next state
    (tmp_path / "HCLG.fst").write_bytes(content)
    with pytest.raises(HybridKdError, match=r"state 35411 of 35412 has an arc .* to state 2130741843"):
        read(tmp_path / "HCLG.fst")


def test_the_number_of_pdfs_is_optional(
    graph_dir: Path, transition_model: TransitionModel, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text((graph_dir / "words.txt").read_text())
    labels = check_graph(tmp_path, graph_dir / "HCLG.fst", transition_model)
    assert dataclasses.astuple(labels)[1] == 87304
