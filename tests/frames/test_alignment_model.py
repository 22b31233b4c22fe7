"""final.mdl and tree of alignment directories are of one system."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.context_tree import ConstantEvent, ContextTree, TableEvent, write_context_tree
from hybrid_kd.cli.main import main
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.alignment_model import read_alignment_model, refuse_other_model
from tests.tiny_experiment import NUM_PDFS, STATES_PER_PHONE, make_tiny_experiment, write_alignment_dir


def write_tree(path: Path, pdf_ids: Sequence[int]) -> None:
    """A tree without context: pdf_ids of the first phone's states, then the second's ..."""
    by_phone = [
        TableEvent(-1, tuple(map(ConstantEvent, pdf_ids[first : first + STATES_PER_PHONE])))
        for first in range(0, len(pdf_ids), STATES_PER_PHONE)
    ]
    write_context_tree(path, ContextTree(1, 0, TableEvent(0, (None, *by_phone))))


@pytest.fixture
def ali(tmp_path: Path) -> Path:
    write_alignment_dir(tmp_path / "ali", {"u": np.arange(NUM_PDFS)})
    write_tree(tmp_path / "ali" / "tree", range(NUM_PDFS))
    return tmp_path / "ali"


@pytest.mark.parametrize("name", ["kaldi-an4/exp/tri3b_ali_dt05_simu", "kaldi-libri5k/exp/tri3b"])
def test_kaldis_final_mdl_is_of_the_tree_beside_it(shared: Path, name: str) -> None:
    assert read_alignment_model(shared / name).num_pdfs > 100


def test_kaldis_final_mdl_beside_the_tree_of_another_experiment_is_refused(
    shared: Path, tmp_path: Path
) -> None:
    shutil.copy(shared / "kaldi-an4/exp/tri3b/final.mdl", tmp_path)
    shutil.copy(shared / "kaldi-libri5k/exp/tri3b/tree", tmp_path)
    with pytest.raises(
        HybridKdError, match=r"final.mdl: is not of the tree beside it: it has 384 pdfs, the "
    ):
        read_alignment_model(tmp_path)


def test_a_final_mdl_of_its_tree_is_read_also_without_the_tree(ali: Path) -> None:
    assert read_alignment_model(ali).num_pdfs == NUM_PDFS
    (ali / "tree").unlink()
    assert read_alignment_model(ali).num_pdfs == NUM_PDFS


def test_a_tree_of_as_many_pdfs_in_another_order_is_refused(ali: Path) -> None:
    write_tree(ali / "tree", [0, 1, 2, 3, 5, 4, 6, 7, 8])
    problem = (
        r"ali/final.mdl: is not of the tree beside it: phone 2, state 1 has pdf 4, which the tree does not"
        r" give it\n  fix: give .*ali the final.mdl and the tree of the system that aligned it"
    )
    with pytest.raises(HybridKdError, match=problem):
        read_alignment_model(ali)


def test_dev_and_training_alignments_of_different_trees_are_refused(ali: Path, tmp_path: Path) -> None:
    dev = tmp_path / "dev"
    shutil.copytree(ali, dev)
    model = read_alignment_model(ali)
    refuse_other_model(ali, model, dev)
    write_context_tree(
        dev / "tree",
        ContextTree(3, 1, TableEvent(1, (None, *(_states(first) for first in range(0, NUM_PDFS, 3))))),
    )
    with pytest.raises(HybridKdError, match=r"dev/tree: is another tree than .*ali/tree\n  fix: align train"):
        refuse_other_model(ali, model, dev)
    (dev / "tree").unlink()
    refuse_other_model(ali, model, dev)


def _states(first: int) -> TableEvent:
    return TableEvent(-1, tuple(ConstantEvent(first + state) for state in range(STATES_PER_PHONE)))


def test_training_refuses_a_final_mdl_of_another_system_in_both_directories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = make_tiny_experiment(tmp_path / "tiny")
    for ali_dir in (tiny.train_ali, tiny.dev_ali):
        write_tree(ali_dir / "tree", range(NUM_PDFS + STATES_PER_PHONE))
    assert main(["train", *tiny.train_args(tmp_path / "out")]) == 1
    problem = "train_ali/final.mdl: is not of the tree beside it: it has 9 pdfs, the tree 12"
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
