"""``hybrid-kd gmm ...``: flags, and which stage a command runs."""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.config import parse_options
from hybrid_kd.gmm.options import THREAD_VARIABLES

TRAIN = ["--data", "data/train", "--lang", "data/lang", "--out", "exp/x"]
TRIPHONE = [*TRAIN, "--ali", "exp/ali", "--num-leaves", "500", "--num-gauss", "6000"]
COMMANDS = {
    "mono": ("stages", "train_mono", TRAIN),
    "deltas": ("stages", "train_deltas", TRIPHONE),
    "lda_mllt": ("stages", "train_lda_mllt", TRIPHONE),
    "sat": ("stages", "train_sat", TRIPHONE),
    "align": ("align", "align_directory", [*TRAIN, "--model", "exp/tri3b"]),
    "decode_fmllr": (
        "decode_fmllr",
        "decode_fmllr",
        ["--data", "data/dt", "--graph", "exp/tri3b/graph", "--model", "exp/tri3b", "--out", "exp/x"],
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_runs_its_stage_in_one_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module_name, function, args = COMMANDS[name]
    command = importlib.import_module(f"hybrid_kd.cli.gmm_{name}")
    options = parse_options(command.Options, [*args, "--nj", "3"], prog="hybrid-kd gmm")
    ran: list[Any] = []
    monkeypatch.setattr(f"hybrid_kd.gmm.{module_name}.{function}", ran.append)
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "7")
    command.run(options)
    assert ran == [options]
    assert {os.environ[variable] for variable in THREAD_VARIABLES} == {"1"}
    assert (options.nj, options.out) == (3, Path("exp/x"))


def test_defaults_are_kaldis() -> None:
    mono = parse_options(importlib.import_module("hybrid_kd.cli.gmm_mono").Options, TRAIN, prog="")
    assert (mono.num_gauss, mono.boost_silence, mono.nj) == (1000, 1.25, 2)
    args = COMMANDS["decode_fmllr"][2]
    command = importlib.import_module("hybrid_kd.cli.gmm_decode_fmllr")
    decode = parse_options(command.Options, args, prog="")
    found = (
        decode.acoustic_scale,
        decode.first_beam,
        decode.beam,
        decode.lattice_beam,
        decode.silence_weight,
    )
    assert found == (0.083333, 10.0, 13.0, 6.0, 0.01)
