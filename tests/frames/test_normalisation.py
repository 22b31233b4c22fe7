"""Global normalisation, against the one that Kaldi's nnet1 estimated on the same data."""

import re
from pathlib import Path

import numpy as np
import torch

from hybrid_kd.frames.features import join_utterances
from hybrid_kd.frames.labelled import Splice, load_features
from hybrid_kd.frames.normalisation import estimate_normalisation


def test_training_set_gets_mean_0_and_variance_1() -> None:
    rng = np.random.default_rng(1)
    utterances = [rng.normal(3.0, 2.0, size=(length, 4)).astype(np.float32) for length in (7, 1, 30)]
    frames = join_utterances(["a", "b", "c"], utterances, left_context=2, right_context=2)
    normalisation = estimate_normalisation(frames, chunk=10)
    spliced = frames.spliced(torch.arange(frames.num_frames))
    normalised = ((spliced + normalisation.shift) * normalisation.scale).double()
    torch.testing.assert_close(normalised.mean(0), torch.zeros(20).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalised.var(0, correction=0), torch.ones(20).double(), atol=1e-5, rtol=0)


def test_constant_coefficient_stays_finite() -> None:
    frames = join_utterances(["a"], [np.ones((5, 1), np.float32)], left_context=0, right_context=0)
    assert torch.isfinite(estimate_normalisation(frames).scale).all()


def test_agrees_with_kaldi_feature_transform(shared: Path, an4: Path) -> None:
    text = (shared / "kaldi-an4/exp/nnet1_student_ce/final.feature_transform").read_text()
    _, shift, scale = (np.array(found.split(), float) for found in re.findall(r"\[([^\]]*)\]", text))
    frames = load_features(an4 / "data-fmllr/tr05_multi", splice=Splice())
    normalisation = estimate_normalisation(frames)
    np.testing.assert_allclose(normalisation.shift.numpy(), shift, atol=2e-4)
    np.testing.assert_allclose(normalisation.scale.numpy(), scale, rtol=1e-4)
