"""Log priors against Kaldi's PdfPrior."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.pdf_counts import read_pdf_counts
from hybrid_kd.network.priors import log_priors_from_counts


def test_log_priors_are_what_kaldi_subtracts(shared: Path) -> None:
    golden = f"ark:{shared}/kaldi-an4/golden/"
    (utt_id, logits), *_ = read_matrices(golden + "nnet1_logits_first.ark")
    loglikes = dict(read_matrices(golden + "nnet1_loglikes.ark"))[utt_id]
    counts = read_pdf_counts(shared / "kaldi-an4/exp/nnet1_student_ce/ali_train_pdf.counts")
    np.testing.assert_allclose(logits - log_priors_from_counts(counts), loglikes, atol=2e-6)


def test_log_priors_are_normalised() -> None:
    log_priors = log_priors_from_counts(np.array([1.5, 2.5, 4.0]))
    np.testing.assert_allclose(np.exp(log_priors), [1.5 / 8, 2.5 / 8, 0.5], rtol=1e-6)


def test_a_pdf_without_frames_is_never_chosen() -> None:
    log_priors = log_priors_from_counts(np.array([0.0, 10.0]))
    assert log_priors[0] == np.float32(np.sqrt(np.finfo(np.float32).max))
    assert np.isfinite(np.float32(0.1) * -log_priors[0])


@pytest.mark.parametrize("counts", [[0.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
def test_counts_that_are_no_counts_are_refused(counts: list[float]) -> None:
    with pytest.raises(ValueError, match="not frame counts"):
        log_priors_from_counts(np.array(counts))
