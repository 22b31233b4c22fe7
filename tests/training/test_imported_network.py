"""Networks that Kaldi trained, measured on Kaldi's development set by our validation."""

import re
from pathlib import Path

import pytest
import torch

from hybrid_kd.archives.nnet1 import read_nnet1
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.frames.labelled import LabelledFrames, load_labelled_frames
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.nnet1 import nnet1_to_dnn
from hybrid_kd.training.loop import evaluate

MINIBATCH = 256


@pytest.mark.parametrize(
    ("name", "logged"),
    [("nnet.init", r"PRERUN AVG.LOSS (\S+)"), ("final.nnet", r"ITERATION 10: .*CROSSVAL AVG.LOSS (\S+),")],
)
def test_the_dev_cross_entropy_is_what_kaldi_logged(an4: Path, name: str, logged: str) -> None:
    kaldis, ali = an4 / "exp" / "nnet1_student_ce", an4 / "exp" / "tri3b_ali_dt05_simu"
    network, splice = nnet1_to_dnn(
        [*read_nnet1(kaldis / "final.feature_transform"), *read_nnet1(kaldis / name)]
    )
    model = read_transition_model(ali / "final.mdl")
    frames = load_labelled_frames(an4 / "data-fmllr" / "dt05_simu", ali, model, splice=splice)
    match = re.search(logged, (kaldis / "schedule.txt").read_text())
    assert match is not None
    # Kaldi prints four decimals of its float32 sums.
    assert loss_of_full_minibatches(network, frames) == pytest.approx(float(match[1]), abs=1e-4)


@torch.no_grad()
def loss_of_full_minibatches(network: Dnn, frames: LabelledFrames) -> float:
    """Kaldi leaves out the frames that do not fill a minibatch at the end."""
    num_left = frames.num_frames % MINIBATCH
    last = torch.arange(frames.num_frames - num_left, frames.num_frames)
    logits = network(frames.inputs.spliced(last))
    left_out = torch.nn.functional.cross_entropy(logits, frames.pdf_ali[last], reduction="sum").item()
    total = evaluate(network, frames).cross_entropy * frames.num_frames
    return (total - left_out) / (frames.num_frames - num_left)
