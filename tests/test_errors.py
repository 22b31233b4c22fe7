"""The user's error: its text, and that it survives a process pool."""

import pickle
from pathlib import Path

from hybrid_kd.errors import HybridKdError


def test_the_text_is_place_problem_and_fix() -> None:
    error = HybridKdError.at(
        Path("exp/tri3b_ali/ali.3.gz"),
        "alignment has 412 frames, features have 415",
        fix="align with the feats.scp that you train on",
        key="fash_an251_BUS_SIMU",
    )
    assert str(error) == (
        "exp/tri3b_ali/ali.3.gz, utterance 'fash_an251_BUS_SIMU': "
        "alignment has 412 frames, features have 415\n"
        "  fix: align with the feats.scp that you train on"
    )


def test_without_a_key_only_the_place_is_named() -> None:
    assert (
        str(HybridKdError.at("--out", "is empty", fix="give a path")) == "--out: is empty\n  fix: give a path"
    )


def test_it_survives_pickling() -> None:
    error = HybridKdError.at("a", "b", fix="c", key="d")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is HybridKdError
    assert str(again) == str(error)
