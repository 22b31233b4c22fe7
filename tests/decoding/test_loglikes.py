"""Logits to log-likelihoods."""

from pathlib import Path

import pytest
import torch

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.pdf_counts import read_pdf_counts
from hybrid_kd.decoding.loglikes import network_output, pseudo_loglikes
from hybrid_kd.network.priors import log_priors_from_counts

pytestmark = pytest.mark.numerical


def test_loglikes_are_kaldis(shared: Path) -> None:
    golden = f"ark:{shared}/kaldi-an4/golden/"
    (utt_id, logits), *_ = read_matrices(golden + "nnet1_logits_first.ark")
    counts = read_pdf_counts(shared / "kaldi-an4/exp/nnet1_student_ce/ali_train_pdf.counts")
    loglikes = pseudo_loglikes(torch.from_numpy(logits), torch.from_numpy(log_priors_from_counts(counts)))
    expected = torch.from_numpy(dict(read_matrices(golden + "nnet1_loglikes.ark"))[utt_id])
    torch.testing.assert_close(loglikes, expected, atol=2e-6, rtol=0)


def test_the_prior_is_subtracted_once_and_can_be_scaled() -> None:
    logits, log_priors = torch.tensor([[1.0, 2.0]]), torch.tensor([-0.5, -1.5])
    assert pseudo_loglikes(logits, log_priors).tolist() == [[1.5, 3.5]]
    assert pseudo_loglikes(logits, log_priors, prior_scale=0.0).tolist() == [[1.0, 2.0]]


def test_the_three_outputs_differ_by_prior_and_normalisation() -> None:
    logits, log_priors = torch.tensor([[1.0, 2.0]]), torch.tensor([-0.5, -1.5])
    assert network_output(logits, log_priors, output="logits") is logits
    log_posteriors = network_output(logits, log_priors, output="log-posteriors")
    torch.testing.assert_close(log_posteriors.exp().sum(dim=1), torch.ones(1))
    assert network_output(logits, log_priors, output="loglikes").tolist() == [[1.5, 3.5]]
