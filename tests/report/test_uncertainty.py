"""Where a network is unsure, its calibration with and without the noise, and how far two teachers agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_kd.cli.main import main
from hybrid_kd.distill.noise import EpochNoise
from hybrid_kd.errors import HybridKdError
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.model_dir import AcousticModel, load_model
from hybrid_kd.network.uncertainty import UncertaintyHead
from hybrid_kd.report.agreement import measure_agreement
from hybrid_kd.report.dev_posteriors import DevSet, load_dev_set
from hybrid_kd.report.frame_groups import FrameGroups
from hybrid_kd.report.uncertainty import (
    SAMPLES,
    SEED,
    chance_of_larger,
    mean_sigma,
    measure_uncertainty,
    noisy_log_posteriors,
)
from hybrid_kd.report.uncertainty_records import Uncertainty
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TinyExperiment:
    data = make_tiny_experiment(tmp_path_factory.mktemp("tiny"))
    (data.dev_data / "utt2snr").write_text(
        "".join(f"{line.split()[0]} 3.5\n" for line in (data.dev_data / "utt2spk").open())
    )
    return data


@pytest.fixture(scope="module")
def models(data: TinyExperiment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, AcousticModel]:
    """Two with uncertainty heads, one without."""
    exp, few = tmp_path_factory.mktemp("exp"), ["--max-iters", "2"]
    unsure = [*few, "--uncertainty"]
    options = {"a": unsure, "b": [*unsure, "--seed", "1", "--left-context", "0"], "plain": few}
    for name, flags in options.items():
        assert main(["train", *data.train_args(exp / name), *flags]) == 0
    return {name: load_model(exp / name) for name in options}


@pytest.fixture(scope="module")
def dev(data: TinyExperiment, models: dict[str, AcousticModel]) -> DevSet:
    return load_dev_set(data.dev_data, data.dev_ali, models["a"].splice, 0)


@pytest.fixture(scope="module")
def measured(models: dict[str, AcousticModel], dev: DevSet) -> Uncertainty:
    return measure_uncertainty(models["a"], dev.frames, dev.names(), min_frames=5)


def outputs(model: AcousticModel, dev: DevSet) -> tuple[np.ndarray, np.ndarray]:
    """Logits and sigma of all dev frames, in float64."""
    inputs = replace(dev.frames.inputs, **vars(model.splice))
    logits, sigma = model.outputs_of_spliced(inputs.spliced(torch.arange(dev.frames.num_frames)))
    assert sigma is not None
    return logits.double().numpy(), sigma.double().numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    powers: np.ndarray = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def test_sigma_is_that_of_its_three_definitions(
    models: dict[str, AcousticModel], dev: DevSet, measured: Uncertainty
) -> None:
    logits, sigma = outputs(models["a"], dev)
    pdf_ali, posteriors = dev.frames.pdf_ali.numpy(), softmax(logits)
    everything, right = measured.all_frames, posteriors.argmax(axis=1) == pdf_ali
    reference_sigma = sigma[np.arange(len(sigma)), pdf_ali]
    assert everything.num_frames == len(pdf_ali)
    assert everything.frame_accuracy == pytest.approx(right.mean(), rel=1e-4)
    assert everything.sigma == pytest.approx((posteriors * sigma).sum(axis=1).mean(), rel=1e-4)
    assert everything.reference_sigma == pytest.approx(reference_sigma.mean(), rel=1e-4)
    assert everything.rms_sigma == pytest.approx(np.sqrt((sigma**2).mean(axis=1)).mean(), rel=1e-4)
    assert measured.right is not None
    assert measured.wrong is not None
    assert (measured.right.frame_accuracy, measured.wrong.frame_accuracy) == (1.0, 0.0)
    assert measured.right.num_frames + measured.wrong.num_frames == everything.num_frames
    assert measured.wrong.reference_sigma == pytest.approx(reference_sigma[~right].mean(), rel=1e-4)


def test_phones_and_pdfs_are_groups_of_the_reference_the_least_sure_first(
    models: dict[str, AcousticModel], dev: DevSet, measured: Uncertainty
) -> None:
    _, sigma = outputs(models["a"], dev)
    pdf_ali = dev.frames.pdf_ali.numpy()
    reference_sigma = sigma[np.arange(len(sigma)), pdf_ali]
    for group in measured.phones:
        inside = np.isin(pdf_ali, [pdf for pdf, phone in enumerate(dev.phone_of_pdf) if phone == group.name])
        assert group.num_frames == inside.sum()
        assert group.reference_sigma == pytest.approx(reference_sigma[inside].mean(), rel=1e-4)
    assert {group.name for group in measured.phones} == {"1", "2", "3"}
    for pdf in measured.least_sure_pdfs:
        inside = pdf_ali == int(pdf.name.split()[0])
        assert pdf.reference_sigma == pytest.approx(reference_sigma[inside].mean(), rel=1e-4)
        assert pdf.num_frames == inside.sum() >= 5
    for groups in (measured.phones, measured.least_sure_pdfs, measured.most_sure_pdfs[::-1]):
        values = [group.reference_sigma for group in groups]
        assert values == sorted(values, reverse=True)
    assert measured.environments == []
    assert [(group.name, group.num_frames) for group in measured.snr] == [("2 to 4 dB", len(pdf_ali))]


def test_calibration_is_that_of_softmax_and_of_the_mean_noisy_posterior(
    models: dict[str, AcousticModel], dev: DevSet, measured: Uncertainty
) -> None:
    logits, sigma = outputs(models["a"], dev)
    frame_index, num_pdfs = torch.arange(len(logits)), logits.shape[1]
    noise = EpochNoise(SEED, 0, torch.device("cpu"))
    eps = noise.of_frames(frame_index, samples=SAMPLES, num_pdfs=num_pdfs).double().numpy()
    noisy = softmax(logits[:, None] + sigma[:, None] * eps).mean(axis=1)
    for posteriors, calibration in (
        (softmax(logits), measured.calibration),
        (noisy, measured.noisy_calibration),
    ):
        of_reference = posteriors[frame_index, dev.frames.pdf_ali]
        assert calibration.cross_entropy == pytest.approx(-np.log(of_reference).mean(), rel=1e-4)
        mean_confidence = np.dot(calibration.bin_confidence, calibration.bin_frames) / len(logits)
        assert mean_confidence == pytest.approx(posteriors.max(axis=1).mean(), rel=1e-4)
    assert measured.calibration != measured.noisy_calibration
    assert measured.samples == SAMPLES


def test_without_noise_p_is_softmax() -> None:
    logits, eps = torch.randn(5, 7), torch.randn(5, 3, 7)
    log_p = noisy_log_posteriors(logits, torch.zeros(5, 7), eps)
    torch.testing.assert_close(log_p, logits.log_softmax(dim=1))


def test_the_head_is_counted_beside_the_network(measured: Uncertainty) -> None:
    assert (measured.activation, measured.parameters) == ("softplus", 8 * 9 + 9)


def test_a_second_measurement_is_the_same(
    models: dict[str, AcousticModel], dev: DevSet, measured: Uncertainty
) -> None:
    assert measure_uncertainty(models["a"], dev.frames, dev.names(), min_frames=5) == measured
    assert measure_uncertainty(models["a"], dev.frames, dev.names()).phones == []


def test_means_are_over_the_frames_of_each_group() -> None:
    per_frame = np.array([[1.0, 0.0, 1.0, 0.0], [1, 2, 3, 4], [2, 4, 6, 8], [0, 0, 0, 1]])
    groups = FrameGroups(["x", "none", "y"], np.array([0, 2, 0, -1]))
    x, y = mean_sigma(per_frame, groups)
    assert (x.name, x.num_frames, x.frame_accuracy, x.sigma, x.reference_sigma) == ("x", 2, 1.0, 2.0, 4.0)
    assert (y.name, y.num_frames, y.frame_accuracy, y.sigma, y.rms_sigma) == ("y", 1, 0.0, 2.0, 0.0)
    assert mean_sigma(per_frame, groups, min_frames=2) == [x]


def test_the_chance_of_the_larger_value_is_counted_over_all_pairs() -> None:
    generator = np.random.default_rng(0)
    values, which = generator.integers(0, 5, 40).astype(float), generator.random(40) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in values[which] for b in values[~which]]
    assert chance_of_larger(values, which) == pytest.approx(np.mean(pairs), rel=1e-4)
    assert chance_of_larger(values, np.ones(40, bool)) is None
    assert chance_of_larger(values, np.zeros(40, bool)) is None


def test_a_teacher_agrees_with_itself(models: dict[str, AcousticModel], dev: DevSet) -> None:
    itself = measure_agreement(models["a"], models["a"], dev.frames.inputs, set_name="dev")
    assert (itself.first, itself.second, itself.num_frames) == ("a", "a", dev.frames.num_frames)
    assert (itself.same_best, itself.posterior_distance, itself.symmetric_kl) == (1.0, 0.0, 0.0)
    assert itself.sigma_distance == 0.0
    assert itself.sigma_correlation == pytest.approx(1.0)
    assert itself.log_posterior_correlation_within == pytest.approx(1.0)


def test_agreement_is_that_of_its_definitions(models: dict[str, AcousticModel], dev: DevSet) -> None:
    """Of networks that splice otherwise."""
    found = measure_agreement(models["a"], models["b"], dev.frames.inputs, set_name="dev")
    (f, sigma), (other_f, other_sigma) = outputs(models["a"], dev), outputs(models["b"], dev)
    p, q = softmax(f), softmax(other_f)
    n, m = (s / np.linalg.norm(s, axis=1, keepdims=True) for s in (sigma, other_sigma))
    assert found.same_best == pytest.approx((p.argmax(axis=1) == q.argmax(axis=1)).mean(), rel=1e-4)
    assert found.posterior_distance == pytest.approx(np.abs(p - q).sum(axis=1).mean() / 2, rel=1e-4)
    divergence = (p * np.log(p / q) + q * np.log(q / p)).sum(axis=1).mean()
    assert found.symmetric_kl == pytest.approx(divergence, rel=1e-4)
    assert found.sigma_distance == pytest.approx(((n - m) ** 2).sum(axis=1).mean(), rel=1e-4)
    logs, other_logs = np.log(p), np.log(q)
    assert found.log_posterior_correlation == pytest.approx(correlation(logs, other_logs), rel=1e-4)
    assert found.sigma_correlation == pytest.approx(correlation(n, m), rel=1e-4)
    within = [values - values.mean(axis=0) for values in (logs, other_logs, n, m)]
    assert found.log_posterior_correlation_within == pytest.approx(correlation(*within[:2]), rel=1e-4)
    assert found.sigma_correlation_within == pytest.approx(correlation(*within[2:]), rel=1e-4)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]))


def test_teachers_that_cannot_be_compared_are_refused(models: dict[str, AcousticModel], dev: DevSet) -> None:
    inputs = dev.frames.inputs
    with pytest.raises(HybridKdError, match=r"plain: this network has no uncertainty head\n  fix: train it"):
        measure_agreement(models["a"], models["plain"], inputs, set_name="dev")
    network = Dnn(replace(models["b"].networks[0].shape, num_pdfs=7))
    network.uncertainty = UncertaintyHead(network.shape.hidden_dim, 7, "softplus")
    other = replace(models["b"], path=Path("other"), networks=(network,))
    with pytest.raises(HybridKdError, match=r"other: it has 7 pdfs, .*a has 9\n  fix: compare teachers"):
        measure_agreement(models["a"], other, inputs, set_name="dev")
