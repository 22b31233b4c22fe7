"""Checkpoints: what is written comes back bit by bit, and damage is told."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.transition_model import initial_transition_model
from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.training_state import CHECKPOINT, TrainingState, load_checkpoint, save_checkpoint
from hybrid_kd.gmm.tree_building import monophone_tree
from hybrid_kd.graph.lang_dir import LangDir, read_lang_dir
from tests.gmm.experiment import lang_dir, random_gmm


@pytest.fixture
def lang(shared: Path) -> LangDir:
    return read_lang_dir(lang_dir(shared))


def make_state(lang: LangDir) -> TrainingState:
    tree = monophone_tree(lang.sets, lang.topology)
    return TrainingState(
        iteration=7,
        tree=tree,
        model=initial_transition_model(lang.topology, tree),
        gmm=random_gmm((2,) * tree.num_pdfs),
        occupancies=np.arange(float(tree.num_pdfs)),
        alignments=(np.arange(4, dtype=np.int32), np.zeros(0, np.int32), np.arange(2, dtype=np.int32)),
        failed={"utt": "no path"},
        matrix=np.random.default_rng(0).standard_normal((3, 5)),
        transforms={"b": np.eye(3, 4), "a": np.ones((3, 4))},
    )


def test_a_state_comes_back(lang: LangDir, tmp_path: Path) -> None:
    state = make_state(lang)
    save_checkpoint(tmp_path, state)
    again = load_checkpoint(tmp_path, lang.topology)
    assert again is not None
    assert (again.iteration, again.failed, again.tree) == (7, state.failed, state.tree)
    np.testing.assert_array_equal(again.gmm.means, state.gmm.means)
    np.testing.assert_array_equal(again.model.log_probs, state.model.log_probs)
    np.testing.assert_array_equal(again.matrix, state.matrix)
    assert [part.tolist() for part in again.alignments] == [part.tolist() for part in state.alignments]
    assert again.transforms is not None
    assert list(again.transforms) == ["b", "a"]
    np.testing.assert_array_equal(again.transforms["a"], np.ones((3, 4)))


def test_no_checkpoint_is_none(lang: LangDir, tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, lang.topology) is None


def test_a_broken_checkpoint_is_told(lang: LangDir, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_state(lang))
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:-9])
    with pytest.raises(HybridKdError, match="broken checkpoint"):
        load_checkpoint(tmp_path, lang.topology)


def test_a_checkpoint_of_other_types_is_told(lang: LangDir, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_state(lang))
    content = (tmp_path / CHECKPOINT).read_bytes()
    assert rb"\"iteration\": 7" in content
    (tmp_path / CHECKPOINT).write_bytes(content.replace(rb"\"iteration\": 7", rb"\"iteration\":[]"))
    with pytest.raises(HybridKdError, match="broken checkpoint: iteration, failed or speakers is of another"):
        load_checkpoint(tmp_path, lang.topology)
