"""Directories of Kaldi's nnet1 (steps/nnet/train.sh makes them) from model directories of ours, and back."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from hybrid_kd.archives.alignments import alignment_archives, read_alignment_dir
from hybrid_kd.archives.nnet1 import Component, read_nnet1, write_nnet1
from hybrid_kd.archives.pdf_counts import write_pdf_counts
from hybrid_kd.archives.transition_model import (
    TransitionModel,
    read_transition_model,
    transition_ids_to_pdf_ids,
    write_transition_model_text,
)
from hybrid_kd.config import options_to_dict
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.alignment_model import read_alignment_model
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.model_dir import COUNTS, FINAL, copy_alignment_files, load_model, save_networks
from hybrid_kd.network.nnet1 import (
    coefs_not_kept,
    dnn_to_nnet1,
    fold_input,
    nnet1_to_dnn,
    write_feature_transform,
)
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import PROVENANCE, RunRecord
from hybrid_kd.tally import Tally

logger = logging.getLogger(__name__)

# steps/nnet/decode.sh acts on these, and none of them is true of our features.
NOT_BESIDE = ("online_cmvn_opts", "cmvn_opts", "delta_opts", "ivector_dim", "prior_counts")
WHAT_FITS = (
    "give a network of hidden layers of one size and one nonlinearity (<Sigmoid>, or <ParametricRelu> with"
    " alpha 1 and beta 0), <AffineTransform> and <Softmax>, on frames that are spliced and normalised"
)


@dataclass(frozen=True)
class Nnet1Files:
    """A network of nnet1, its feature transform (none if the network begins with it), its alignment."""

    nnet: Path
    feature_transform: Path | None
    ali: Path


def import_nnet1(files: Nnet1Files, out: Path) -> None:
    """Make a model directory of a network of nnet1; a finished one of the same files is left as it is.

    Raises: HybridKdError if the network is none that ours can be, or of another tree than the alignment, or
    if ``out`` was begun with other files.
    """
    network, splice = _read_network(files)
    model = read_alignment_model(files.ali)
    if network.shape.num_pdfs != model.num_pdfs:
        raise HybridKdError.at(
            files.nnet,
            f"gives {network.shape.num_pdfs} pdfs, {files.ali / 'final.mdl'} has {model.num_pdfs}",
            fix="give the alignment that the network was trained on, or one of the same tree",
        )
    record = RunRecord(
        out, out / PROVENANCE, _provenance(files), options={}, config=_config(files, network, splice)
    )
    if record.is_finished(out / FINAL):
        return
    write_pdf_counts(out / COUNTS, count_pdfs(files.ali, model) + 0.5)
    copy_alignment_files(files.ali, out)
    record.write()
    write_feature_transform(out / "feature_transform", network, splice)
    save_networks(out / FINAL, (network,), splice)


def count_pdfs(ali_dir: Path, model: TransitionModel) -> Float64[np.ndarray, " pdfs"]:
    """How often each pdf occurs in an alignment directory.

    Raises: HybridKdError if over 1 % of the utterances have transition_ids that the model lacks.
    """
    counts, tally = np.zeros(model.num_pdfs), Tally(ali_dir)
    for utt_id, transition_ali in read_alignment_dir(ali_dir):
        try:
            pdf_ali = transition_ids_to_pdf_ids(transition_ali, model)
        except ValueError as error:
            tally.left_out(utt_id, "transition-ids beyond the model", str(error))
            continue
        counts += np.bincount(pdf_ali, minlength=model.num_pdfs)
        tally.done()
    tally.close(fix=f"give {ali_dir} its own final.mdl")
    return counts


def _read_network(files: Nnet1Files) -> tuple[Dnn, Splice]:
    nnet = read_nnet1(files.nnet)
    front: tuple[Component, ...] = ()
    if files.feature_transform is not None:
        front = read_nnet1(files.feature_transform)
        with _naming(files.feature_transform):
            fold_input(front)
        found, wanted = front[-1].output_dim, nnet[0].input_dim
        if found != wanted:
            raise HybridKdError.at(
                files.nnet,
                f"takes {wanted} coefficients, {files.feature_transform} gives {found}",
                fix="give the feature transform that the network was trained with",
            )
    if forgotten := coefs_not_kept(nnet):
        logger.warning("%s: not kept, since `train` has its own: %s", files.nnet, ", ".join(forgotten))
    with _naming(files.nnet):
        return nnet1_to_dnn([*front, *nnet])


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise HybridKdError.at(path, f"has {error}: hybrid_kd has no such network", fix=WHAT_FITS) from error


def _provenance(files: Nnet1Files) -> dict[str, Any]:
    inputs: dict[str, Path | Sequence[Path]] = {"nnet": files.nnet, "final.mdl": files.ali / "final.mdl"}
    if files.feature_transform is not None:
        inputs["feature_transform"] = files.feature_transform
    return collect_provenance({**inputs, "ali": alignment_archives(files.ali)})


def _config(files: Nnet1Files, network: Dnn, splice: Splice) -> dict[str, Any]:
    """Where it comes from, and the options of `hybrid-kd train` that fit it (with --init)."""
    shape = {name: getattr(network.shape, name) for name in ("hidden_layers", "hidden_dim", "activation")}
    return options_to_dict(files) | shape | asdict(splice)


def export_nnet1(model_dir: Path, out: Path, *, logit_scale: float = 1.0) -> None:
    """Write what Kaldi's steps/nnet/decode.sh reads; final.nnet comes last, its logits times ``logit_scale``.

    Raises: HybridKdError for an ensemble, a network of another tree than its final.mdl or too large weights,
    or an ``out`` that holds what decode.sh would act on.
    """
    model = load_model(model_dir, logit_scale=logit_scale)
    if len(model.networks) > 1:
        raise HybridKdError.at(
            model_dir,
            f"is an ensemble of {len(model.networks)} networks, which nnet1 has no place for",
            fix="export one of its members, or a student that learnt from it",
        )
    transition_model = read_transition_model(model_dir / "final.mdl")
    if transition_model.num_pdfs != model.num_pdfs:
        raise HybridKdError.at(
            model_dir / "final.mdl",
            f"has {transition_model.num_pdfs} pdfs, the network has {model.num_pdfs}",
            fix="restore the file that was written beside the network",
        )
    for name in (*NOT_BESIDE, FINAL):
        if (out / name).exists():
            raise HybridKdError.at(
                out, f"holds {name}, which must not lie beside an exported network", fix="give another --out"
            )
    (network,) = model.networks
    with np.errstate(over="ignore"):  # what overflows is refused below
        components = dnn_to_nnet1(network, logit_scale=model.logit_scale)
    if not all(np.isfinite(array).all() for component in components for array in component.arrays):
        problem = f"gives NaN or infinity at logit scale {logit_scale:g}, which nnet1 refuses"
        raise HybridKdError.at(
            model_dir / FINAL, problem, fix="train it again, or give a smaller --logit-scale"
        )
    copy_alignment_files(model_dir, out, also=(COUNTS,))
    if not (out / "tree").is_file():
        logger.warning("%s: has no tree; steps/nnet/decode.sh runs without one", model_dir)
    write_transition_model_text(out / "final.mdl", transition_model)
    write_feature_transform(out / "final.feature_transform", network, model.splice)
    write_nnet1(out / "final.nnet", components)
