"""final.mdl of an alignment directory: checked against the tree beside it, which is of the same system."""

from pathlib import Path

import numpy as np

from hybrid_kd.archives.context_tree import ContextTree, read_context_tree
from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.errors import HybridKdError


def read_alignment_model(ali_dir: Path) -> TransitionModel:
    """Read final.mdl; where the directory has a tree, every pdf of final.mdl must be one of the tree's.

    Raises: HybridKdError, also if final.mdl and the tree are of different systems.
    """
    model = read_transition_model(ali_dir / "final.mdl")
    if (ali_dir / "tree").is_file():
        problem = _disagreement(model, read_context_tree(ali_dir / "tree"))
        if problem is not None:
            fix = f"give {ali_dir} the final.mdl and the tree of the system that aligned it"
            raise HybridKdError.at(ali_dir / "final.mdl", f"is not of the tree beside it: {problem}", fix=fix)
    return model


def refuse_other_model(train_ali: Path, model: TransitionModel, dev_ali: Path) -> None:
    """Compare final.mdl and tree of a second alignment directory with those of the first.

    Raises: HybridKdError if they are of different systems.
    """
    other = read_alignment_model(dev_ali)
    fix = "align train and dev with the same model"
    if not np.array_equal(model.transition_id_to_pdf_id, other.transition_id_to_pdf_id):
        first = f"{train_ali / 'final.mdl'} ({model.num_pdfs} pdfs)"
        problem = f"is of another tree ({other.num_pdfs} pdfs) than {first}"
        raise HybridKdError.at(dev_ali / "final.mdl", problem, fix=fix)
    trees = [ali_dir / "tree" for ali_dir in (train_ali, dev_ali)]
    if all(tree.is_file() for tree in trees) and read_context_tree(trees[0]) != read_context_tree(trees[1]):
        raise HybridKdError.at(trees[1], f"is another tree than {trees[0]}", fix=fix)


def _disagreement(model: TransitionModel, tree: ContextTree) -> str | None:
    """The first state of final.mdl whose pdf the tree does not give it, in words."""
    if model.num_pdfs != tree.num_pdfs:
        return f"it has {model.num_pdfs} pdfs, the tree {tree.num_pdfs}"
    states_of = model.topology.states_by_phone()
    known: dict[tuple[int, int], frozenset[int]] = {}
    for phone, hmm_state, *pdf_ids in model.triples.tolist():
        state = states_of[phone][hmm_state]
        classes = (state.forward_pdf_class, state.self_loop_pdf_class)
        for pdf_id, pdf_class in zip(pdf_ids, classes, strict=True):
            key = phone, pdf_class
            if key not in known:
                known[key] = frozenset(tree.pdf_ids(phone, pdf_class))
            if pdf_id not in known[key]:
                return f"phone {phone}, state {hmm_state} has pdf {pdf_id}, which the tree does not give it"
    return None
