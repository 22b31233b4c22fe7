"""What is known of networks with an uncertainty head, as results/<experiment>.jsonl keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Posteriors beside the reference: nats a frame, share of frames right, expected calibration error.

    The error is of the largest posterior, in bins of equal width over [0, 1]; bin_frames, bin_confidence and
    bin_accuracy (means, 0 where empty) are of them.
    """

    cross_entropy: float
    frame_accuracy: float
    calibration_error: float
    bin_frames: list[int]
    bin_confidence: list[float]
    bin_accuracy: list[float]


@dataclass(frozen=True)
class SigmaGroup:
    """Means over some frames of a network that knows how unsure it is of each logit.

    sigma: sum_k p_k sigma_k, p the network's posterior. reference_sigma: of the reference's pdf. rms_sigma:
    sqrt(mean_k sigma_k^2), over all pdfs. All are standard deviations of a logit.
    """

    name: str
    num_frames: int
    frame_accuracy: float
    sigma: float
    reference_sigma: float
    rms_sigma: float


@dataclass(frozen=True)
class Uncertainty:
    """Where a network is unsure, and whether that tells anything.

    parameters: of the head, beside the network's. samples: draws behind noisy_calibration. by_sigma: of a
    frame that is wrong and one that is right, how often the wrong one has the larger sigma (0.5: it tells
    nothing); by_confidence: the same of 1 - the largest posterior; None if all frames are right, or none.
    snr: of the bins of some dB. phones and pdfs are groups of enough frames of the reference, the least sure
    (largest reference_sigma) first; of the pdfs the ends alone. calibration: of softmax(f);
    noisy_calibration: of p, the mean over draws.
    """

    activation: str
    parameters: int
    samples: int
    all_frames: SigmaGroup
    right: SigmaGroup | None
    wrong: SigmaGroup | None
    by_sigma: float | None
    by_confidence: float | None
    environments: list[SigmaGroup]
    snr: list[SigmaGroup]
    phones: list[SigmaGroup]
    least_sure_pdfs: list[SigmaGroup]
    most_sure_pdfs: list[SigmaGroup]
    calibration: Calibration
    noisy_calibration: Calibration


@dataclass(frozen=True)
class AgreementRecord:
    """How far two teachers with uncertainty heads agree over a dev set; means over frames.

    same_best: share of frames with the same most likely pdf. posterior_distance: sum_k |p - p'|_k / 2, 0 to
    1. symmetric_kl: nats. sigma_distance: between directions of sigma, |n/|n| - n'/|n'||^2, 0 to 2.
    Correlations are over the pdfs of a frame; ``within`` are those after taking from each pdf its mean over
    all frames, so that only what changes from frame to frame is compared.
    """

    kind = "agreement"

    first: str
    second: str
    set_name: str
    num_frames: int
    same_best: float
    posterior_distance: float
    symmetric_kl: float
    sigma_distance: float
    log_posterior_correlation: float
    sigma_correlation: float
    log_posterior_correlation_within: float
    sigma_correlation_within: float
