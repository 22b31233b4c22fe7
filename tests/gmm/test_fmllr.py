"""fMLLR against sums over single frames, known transforms, and the transforms that Kaldi estimated."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.archives.matrices import parse_double_matrix, read_matrices, read_matrix
from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.archives.tables import read_table
from hybrid_kd.archives.transition_model import TransitionModel, read_model_file
from hybrid_kd.frontend.cmvn import apply_cmvn
from hybrid_kd.frontend.dynamics import splice_frames
from hybrid_kd.frontend.transforms import apply_transform
from hybrid_kd.gmm.fmllr import (
    FmllrEstimate,
    FmllrStatistics,
    accumulate_fmllr,
    compose_fmllr,
    estimate_fmllr,
    mean_gain,
)
from hybrid_kd.gmm.frame_posteriors import ali_to_posteriors, posteriors_to_pdfs, weight_silence
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.row_updates import transform_objective
from tests.gmm.test_frame_posteriors import make_posteriors
from tests.gmm.tiny_model import random_gmm, sample

pytestmark = pytest.mark.numerical

GMM = random_gmm(1)
SILENCE_PHONES = range(1, 11)  # of kaldi-an4


def aligned(gmm: StackedGmm, num_frames: int, seed: int = 0) -> tuple[np.ndarray, Posteriors]:
    pdf_ali = np.random.default_rng(seed).integers(0, gmm.num_pdfs, num_frames).astype(np.int32)
    return sample(gmm, pdf_ali, seed), ali_to_posteriors(pdf_ali)


def slow_statistics(
    frames: np.ndarray, posteriors: Posteriors, gmm: StackedGmm, posterior_gmm: StackedGmm
) -> FmllrStatistics:
    dim, count = gmm.dim, 0.0
    linear, scatters = np.zeros((dim, dim + 1)), np.zeros((dim, dim + 1, dim + 1))
    for time, frame in enumerate(frames.astype(np.float64)):
        extended = np.append(frame, 1)
        for entry in range(*posteriors.offsets[time : time + 2]):
            own = slice(*posterior_gmm.pdf_offsets[posteriors.ids[entry] : posteriors.ids[entry] + 2])
            squares = (frame - posterior_gmm.means[own]) ** 2 / posterior_gmm.variances[own]
            logs = np.log(posterior_gmm.weights[own] / np.sqrt(posterior_gmm.variances[own].prod(axis=1)))
            shares = np.exp(logs - 0.5 * squares.sum(axis=1))
            shares *= posteriors.values[entry] / shares.sum()
            count += shares.sum()
            linear += np.outer((shares[:, None] * gmm.means[own] / gmm.variances[own]).sum(axis=0), extended)
            weights = (shares[:, None] / gmm.variances[own]).sum(axis=0)
            scatters += weights[:, None, None] * np.outer(extended, extended)
    return FmllrStatistics(count, linear, scatters)


def test_statistics_are_the_sums_over_frames_and_gaussians() -> None:
    frames = sample(GMM, np.array([0, 1, 2, 0]), 3)
    posteriors = make_posteriors([[(0, 0.5), (2, 0.5)], [(1, 1.0)], [], [(0, 0.01)]])
    adapted = random_gmm(2)
    for gmm in (GMM, adapted):
        found = accumulate_fmllr([(frames, posteriors)], gmm, posterior_gmm=GMM)
        expected = slow_statistics(frames, posteriors, gmm, GMM)
        assert found.count == pytest.approx(expected.count) == pytest.approx(2.01)
        np.testing.assert_allclose(found.linear, expected.linear, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(found.scatters, expected.scatters, rtol=2e-5, atol=1e-6)


def test_statistics_of_parts_add_up() -> None:
    one, two = aligned(GMM, 20, 1), aligned(GMM, 30, 2)
    total = accumulate_fmllr([one], GMM) + accumulate_fmllr([two], GMM)
    whole = accumulate_fmllr([one, two], GMM)
    np.testing.assert_allclose(total.scatters, whole.scatters, rtol=1e-6)
    np.testing.assert_allclose(total.linear, whole.linear, rtol=1e-6, atol=1e-9)


def test_a_distortion_of_the_features_is_undone() -> None:
    frames, posteriors = aligned(GMM, 20_000)
    generator = np.random.default_rng(5)
    distortion = np.eye(4) + 0.15 * generator.normal(size=(4, 4))
    offset = generator.normal(size=4)
    distorted = (frames @ distortion.T + offset).astype(np.float32)
    inverse = np.linalg.inv(distortion)
    expected = np.column_stack([inverse, -inverse @ offset])
    total = np.eye(4, 5)
    for _ in range(6):  # Gaussians within a pdf are found better each time
        adapted = apply_transform(distorted, total.astype(np.float32))
        estimate = estimate_fmllr(accumulate_fmllr([(adapted, posteriors)], GMM), speaker="s")
        total = compose_fmllr(estimate.transform, total)
    assert np.abs(total - expected).max() < 0.05


def test_frames_of_the_model_itself_gain_nothing() -> None:
    estimate = estimate_fmllr(accumulate_fmllr([aligned(GMM, 20_000)], GMM), speaker="s")
    assert 0 < estimate.gain < 0.002
    assert np.abs(estimate.transform - np.eye(4, 5)).max() < 0.05


@pytest.mark.parametrize("num_frames", [0, 500])
def test_too_little_speech_leaves_the_identity(num_frames: int, caplog: pytest.LogCaptureFixture) -> None:
    utterances = [aligned(GMM, num_frames)] if num_frames else []
    estimate = estimate_fmllr(accumulate_fmllr(utterances, GMM), speaker="quiet")
    np.testing.assert_array_equal(estimate.transform, np.eye(4, 5))
    assert estimate.gain == 0
    problem = f"speaker 'quiet' keeps the identity as fMLLR transform: {num_frames} frames of speech"
    assert problem in caplog.text


def test_singular_statistics_leave_the_identity(caplog: pytest.LogCaptureFixture) -> None:
    frames, posteriors = aligned(GMM, 1000)
    estimate = estimate_fmllr(accumulate_fmllr([(np.zeros_like(frames), posteriors)], GMM), speaker="muted")
    np.testing.assert_array_equal(estimate.transform, np.eye(4, 5))
    assert "speaker 'muted' keeps the identity as fMLLR transform: singular" in caplog.text


def test_the_gain_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        estimate_fmllr(accumulate_fmllr([aligned(GMM, 1000)], GMM), speaker="s")
    assert "fMLLR of speaker 's' gains" in caplog.text


def test_composed_transforms_are_applied_one_after_the_other() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 3, 4))
    frame = generator.normal(size=3)
    once = first[:, :3] @ frame + first[:, 3]
    composed = compose_fmllr(second, first)
    np.testing.assert_allclose(composed[:, :3] @ frame + composed[:, 3], second[:, :3] @ once + second[:, 3])


def test_the_mean_gain_counts_frames() -> None:
    estimates = [FmllrEstimate(np.eye(1, 2), gain, count) for gain, count in [(1.0, 10.0), (4.0, 30.0)]]
    assert mean_gain(estimates) == 3.25
    assert mean_gain([]) == 0


def golden_speakers(
    an4: Path, model: TransitionModel
) -> Iterator[tuple[str, list[tuple[np.ndarray, Posteriors]]]]:
    """Unadapted frames and posteriors of the golden utterances, by speaker."""
    golden = an4 / "golden"
    cmvn = dict(read_table(f"ark:{golden}/cmvn.ark", parse_double_matrix))
    lda = read_matrix(str(golden / "final.mat"))
    alignments = dict(read_int_vectors(f"ark:{golden}/ali.ark"))
    mfcc = dict(read_matrices(f"ark:{golden}/mfcc_nodither.ark"))
    for line in (golden / "spk2utt").read_text().splitlines():
        speaker, *utt_ids = line.split()
        utterances = []
        for utt_id in utt_ids:
            normalised = apply_cmvn(mfcc[utt_id], cmvn[speaker])
            frames = apply_transform(splice_frames(normalised, left_context=3, right_context=3), lda)
            posteriors = ali_to_posteriors(alignments[utt_id])
            speech = weight_silence(posteriors, model, SILENCE_PHONES, 0.0)
            utterances.append((frames, posteriors_to_pdfs(speech, model)))
        yield speaker, utterances


def test_kaldis_transforms_gain_but_ours_gain_most_on_their_own_frames(shared: Path) -> None:
    """Kaldi's are of all of the speaker's utterances and of lattices; these are of four, forced-aligned."""
    an4 = shared / "kaldi-an4"
    model = read_model_file(an4 / "exp/tri3b/final.mdl")
    alignment_model = read_model_file(an4 / "exp/tri3b/final.alimdl")
    assert model.gmm is not None
    assert alignment_model.gmm is not None
    gmm, alignment_gmm = StackedGmm.from_am(model.gmm), StackedGmm.from_am(alignment_model.gmm)
    kaldis = dict(read_matrices(f"ark:{an4}/golden/trans.ark"))
    for speaker, utterances in golden_speakers(an4, model.transition_model):
        statistics = accumulate_fmllr(utterances, gmm, posterior_gmm=alignment_gmm)
        estimate = estimate_fmllr(statistics, speaker=speaker)
        parts = (statistics.count, statistics.linear, statistics.scatters)
        kaldis_objective = transform_objective(kaldis[speaker].astype(np.float64), *parts)
        kaldis_gain = (kaldis_objective - transform_objective(np.eye(40, 41), *parts)) / statistics.count
        assert 0 < kaldis_gain < estimate.gain


@pytest.mark.parametrize("speaker", ["fbbh", "ffmm", "fjmd"])
def test_where_kaldi_adapted_there_is_little_left_to_adapt(shared: Path, speaker: str) -> None:
    """The training frames are under Kaldi's transforms for this model: ours of them are near the identity."""
    an4 = shared / "kaldi-an4"
    model = read_model_file(an4 / "exp/tri3b/final.mdl")
    assert model.gmm is not None
    alignments = dict(read_alignment_dir(an4 / "exp/tri3b_ali_tr05_multi"))
    entries = (line.split() for line in (an4 / "data-fmllr/tr05_multi/feats.scp").read_text().splitlines())
    utterances = []
    for utt_id, location in entries:
        if utt_id.startswith(f"{speaker}_") and utt_id in alignments:
            frames = read_matrix(str(shared.parent / location.removeprefix("../")))
            posteriors = ali_to_posteriors(alignments[utt_id])
            speech = weight_silence(posteriors, model.transition_model, SILENCE_PHONES, 0.0)
            utterances.append((frames, posteriors_to_pdfs(speech, model.transition_model)))
    statistics = accumulate_fmllr(utterances, StackedGmm.from_am(model.gmm))
    estimate = estimate_fmllr(statistics, speaker=speaker)
    assert 0 < estimate.gain < 0.2
    before = np.concatenate([frames for frames, _ in utterances])
    after = apply_transform(before, estimate.transform.astype(np.float32))
    correlations = [np.corrcoef(before[:, dim], after[:, dim])[0, 1] for dim in range(40)]
    assert np.mean(correlations) > 0.995
    assert min(correlations) > 0.98
