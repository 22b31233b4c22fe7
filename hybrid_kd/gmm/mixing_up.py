"""More Gaussians: the pdfs get shares that grow with a power of their frames, and the heaviest are split.

Source: Kaldi gmm/am-diag-gmm.cc, SplitByCount; gmm/model-common.cc, GetSplitTargets; gmm/diag-gmm.cc, Split.
"""

import heapq

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.seeds import numpy_generator

MIN_COUNT = 20.0  # frames that a Gaussian must have after mixing up
PERTURBATION = 0.01  # of a standard deviation


def split_targets(
    occupancies: Float64[np.ndarray, " pdfs"], num_gaussians: int, *, power: float
) -> Int64[np.ndarray, " pdfs"]:
    """How many Gaussians each pdf should have, ``num_gaussians`` in all where there are frames enough.

    One after the other goes to the pdf with the most occupancy^power per Gaussian.
    """
    shares = occupancies**power
    targets = np.ones(len(occupancies), np.int64)
    queue = [(-share, pdf_id) for pdf_id, share in enumerate(shares.tolist())]
    heapq.heapify(queue)
    total = len(occupancies)
    while total < num_gaussians and queue:
        _, pdf_id = heapq.heappop(queue)
        if (targets[pdf_id] + 1) * MIN_COUNT >= occupancies[pdf_id]:
            continue
        targets[pdf_id] += 1
        total += 1
        heapq.heappush(queue, (-shares[pdf_id] / targets[pdf_id], pdf_id))
    return targets


def mix_up(
    gmm: StackedGmm,
    occupancies: Float64[np.ndarray, " pdfs"],
    num_gaussians: int,
    *,
    power: float,
    iteration: int,
) -> StackedGmm:
    """Split the heaviest Gaussians of the pdfs that have fewer than their target; no pdf loses any."""
    targets = split_targets(occupancies, num_gaussians, power=power)
    sizes = np.diff(gmm.pdf_offsets)
    growing = np.flatnonzero(targets > sizes)
    if not len(growing):
        return gmm
    weights, means, variances = gmm.weights.copy(), gmm.means.copy(), gmm.variances
    new_pdfs: list[int] = []
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for pdf_id in growing.tolist():
        own = slice(*gmm.pdf_offsets[pdf_id : pdf_id + 2].tolist())
        generator = numpy_generator(0, "mix-up", epoch=iteration, utt_id=str(pdf_id))
        grown = _split(weights[own], means[own], variances[own], int(targets[pdf_id]), generator)
        size = sizes[pdf_id]
        weights[own], means[own] = grown[0][:size], grown[1][:size]
        parts.append((grown[0][size:], grown[1][size:], grown[2][size:]))
        new_pdfs += [pdf_id] * int(targets[pdf_id] - size)
    pdf_of_gaussian = np.concatenate([gmm.pdf_of_gaussian, np.array(new_pdfs, np.int64)])
    order = np.argsort(pdf_of_gaussian, kind="stable")  # a pdf's new Gaussians come after its old ones
    stacked = [
        np.concatenate([old, *(part[index] for part in parts)])[order]
        for index, old in enumerate((weights, means, variances))
    ]
    return StackedGmm.from_parts(pdf_of_gaussian[order], *stacked, num_pdfs=gmm.num_pdfs)


def _split(
    weights: Float64[np.ndarray, " mixture"],
    means: Float64[np.ndarray, "mixture dim"],
    variances: Float64[np.ndarray, "mixture dim"],
    target: int,
    generator: np.random.Generator,
) -> tuple[Float64[np.ndarray, " grown"], Float64[np.ndarray, "grown dim"], Float64[np.ndarray, "grown dim"]]:
    """Split the heaviest Gaussian in two, again and again: half the weight each, means moved apart."""
    size, dim = means.shape
    weights = np.concatenate([weights, np.zeros(target - size)])
    means = np.concatenate([means, np.zeros((target - size, dim))])
    variances = np.concatenate([variances, np.zeros((target - size, dim))])
    for new in range(size, target):
        heaviest = int(weights[:new].argmax())
        shift = PERTURBATION * generator.standard_normal(dim) * np.sqrt(variances[heaviest])
        weights[[heaviest, new]] = weights[heaviest] / 2
        means[new], variances[new] = means[heaviest] + shift, variances[heaviest]
        means[heaviest] -= shift
    return weights, means, variances
