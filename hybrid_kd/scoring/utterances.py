"""What utterance ids say in CHiME-4's convention: `F05_442C020A_BUS_REAL`, `F01_22GC010A_BUS.CH5_SIMU`."""

import re

ENVIRONMENTS = {"BUS": "BUS", "CAF": "CAFE", "PED": "PEDESTRIAN", "STR": "STREET"}  # id part: printed name
_ENVIRONMENT = re.compile(r"_(BUS|CAF|PED|STR)(?=[_.]|$)")
_KIND = re.compile(r"_(SIMU|REAL)$")


def environment(utt_id: str) -> str | None:
    """BUS, CAF, PED or STR; None where the id names no environment."""
    match = _ENVIRONMENT.search(utt_id)
    return match[1] if match else None


def speaker(utt_id: str) -> str:
    """What stands before the first ``_``, or before the first ``-`` in ids without one."""
    return utt_id.partition("_" if "_" in utt_id else "-")[0]


def kind(utt_id: str) -> str | None:
    """simu or real; None where the id does not say."""
    match = _KIND.search(utt_id)
    return match[1].lower() if match else None


def clean_utterance(utt_id: str) -> str:
    """The id without environment: the same for all recordings and mixtures of one sentence by one speaker."""
    match = _ENVIRONMENT.search(utt_id)
    return utt_id[: match.start()] if match else utt_id
