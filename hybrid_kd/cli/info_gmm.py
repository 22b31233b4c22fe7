"""Models of Kaldi's kind, trees and the directories that hold them in words, for ``hybrid-kd info``."""

from pathlib import Path
from typing import Any

from hybrid_kd.errors import HybridKdError
from hybrid_kd.run_record import CONFIG, PROVENANCE, made_by


def describe_transition_model(path: Path) -> list[str]:
    """A final.mdl: TransitionModel, and the GMMs behind it where they are there."""
    from hybrid_kd.archives.transition_model import read_model_file

    return _describe_model(read_model_file(path))


def _describe_model(file: Any) -> list[str]:
    """A ModelFile."""
    model = file.transition_model
    topology = "HMM" if model.topology.is_hmm else "chain (self-loops have pdfs of their own)"
    lines = [
        f"  transition model: {model.num_pdfs} pdfs, {model.num_transition_ids} transition-ids, "
        f"{len(model.triples)} triples, {len(model.phones)} phones, {topology} topology"
    ]
    if file.gmm is not None:
        lines.append(f"  GMMs: {file.gmm.num_gaussians} Gaussians over {file.gmm.feature_dim} coefficients")
    return lines


def describe_tree(path: Path) -> list[str]:
    """A decision tree."""
    from hybrid_kd.archives.context_tree import read_context_tree

    return _describe_context_tree(read_context_tree(path))


def _describe_context_tree(tree: Any) -> list[str]:
    left, right = tree.central_position, tree.context_width - 1 - tree.central_position
    return [f"tree: {tree.num_pdfs} pdfs, {left} phones of context to the left, {right} to the right"]


def describe_topology(path: Path) -> list[str]:
    """A topo: how many states phones have."""
    from hybrid_kd.archives.topology import read_topology

    topology = read_topology(path)
    entries = [f"{len(entry.phones)} of {len(entry.states) - 1} states" for entry in topology.entries]
    return [f"topology: {len(topology.phones)} phones, {', '.join(entries)}"]


def describe_questions(path: Path) -> list[str]:
    """questions.qst: how many sets of values a tree could ask for, by key."""
    from hybrid_kd.archives.context_tree import PDF_CLASS_KEY
    from hybrid_kd.gmm.questions import read_questions

    by_key = read_questions(path).by_key
    return [
        "questions of a tree",
        *(
            f"  {'pdf class' if key == PDF_CLASS_KEY else f'position {key}'}: {len(sets)} sets"
            for key, sets in sorted(by_key.items())
        ),
    ]


def describe_gmm_dir(path: Path) -> list[str]:
    """A model directory, or one of alignments: both may hold both."""
    from hybrid_kd.archives.alignments import alignment_archives
    from hybrid_kd.archives.transition_model import read_model_file

    num_jobs = len(alignment_archives(path)) if any(path.glob("ali.*.gz")) else 0
    if _was_trained_here(path):
        title = "GMM model directory" + (f" with its alignments: {num_jobs} jobs" if num_jobs else "")
    else:
        title = f"alignment directory: {num_jobs} jobs"
    file = read_model_file(path / "final.mdl") if (path / "final.mdl").is_file() else None
    model = None if file is None else file.transition_model
    lines = [title, *(_describe_alignments(path, model) if num_jobs else [])]
    lines += [_without_model(path)] if file is None else _describe_model(file)
    if (path / "tree").is_file():
        lines += _describe_tree_of(path, model)
    if (path / "cmvn_opts").is_file():
        lines += [_describe_features(path)]
    return [*lines, *_describe_transforms(path), *made_by(path / PROVENANCE)]


def _was_trained_here(path: Path) -> bool:
    """Training leaves questions of its tree, graphs (Kaldi), or its options."""
    from hybrid_kd.config import read_yaml

    if any((path / name).exists() for name in ("questions.qst", "fsts.1.gz")):
        return True
    if (path / CONFIG).is_file():
        return "num_gauss" in read_yaml(path / CONFIG)
    return not any(path.glob("ali.*.gz"))


def _without_model(path: Path) -> str:
    from hybrid_kd.gmm.training_state import CHECKPOINT

    began = (path / CHECKPOINT).is_file()
    return "  no final.mdl" + (": the training is not finished" if began else "")


def _describe_alignments(path: Path, model: Any) -> list[str]:
    """All alignments, compared with the TransitionModel if there is one.

    Raises: HybridKdError for a transition-id that it lacks.
    """
    from hybrid_kd.archives.alignments import read_alignment_dir
    from hybrid_kd.archives.table_kinds import TableSummary
    from hybrid_kd.archives.transition_model import transition_ids_to_pdf_ids

    alignment = TableSummary("alignments", words={"items": "frames", "values": "transition-ids"})
    for utt_id, transition_ali in read_alignment_dir(path):
        alignment.add(utt_id, transition_ali)
        try:
            if model is not None:
                transition_ids_to_pdf_ids(transition_ali, model)
        except ValueError as error:
            raise HybridKdError.at(path, str(error), fix="align with this final.mdl", key=utt_id) from error
    return [f"  {line}" for line in alignment.lines()]


def _describe_tree_of(path: Path, model: Any) -> list[str]:
    """The tree of a directory.

    Raises: HybridKdError if tree and TransitionModel have other pdfs.
    """
    from hybrid_kd.archives.context_tree import read_context_tree

    tree = read_context_tree(path / "tree")
    if model is not None and tree.num_pdfs != model.num_pdfs:
        problem = f"tree of {tree.num_pdfs} pdfs, final.mdl has {model.num_pdfs}"
        raise HybridKdError.at(path / "tree", problem, fix="copy tree and final.mdl of one training")
    return [f"  {line}" for line in _describe_context_tree(tree)]


def _describe_features(path: Path) -> str:
    """How the frames are made of MFCC."""
    from hybrid_kd.frontend.model_features import read_feature_kind

    kind = read_feature_kind(path)
    normalised = " and variances" if kind.cmvn.norm_vars else ""
    words = ["MFCC", f"CMVN of means{normalised}" if kind.cmvn.norm_means else "no CMVN"]
    if kind.matrix is None:
        words.append(f"deltas to order {kind.delta.delta_order}")
    else:
        rows, columns = kind.matrix.shape
        words.append(f"splicing -{kind.splice.left_context}..{kind.splice.right_context}")
        words.append(f"final.mat {rows} x {columns}")
    has_fmllr = (path / "final.alimdl").is_file() or (path / "trans.1").is_file()
    return f"  features: {', '.join(words + (['fMLLR'] if has_fmllr else []))}"


def _describe_transforms(path: Path) -> list[str]:
    from hybrid_kd.cli.info_tables import describe_archives

    lines = []
    if (path / "final.alimdl").is_file():
        transition_model, *gmms = describe_transition_model(path / "final.alimdl")
        lines = ["  final.alimdl, for frames without fMLLR:", f"  {transition_model}"]
        lines += [f"  {line}" for line in gmms]
    return lines + describe_archives(sorted(path.glob("trans.*")))
