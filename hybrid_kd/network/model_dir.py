"""A model's directory: it describes itself, and is all that decoding, labelling and retraining need.

config.yaml (all options), final.safetensors (weights), final.mdl, tree, phones.txt (of the alignment),
ali_train_pdf.counts (for the priors), feature_transform (Kaldi's nnet1 text), log/, train.jsonl,
provenance.json, SHA256SUMS (of the files that decide about its output; verified when it is loaded). With an
uncertainty head also uncertainty.safetensors, which serves to label and to report, not to decode.
"""

import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from hybrid_kd.archives.pdf_counts import read_pdf_counts
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures, join_utterances
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.json_files import build_record, parse_json
from hybrid_kd.network.checksums import verify_checksums, write_checksums
from hybrid_kd.network.dnn import Dnn, NetworkShape, fold_batch_norm
from hybrid_kd.network.priors import log_priors_from_counts
from hybrid_kd.network.tensor_file import not_a_network, read_tensors, tensors_to_bytes
from hybrid_kd.network.uncertainty import UNCERTAINTY, UncertaintyHead, load_uncertainty_head

FINAL = "final.safetensors"
COUNTS = "ali_train_pdf.counts"
ALIGNMENT_FILES = (
    "final.mdl",
    "tree",
    "phones.txt",
)  # the first is needed, the others are copied if they are there
LISTED = (*ALIGNMENT_FILES, COUNTS, "feature_transform", UNCERTAINTY)  # in SHA256SUMS, where they are there


@dataclass(frozen=True)
class AcousticModel:
    """Networks for inference, with the priors that decoding divides by.

    Several networks are one model whose posterior is their mean: logits = log mean_n softmax(logits_n).
    logit_scale: factor of the logits; T sharpens the flat posteriors of a student of constant temperature T.
    """

    path: Path
    networks: tuple[Dnn, ...]
    splice: Splice
    log_priors: Float32[Tensor, " pdfs"]
    logit_scale: float = 1.0

    @property
    def num_pdfs(self) -> int:
        return self.networks[0].shape.num_pdfs

    @property
    def uncertainty(self) -> UncertaintyHead | None:
        """The head of a single network that was trained with one."""
        return self.networks[0].uncertainty

    @property
    def feature_dim(self) -> int:
        """Coefficients of an unspliced frame."""
        window = self.splice.left_context + 1 + self.splice.right_context
        return self.networks[0].shape.input_dim // window

    @property
    def device(self) -> torch.device:
        return self.networks[0].shift.device

    @torch.inference_mode()
    def logits_of_spliced(self, spliced: Float[Tensor, "batch input"]) -> Float[Tensor, "batch pdfs"]:
        """Logits of frames that are spliced already (not normalised)."""
        if len(self.networks) == 1:
            return self.logit_scale * self.networks[0](spliced)  # type: ignore[no-any-return]
        log_posteriors = torch.stack([network(spliced).log_softmax(dim=1) for network in self.networks])
        logits = log_posteriors.double().logsumexp(0) - math.log(len(self.networks))
        return (self.logit_scale * logits).float()

    @torch.inference_mode()
    def outputs_of_spliced(
        self, spliced: Float[Tensor, "batch input"]
    ) -> tuple[Float[Tensor, "batch pdfs"], Float[Tensor, "batch pdfs"] | None]:
        """Logits, and how unsure the model is of each (sigma) if it has an uncertainty head."""
        if self.uncertainty is None:
            return self.logits_of_spliced(spliced), None
        logits, sigma = self.networks[0].outputs(spliced)
        assert sigma is not None
        return self.logit_scale * logits, self.logit_scale * sigma

    @torch.inference_mode()
    def logits(self, features: Float[Tensor, "frames dim"]) -> Float[Tensor, "frames pdfs"]:
        """Logits of one utterance's unspliced features."""
        utterance = join_utterances(
            [""],
            [features.cpu().numpy()],
            left_context=self.splice.left_context,
            right_context=self.splice.right_context,
        ).to(self.device)
        return self.logits_of_spliced(utterance.spliced(torch.arange(len(features), device=self.device)))

    def check_features(self, data_dir: Path, features: SplicedFeatures) -> None:
        """Raises: HybridKdError if the features have another dimension than those of the model's training."""
        dim = features.features.shape[1]
        if dim != self.feature_dim:
            raise HybridKdError.at(
                data_dir,
                f"features have {dim} coefficients, {self.path} was trained on {self.feature_dim}",
                fix="make these features as those of the model's training set were made",
            )


def save_networks(path: Path, networks: tuple[Dnn, ...], splice: Splice) -> None:
    """Write networks as ``N.name`` tensors of one file, without uncertainty heads; the rest is metadata.

    The other files of the directory are there already: SHA256SUMS lists them with ``path``.
    """
    tensors = {
        f"{index}.{name}": value
        for index, network in enumerate(networks)
        for name, value in network.state_dict().items()
        if not name.startswith("uncertainty.")
    }
    metadata = {
        "format": "hybrid_kd 1",
        "shapes": json.dumps([asdict(network.shape) for network in networks]),
        "splice": json.dumps(asdict(splice)),
    }
    content = tensors_to_bytes(tensors, metadata)
    write_checksums(path.parent, LISTED, coming=(path.name, content))
    with replace_file(path) as file:
        file.write(content)


def final_network_file(model_dir: Path) -> Path:
    """The network of a finished model.

    Raises: HybridKdError if there is no such directory, or if its training has not ended.
    """
    if not model_dir.is_dir():
        raise HybridKdError.at(
            model_dir, "no such model directory", fix="give what `hybrid-kd train --out` wrote"
        )
    if not (model_dir / FINAL).is_file():
        raise HybridKdError.at(
            model_dir, f"has no {FINAL}", fix="finish its training: the same command continues"
        )
    return model_dir / FINAL


def load_networks(model_dir: Path, *, device: str | torch.device = "cpu") -> tuple[tuple[Dnn, ...], Splice]:
    """Read what ``save_networks`` wrote, batch normalisation and all (what retraining starts from).

    Raises: HybridKdError if the file is missing, damaged, not finite or not ours.
    """
    path = final_network_file(model_dir)
    verify_checksums(model_dir)
    tensors, metadata = read_tensors(path, device=device)
    try:
        shapes, splice = _parse_metadata(metadata)
        networks = tuple(_build(shape, f"{index}.", tensors) for index, shape in enumerate(shapes))
    except (ValueError, RuntimeError) as error:
        raise not_a_network(path, error) from error
    return tuple(network.to(device) for network in networks), splice


def _parse_metadata(metadata: dict[str, str]) -> tuple[list[NetworkShape], Splice]:
    """Raises: ValueError if it describes no network."""
    contents = parse_json(metadata.get("shapes", "null"))
    if not isinstance(contents, list) or not contents:
        raise ValueError("its metadata has no shapes")
    shapes = [build_record(NetworkShape, content) for content in contents]
    splice = build_record(Splice, parse_json(metadata.get("splice", "null")))
    window = splice.left_context + 1 + splice.right_context
    for shape in shapes:
        if min(splice.left_context, splice.right_context) < 0 or shape.input_dim % window:
            raise ValueError(f"{shape.input_dim} inputs are not {window} frames")
        if (shape.input_dim, shape.num_pdfs) != (shapes[0].input_dim, shapes[0].num_pdfs):
            raise ValueError("its networks have different inputs or pdfs")
    return shapes, splice


def _build(shape: NetworkShape, prefix: str, tensors: dict[str, Tensor]) -> Dnn:
    """The network, of tensors that have the sizes which ``shape`` says: compared before memory is taken."""
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if shape.hidden_layers > len(own):
        raise ValueError(f"{len(own)} tensors for {shape.hidden_layers} hidden layers")
    with torch.device("meta"):
        expected = {name: value.shape for name, value in Dnn(shape).state_dict().items()}
    for name in sorted(expected.keys() | own.keys()):
        if (found := own[name].shape if name in own else None) != (wanted := expected.get(name)):
            raise ValueError(f"{name} is {_in_words(found)}, expected {_in_words(wanted)}")
    network = Dnn(shape)
    network.load_state_dict(own)
    return network


def _in_words(shape: torch.Size | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape)) or "a number"


def load_model(path: Path, *, device: str | torch.device = "cpu", logit_scale: float = 1.0) -> AcousticModel:
    """Load a model directory for inference (batch normalisation folded).

    Raises: HybridKdError if a file is missing or broken, if the counts are of another number of pdfs, or if
    ``logit_scale`` is out of range.
    """
    if not 1e-6 <= logit_scale <= 1e6:
        raise HybridKdError.at("--logit-scale", f"{logit_scale} is out of range", fix="give 1e-6 to 1e6")
    networks, splice = load_networks(path, device=device)
    counts = read_pdf_counts(path / COUNTS)
    if len(counts) != networks[0].shape.num_pdfs:
        raise HybridKdError.at(
            path / COUNTS,
            f"counts of {len(counts)} pdfs, the network has {networks[0].shape.num_pdfs}",
            fix="restore the file that training wrote beside the network",
        )
    folded = tuple(fold_batch_norm(network.eval()) for network in networks)
    log_priors = torch.from_numpy(_log_priors(path / COUNTS, counts)).float()
    shape = networks[0].shape
    folded[0].uncertainty = load_uncertainty_head(path, shape.hidden_dim, shape.num_pdfs, device=device)
    return AcousticModel(path, folded, splice, log_priors.to(device), logit_scale)


def _log_priors(path: Path, counts: Float64[np.ndarray, " pdfs"]) -> Float32[np.ndarray, " pdfs"]:
    try:
        return log_priors_from_counts(counts)
    except ValueError as error:
        fix = "restore the file that training wrote beside the network"
        raise HybridKdError.at(path, str(error), fix=fix) from error


def copy_alignment_files(source_dir: Path, out: Path, *, also: tuple[str, ...] = ()) -> None:
    """Copy final.mdl, and tree and phones.txt where they are, from an alignment or model directory."""
    for name in ALIGNMENT_FILES + also:
        source = source_dir / name
        if source.is_file():
            with replace_file(out / name) as target, source.open("rb") as file:
                shutil.copyfileobj(file, target)
