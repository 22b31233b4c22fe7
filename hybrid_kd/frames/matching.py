"""Whether an utterance's alignment fits its frames, and what to do where too many do not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32

from hybrid_kd.archives.transition_model import TransitionModel, transition_ids_to_pdf_ids

NO_ALIGNMENT, FRAME_MISMATCH, STRANGE_IDS = (
    "no alignment",
    "frame mismatch",
    "transition-ids beyond the model",
)
COMMON_SHARE = 0.9
MAX_FACTOR = 10
MAX_TOLERANCE = 10  # frames; who differs by more has another alignment


class DisagreementError(Exception):
    """Why a well-formed utterance is left out: a reason of a few words and, for the log, a detail."""


def matching_pdf_ali(
    num_frames: int,
    transition_ali: Int32[np.ndarray, " _"] | None,
    transition_model: TransitionModel,
    *,
    frame_tolerance: int = 0,
) -> Int32[np.ndarray, " _"]:
    """The pdf_ids (0-based) of an utterance, cut to ``num_frames``; they may be fewer within the tolerance.

    Raises: DisagreementError if there is no alignment, or its length or its transition_ids do not fit.
    """
    if transition_ali is None:
        raise DisagreementError(NO_ALIGNMENT)
    if abs(len(transition_ali) - num_frames) > frame_tolerance:
        detail = f"alignment has {len(transition_ali)} frames, features have {num_frames}"
        raise DisagreementError(FRAME_MISMATCH, detail)
    try:
        return transition_ids_to_pdf_ids(transition_ali, transition_model)[:num_frames]
    except ValueError as error:
        raise DisagreementError(STRANGE_IDS, str(error)) from error


@dataclass(frozen=True)
class Lengths:
    """Frames of one utterance in two places that should have equally many."""

    given: int
    wanted: int


def fix_of_lengths(
    lengths: Sequence[Lengths], *, given: str, wanted: str, remedy: str, has_tolerance: bool
) -> str:
    """What to do about utterances of other lengths: names the frame rate if that is the reason.

    given, wanted: the two places in words. has_tolerance: whether the command has --frame-tolerance.
    """
    if (factor := _common_factor([(each.given, each.wanted) for each in lengths])) > 1:
        return (
            f"{given} have 1/{factor} of the frames of {wanted}: they are of a model with frame subsampling"
            f" {factor}; {remedy}, at the full frame rate"
        )
    if (factor := _common_factor([(each.wanted, each.given) for each in lengths])) > 1:
        return f"{wanted} have 1/{factor} of the frames of {given}: make both at one frame rate, or {remedy}"
    largest = max(abs(each.given - each.wanted) for each in lengths)
    if has_tolerance and largest <= MAX_TOLERANCE:
        return f"{remedy}, or allow the difference in length by --frame-tolerance {largest}"
    return remedy


def _common_factor(lengths: Sequence[tuple[int, int]]) -> int:
    """How many times as many frames the second has for nearly all, up to rounding; 1 if there is none."""
    factors = Counter(
        factor
        for few, many in lengths
        if few and 1 < (factor := round(many / few)) <= MAX_FACTOR and abs(many - factor * few) < factor
    )
    factor, count = factors.most_common(1)[0] if factors else (1, 0)
    return factor if count >= COMMON_SHARE * len(lengths) else 1
