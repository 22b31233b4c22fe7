"""Features and their reference alignment: what a network is trained and validated on."""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64
from torch import Tensor

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.data_dir import read_data_dir, read_features
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures, join_utterances
from hybrid_kd.frames.matching import (
    FRAME_MISMATCH,
    NO_ALIGNMENT,
    STRANGE_IDS,
    DisagreementError,
    Lengths,
    fix_of_lengths,
    matching_pdf_ali,
)
from hybrid_kd.frames.normalisation import Normalisation, estimate_normalisation
from hybrid_kd.tally import Tally

logger = logging.getLogger(__name__)

NO_FRAMES, NOT_FINITE = "no frames", "NaN or infinite features"


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

    def select(self, num_frames: Mapping[int, int]) -> "LabelledFrames":
        """The first frames of some utterances, by their rising index; the same object where that is all."""
        if sum(num_frames.values()) == self.num_frames:
            return self
        inputs = self.inputs
        offsets = inputs.utt_offsets.tolist()
        spans = [slice(offsets[utt], offsets[utt] + number) for utt, number in num_frames.items()]
        selected = join_utterances(
            [inputs.utt_ids[utt] for utt in num_frames],
            [inputs.features[span].cpu().numpy() for span in spans],
            left_context=inputs.left_context,
            right_context=inputs.right_context,
        )
        pdf_ali = torch.cat([self.pdf_ali[span].cpu() for span in spans])
        return LabelledFrames(selected, pdf_ali).to(self.pdf_ali.device)

    @cached_property
    def normalisation(self) -> Normalisation:
        """Mean 0 and variance 1 of the spliced frames; estimated once, however many students share them."""
        return estimate_normalisation(self.inputs)

    @cached_property
    def sha256(self) -> str:
        """Hash of the features and of the alignment."""
        return hashlib.sha256(self.inputs.sha256.encode() + self.pdf_ali.cpu().numpy().tobytes()).hexdigest()


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
    frame_tolerance: int | None = None,
) -> LabelledFrames:
    """Read features and alignment of every utterance that has both, in the order of the data directory.

    Utterances without alignment, with other lengths (beyond ``frame_tolerance`` frames; within it the longer
    one is cut at its end, as Kaldi's nnet1 does) or with bad values are warned of, counted and left out.
    None stands for a command that has no --frame-tolerance.

    Raises: HybridKdError if over 1 % are left out, or none is good, or the dimension changes.
    """
    alignments = dict(read_alignment_dir(ali_dir))
    tally, other_lengths = Tally(data_dir), list[Lengths]()
    utterances: dict[str, tuple[Float32[np.ndarray, "_ dim"], Int32[np.ndarray, " _"]]] = {}
    dim = 0
    for utt_id, features in read_features(read_data_dir(data_dir)):
        try:
            _check_features(features)
            transition_ali = alignments.get(utt_id)
            pdf_ali = matching_pdf_ali(
                len(features), transition_ali, transition_model, frame_tolerance=frame_tolerance or 0
            )
        except DisagreementError as disagreement:
            tally.left_out(utt_id, *disagreement.args)
            if disagreement.args[0] == FRAME_MISMATCH and transition_ali is not None:
                other_lengths.append(Lengths(len(transition_ali), len(features)))
            continue
        dim = _same_dim(data_dir, utt_id, dim, features.shape[1])
        utterances[utt_id] = (features[: len(pdf_ali)], pdf_ali)
        tally.done()
    has_tolerance = frame_tolerance is not None
    tally.close(fix=_fixes(data_dir, ali_dir, alignments, other_lengths, has_tolerance=has_tolerance))
    inputs = join_utterances(
        list(utterances),
        [features for features, _ in utterances.values()],
        left_context=splice.left_context,
        right_context=splice.right_context,
    )
    pdf_ali = np.concatenate([ali for _, ali in utterances.values()]).astype(np.int64)
    return LabelledFrames(inputs, torch.from_numpy(pdf_ali))


def _fixes(
    data_dir: Path,
    ali_dir: Path,
    aligned: Collection[str],
    other_lengths: Sequence[Lengths],
    *,
    has_tolerance: bool,
) -> dict[str, str]:
    """What to do, by the reason for which utterances are left out."""
    of_features = "make these features again; the warnings above name the utterances"
    fixes = {
        NO_FRAMES: of_features,
        NOT_FINITE: of_features,
        NO_ALIGNMENT: f"align all of {data_dir}, or give a data directory of what {ali_dir} has"
        f" ({len(aligned)} utterances, such as '{next(iter(aligned), '')}')",
        STRANGE_IDS: f"give {ali_dir} its own final.mdl",
    }
    if other_lengths:
        fixes[FRAME_MISMATCH] = fix_of_lengths(
            other_lengths,
            given="the alignments",
            wanted="the features",
            remedy=f"align the feats.scp of {data_dir}",
            has_tolerance=has_tolerance,
        )
    return fixes


def load_features(data_dir: Path, *, splice: Splice) -> SplicedFeatures:
    """Read the features of every utterance of a data directory (no alignment needed)."""
    tally = Tally(data_dir)
    utterances: dict[str, Float32[np.ndarray, "_ dim"]] = {}
    dim = 0
    for utt_id, features in read_features(read_data_dir(data_dir)):
        try:
            _check_features(features)
        except DisagreementError as disagreement:
            tally.left_out(utt_id, *disagreement.args)
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


def _check_features(features: Float32[np.ndarray, "_ dim"]) -> None:
    if not len(features):
        raise DisagreementError(NO_FRAMES)
    if not np.isfinite(features).all():
        raise DisagreementError(NOT_FINITE)


def _same_dim(data_dir: Path, utt_id: str, expected: int, found: int) -> int:
    if expected not in (0, found):
        raise HybridKdError.at(
            data_dir,
            f"features have {found} coefficients, those before have {expected}",
            key=utt_id,
            fix="make all features of a data directory in the same way",
        )
    return found
