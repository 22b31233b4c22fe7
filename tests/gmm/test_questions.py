"""Questions are found, compiled, and written as Kaldi writes them."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.questions import (
    Questions,
    cluster_phones,
    compile_questions,
    read_questions,
    write_questions,
)
from hybrid_kd.gmm.tree_statistics import TreeStatistics
from hybrid_kd.graph.lang_dir import read_lang_dir
from tests.gmm.an4_statistics import an4_tree_statistics
from tests.gmm.test_phone_clustering import make_points
from tests.gmm.tiny_model import tiny_topology

pytestmark = pytest.mark.numerical


def statistics_of(phones: list[int], centres: list[float]) -> TreeStatistics:
    """Each phone in the middle of nothing, in pdf class 1; other pdf classes mislead."""
    window = np.array([[1, 0, phone, 0] for phone in phones])
    misleading = np.array([[0, 0, phone, 0] for phone in phones])
    sums = np.vstack([make_points(centres), make_points([0.0 if phone % 2 else 90 for phone in phones])])
    return TreeStatistics(3, 1, np.vstack([window, misleading]), sums)


def test_phones_that_sound_alike_are_asked_for_together() -> None:
    statistics = statistics_of([1, 2, 3, 4], [0, 1, 80, 81])
    sets = cluster_phones(statistics, [(1,), (2,), (4,), (3,)])
    assert sets == [(1,), (1, 2), (2,), (3,), (3, 4), (4,)]


def test_phones_of_a_set_stay_together_and_those_without_frames_are_asked_for() -> None:
    statistics = statistics_of([1, 2, 3], [0, 80, 81])
    sets = cluster_phones(statistics, [(2, 1), (3,), (9,)])
    assert (1, 2) in sets
    assert (9,) in sets
    assert not {(1,), (2,), (1, 2, 3, 9)} & set(sets)


@pytest.mark.parametrize("sets", [[(1, 2), (2, 3)], [(1,), ()]])
def test_sets_must_be_disjoint_and_not_empty(sets: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="not disjoint"):
        cluster_phones(statistics_of([1, 2], [0, 1]), sets)


def test_compiled_questions_are_sorted_and_unique() -> None:
    questions = compile_questions([(3, 2), (1,), (2, 3)], tiny_topology())
    assert questions.by_key == {-1: ((0,), (0, 1)), **dict.fromkeys([0, 1, 2], ((1,), (2, 3)))}


def test_a_question_for_an_unknown_phone_is_refused() -> None:
    with pytest.raises(ValueError, match="phone 7, which the topology lacks"):
        compile_questions([(1, 7)], tiny_topology())


def test_questions_come_back(tmp_path: Path) -> None:
    questions = Questions({-1: ((0,),), 0: (), 1: ((1, 2), (300,))})
    write_questions(tmp_path / "questions.qst", questions)
    assert read_questions(tmp_path / "questions.qst") == questions


def test_kaldis_file_comes_back_byte_for_byte(shared: Path, tmp_path: Path) -> None:
    kaldis = shared / "kaldi-an4/exp/tri3b/questions.qst"
    write_questions(tmp_path / "questions.qst", read_questions(kaldis))
    assert (tmp_path / "questions.qst").read_bytes() == kaldis.read_bytes()


@pytest.mark.parametrize("length", [1, 30, 200])
def test_a_truncated_file_is_named(shared: Path, tmp_path: Path, length: int) -> None:
    damaged = tmp_path / "questions.qst"
    damaged.write_bytes((shared / "kaldi-an4/exp/tri3b/questions.qst").read_bytes()[:length])
    with pytest.raises(HybridKdError, match=r"questions\.qst: not questions"):
        read_questions(damaged)


def test_most_questions_are_kaldis(an4: Path) -> None:
    """Kaldi clustered statistics of earlier alignments and features, so not all can be the same.

    Noise of 1e-5 in the sums, far above rounding, changes none of ours.
    """
    lang = read_lang_dir(an4 / "data/lang_test")
    statistics = an4_tree_statistics(an4)
    found = cluster_phones(statistics, lang.sets)
    questions = compile_questions([*found, *lang.extra_questions], lang.topology)
    kaldis = read_questions(an4 / "exp/tri3b/questions.qst")
    assert questions.by_key[-1] == kaldis.by_key[-1]
    assert len(questions.by_key[0]) == pytest.approx(len(kaldis.by_key[0]), abs=4)
    assert len(set(questions.by_key[0]) & set(kaldis.by_key[0])) >= 0.7 * len(kaldis.by_key[0])
