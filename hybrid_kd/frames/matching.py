"""Whether an utterance's alignment fits its frames."""

import numpy as np
from jaxtyping import Int32

from hybrid_kd.archives.transition_model import TransitionModel, transition_ids_to_pdf_ids


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
        raise DisagreementError("no alignment")
    if abs(len(transition_ali) - num_frames) > frame_tolerance:
        detail = f"alignment has {len(transition_ali)} frames, features have {num_frames}"
        raise DisagreementError("frame mismatch", detail)
    try:
        return transition_ids_to_pdf_ids(transition_ali, transition_model)[:num_frames]
    except ValueError as error:
        raise DisagreementError("transition-ids beyond the model", str(error)) from error
