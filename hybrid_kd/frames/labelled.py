"""Features and their reference alignment: what a network is trained and validated on."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64
from torch import Tensor

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.data_dir import read_data_dir, read_features
from hybrid_kd.archives.transition_model import TransitionModel, transition_ids_to_pdf_ids
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures, join_utterances
from hybrid_kd.tally import Tally

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledFrames:
    """Frames with the pdf_id (0-based) that the forced alignment gives to each."""

    inputs: SplicedFeatures
    pdf_ali: Int64[Tensor, " frames"]

    @property
    def num_frames(self) -> int:
        return self.inputs.num_frames

    def to(self, device: torch.device) -> "LabelledFrames":
        """The same, on ``device``."""
        return LabelledFrames(self.inputs.to(device), self.pdf_ali.to(device))

    def sha256(self) -> str:
        """Hash of the features and of the alignment."""
        return hashlib.sha256(
            self.inputs.sha256().encode() + self.pdf_ali.cpu().numpy().tobytes()
        ).hexdigest()


@dataclass(frozen=True)
class Splice:
    """How many frames before and after each one the network sees."""

    left_context: int = 5
    right_context: int = 5


def load_labelled_frames(
    data_dir: Path,
    ali_dir: Path,
    transition_model: TransitionModel,
    *,
    splice: Splice,
    frame_tolerance: int = 0,
) -> LabelledFrames:
    """Read features and alignment of every utterance that has both, in the order of the data directory.

    Utterances without alignment, with other lengths (beyond ``frame_tolerance`` frames; within it the longer
    one is cut at its end, as Kaldi's nnet1 does) or with bad values are warned of, counted and left out.

    Raises: HybridKdError if over 1 % are left out, or none is good, or the dimension changes.
    """
    pdf_alis = _read_pdf_alis(ali_dir, transition_model)
    utterances = _read_matching(data_dir, pdf_alis, ali_dir=ali_dir, frame_tolerance=frame_tolerance)
    inputs = join_utterances(
        list(utterances),
        [features for features, _ in utterances.values()],
        left_context=splice.left_context,
        right_context=splice.right_context,
    )
    pdf_ali = np.concatenate([ali for _, ali in utterances.values()]).astype(np.int64)
    return LabelledFrames(inputs, torch.from_numpy(pdf_ali))


def load_features(data_dir: Path, *, splice: Splice) -> SplicedFeatures:
    """Read the features of every utterance of a data directory (no alignment needed)."""
    tally = Tally(data_dir)
    utterances: dict[str, Float32[np.ndarray, "_ dim"]] = {}
    dim = 0
    for utt_id, features in read_features(read_data_dir(data_dir)):
        problem = _feature_problem(features)
        if problem:
            tally.left_out(utt_id, problem)
            continue
        dim = _same_dim(data_dir, utt_id, dim, features.shape[1])
        utterances[utt_id] = features
        tally.done()
    tally.close(fix="make the features again; the warnings above name the utterances")
    return join_utterances(
        list(utterances),
        list(utterances.values()),
        left_context=splice.left_context,
        right_context=splice.right_context,
    )


def _read_pdf_alis(ali_dir: Path, transition_model: TransitionModel) -> dict[str, Int32[np.ndarray, " _"]]:
    pdf_alis = {}
    for utt_id, transition_ali in read_alignment_dir(ali_dir):
        try:
            pdf_alis[utt_id] = transition_ids_to_pdf_ids(transition_ali, transition_model)
        except ValueError as error:
            raise HybridKdError.at(
                ali_dir, str(error), key=utt_id, fix="use the final.mdl that made this alignment"
            ) from error
    return pdf_alis


def _read_matching(
    data_dir: Path,
    pdf_alis: dict[str, Int32[np.ndarray, " _"]],
    *,
    ali_dir: Path,
    frame_tolerance: int,
) -> dict[str, tuple[Float32[np.ndarray, "_ dim"], Int32[np.ndarray, " _"]]]:
    tally = Tally(data_dir)
    utterances = {}
    dim = 0
    for utt_id, features in read_features(read_data_dir(data_dir)):
        pdf_ali = pdf_alis.get(utt_id)
        problem = _feature_problem(features)
        if pdf_ali is None:
            tally.left_out(utt_id, "no alignment", str(ali_dir))
        elif problem:
            tally.left_out(utt_id, problem)
        elif abs(len(pdf_ali) - len(features)) > frame_tolerance:
            tally.left_out(
                utt_id,
                "frame mismatch",
                f"alignment has {len(pdf_ali)} frames, features have {len(features)}",
            )
        else:
            dim = _same_dim(data_dir, utt_id, dim, features.shape[1])
            length = min(len(pdf_ali), len(features))
            utterances[utt_id] = (features[:length], pdf_ali[:length])
            tally.done()
    tally.close(
        fix=f"align {ali_dir} with the feats.scp that you train on, or allow small differences with"
        " --frame-tolerance 3"
    )
    return utterances


def _feature_problem(features: Float32[np.ndarray, "_ dim"]) -> str:
    if not len(features):
        return "no frames"
    return "" if np.isfinite(features).all() else "NaN or infinite features"


def _same_dim(data_dir: Path, utt_id: str, expected: int, found: int) -> int:
    if expected not in (0, found):
        raise HybridKdError.at(
            data_dir,
            f"features have {found} coefficients, those before have {expected}",
            key=utt_id,
            fix="make all features of a data directory in the same way",
        )
    return found
