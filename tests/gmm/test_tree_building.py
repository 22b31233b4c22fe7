"""Whole trees: roots, unsplit phones, merging, numbering, and Kaldi's own tree beside ours."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.context_tree import (
    ConstantEvent,
    ContextTree,
    TableEvent,
    read_context_tree,
    write_context_tree,
)
from hybrid_kd.archives.transition_model import initial_transition_model
from hybrid_kd.gmm.questions import cluster_phones, compile_questions
from hybrid_kd.gmm.tree_building import TreeOptions, build_tree, monophone_tree
from hybrid_kd.gmm.tree_statistics import TreeStatistics, gaussian_objective, map_events, sum_by_pdf
from hybrid_kd.graph.lang_dir import PhoneRoot, read_lang_dir
from tests.gmm.an4_statistics import an4_tree_statistics
from tests.gmm.test_tree_splitting import random_statistics
from tests.gmm.tiny_model import tiny_topology

pytestmark = pytest.mark.numerical

TOPOLOGY = tiny_topology()
QUESTIONS = compile_questions([(1,), (2,), (3,), (2, 3)], TOPOLOGY)
ROOTS = [PhoneRoot(True, True, (1,)), PhoneRoot(True, True, (2, 3))]
KEEP_ALL = TreeOptions(thresh=0.0, cluster_thresh=0.0, round_num_leaves=False)


def tiny_statistics(seed: int = 0) -> TreeStatistics:
    statistics = random_statistics(seed, 200)
    known = (statistics.events[:, 1:] < 4).all(axis=1)
    return statistics[known & ((statistics.values(1) > 1) | (statistics.values(-1) < 2))]


def tree_loglike(statistics: TreeStatistics, tree: ContextTree) -> float:
    """The log-likelihood per frame of single Gaussians on the tree's pdfs."""
    return float(gaussian_objective(sum_by_pdf(statistics, tree)).sum()) / statistics.num_frames


def test_without_merging_there_are_as_many_leaves_as_asked_for() -> None:
    statistics = tiny_statistics()
    tree = build_tree(statistics, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=11, options=KEEP_ALL)
    assert sorted(set(map_events(statistics, tree).tolist())) == list(range(11))


def test_merging_costs_little_and_numbers_the_leaves_anew() -> None:
    statistics = tiny_statistics()
    whole = build_tree(statistics, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=30, options=KEEP_ALL)
    merging = TreeOptions(thresh=0.0, round_num_leaves=False)
    merged = build_tree(statistics, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=30, options=merging)
    pdf_ids = map_events(statistics, merged)
    assert sorted(set(pdf_ids.tolist())) == list(range(merged.num_pdfs))
    assert merged.num_pdfs < whole.num_pdfs
    loss = tree_loglike(statistics, whole) - tree_loglike(statistics, merged)
    assert 0 <= loss < 0.1


def test_leaves_of_different_roots_are_not_merged() -> None:
    statistics = tiny_statistics()
    options = TreeOptions(thresh=0.0, cluster_thresh=1e9, round_num_leaves=False)
    tree = build_tree(statistics, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=20, options=options)
    assert tree.num_pdfs == 2
    assert set(map_events(statistics, tree)[statistics.values(1) == 1].tolist()) == {0}


def test_the_number_of_leaves_is_rounded_down_to_a_multiple_of_eight() -> None:
    statistics = tiny_statistics()
    options = TreeOptions(thresh=0.0, cluster_thresh=0.0)
    tree = build_tree(statistics, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=21, options=options)
    assert tree.num_pdfs == 16
    few = build_tree(statistics, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=7, options=options)
    assert few.num_pdfs == 7


def test_a_root_that_is_not_split_keeps_its_pdf_classes() -> None:
    statistics = tiny_statistics()
    roots = [PhoneRoot(False, False, (1,)), PhoneRoot(True, True, (2, 3))]
    tree = build_tree(statistics, QUESTIONS, roots, TOPOLOGY, max_leaves=9, options=KEEP_ALL)
    assert [tree.pdf_id((2, 1, 3), pdf_class) for pdf_class in (0, 1)] == [0, 1]
    assert [tree.pdf_ids(1, pdf_class) for pdf_class in (0, 1)] == [(0,), (1,)]


def test_a_phone_that_never_occurs_shares_a_pdf_or_has_one_without_frames() -> None:
    statistics = tiny_statistics()
    heard = statistics[statistics.values(1) == 2]
    tree = build_tree(heard, QUESTIONS, ROOTS, TOPOLOGY, max_leaves=8, options=TreeOptions(thresh=0.0))
    assert tree.pdf_ids(1, 0) == (0,)
    assert sum_by_pdf(heard, tree)[0, 0] == 0
    assert set(tree.pdf_ids(3, 1)) <= set(range(1, tree.num_pdfs))
    assert initial_transition_model(TOPOLOGY, tree).num_pdfs == tree.num_pdfs


def test_a_tree_without_context_has_a_pdf_for_each_class_of_each_set() -> None:
    tree = monophone_tree([(1,), (2, 3)], TOPOLOGY)
    assert (tree.context_width, tree.central_position, tree.num_pdfs) == (1, 0, 5)
    assert [tree.pdf_id((phone,), 1) for phone in (1, 2, 3)] == [1, 3, 3]


def test_single_phones_are_looked_up_in_a_table() -> None:
    tree = monophone_tree([(2,), (1,), (3,)], TOPOLOGY)
    assert isinstance(tree.to_pdf, TableEvent)
    assert tree.to_pdf.answers[0] is None
    assert [tree.pdf_id((phone,), 0) for phone in (2, 1, 3)] == [0, 3, 5]


@pytest.mark.parametrize(
    ("roots", "problem"),
    [
        ([PhoneRoot(True, True, (1, 2)), PhoneRoot(True, True, (2, 3))], "several roots"),
        ([PhoneRoot(True, True, (1, 2))], "phone 3 occurs in the alignments, but has no root"),
        ([PhoneRoot(True, True, (1, 2, 3, 8))], "phone 8 has a root, but the topology lacks it"),
        ([PhoneRoot(False, True, (1, 2, 3))], "not shared cannot be split"),
    ],
)
def test_roots_that_do_not_fit_are_refused(roots: list[PhoneRoot], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        build_tree(tiny_statistics(), QUESTIONS, roots, TOPOLOGY, max_leaves=9)


def test_one_leaf_is_a_tree_too() -> None:
    roots = [PhoneRoot(True, True, (1, 2, 3))]
    tree = build_tree(tiny_statistics(), QUESTIONS, roots, TOPOLOGY, max_leaves=1)
    assert tree.to_pdf == ConstantEvent(0)


def test_ours_is_as_good_as_kaldis_tree(an4: Path, tmp_path: Path) -> None:
    """On statistics of Kaldi's last alignment, which was made with Kaldi's tree: 384 pdfs in both.

    Noise of 1e-5 in the sums, far above rounding, changes no leaf and the log-likelihood by 1e-7.
    """
    statistics = an4_tree_statistics(an4)
    lang = read_lang_dir(an4 / "data/lang_test")
    found = [*cluster_phones(statistics, lang.sets), *lang.extra_questions]
    questions = compile_questions(found, lang.topology)
    tree = build_tree(statistics, questions, lang.roots, lang.topology, max_leaves=445)
    kaldis = read_context_tree(an4 / "exp/tri3b/tree")
    assert tree.num_pdfs == kaldis.num_pdfs == 384
    assert tree_loglike(statistics, tree) > tree_loglike(statistics, kaldis) - 0.003
    write_context_tree(tmp_path / "tree", tree)
    assert read_context_tree(tmp_path / "tree") == tree
    counts = sum_by_pdf(statistics, tree)[:, 0]
    assert np.flatnonzero(counts == 0).tolist() == [1]  # spoken noise, which never occurs
    assert counts.sum() == pytest.approx(statistics.num_frames)
