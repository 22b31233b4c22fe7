"""All Gaussians of all pdfs as arrays, so that frames x Gaussians is one matrix product.

log N(x; m, v) + log w = gconst + (m / v) x - 0.5 (1 / v) x^2 for one Gaussian; a pdf's log-likelihood is the
logarithm of its Gaussians' sum. Axes: frames, gaussians (all pdfs', in the order of pdf_ids), pdfs, dim.
Source: Kaldi gmm/diag-gmm.cc, gmm/am-diag-gmm.cc.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64, Int64, Integer

from hybrid_kd.archives.diag_gmm import AmDiagGmm, DiagGmm

LOG_2PI = float(np.log(2 * np.pi))
NEVER = -1e30  # instead of -inf in matrix products


@dataclass(frozen=True)
class PdfBlock:
    """The frames that are aligned to one pdf, and what its Gaussians are there."""

    pdf_id: int
    gaussians: slice  # the pdf's Gaussians
    frame_indices: Int64[np.ndarray, " block"]
    posteriors: Float32[np.ndarray, "block mixture"]
    loglikes: Float32[np.ndarray, " block"]


@dataclass(frozen=True)
class StackedGmm:
    """The mixtures of all pdfs; pdf p owns the Gaussians pdf_offsets[p] to pdf_offsets[p + 1]."""

    pdf_of_gaussian: Int64[np.ndarray, " gaussians"]
    pdf_offsets: Int64[np.ndarray, " pdfs_and_1"]
    weights: Float64[np.ndarray, " gaussians"]  # a pdf's sum to 1
    means: Float64[np.ndarray, "gaussians dim"]
    variances: Float64[np.ndarray, "gaussians dim"]

    @classmethod
    def from_parts(
        cls,
        pdf_of_gaussian: Int64[np.ndarray, " gaussians"],
        weights: Float64[np.ndarray, " gaussians"],
        means: Float64[np.ndarray, "gaussians dim"],
        variances: Float64[np.ndarray, "gaussians dim"],
        *,
        num_pdfs: int,
    ) -> "StackedGmm":
        """Stack Gaussians that come in the order of their pdfs."""
        offsets = np.searchsorted(pdf_of_gaussian, np.arange(num_pdfs + 1)).astype(np.int64)
        return cls(pdf_of_gaussian, offsets, weights, means, variances)

    @classmethod
    def from_am(cls, am: AmDiagGmm) -> "StackedGmm":
        """Stack the mixtures of a final.mdl; gconsts are computed anew."""
        sizes = [len(gmm.weights) for gmm in am.gmms]
        variances = 1.0 / np.concatenate([gmm.inv_vars for gmm in am.gmms]).astype(np.float64)
        means = np.concatenate([gmm.means_invvars for gmm in am.gmms]).astype(np.float64) * variances
        return cls(
            np.repeat(np.arange(len(sizes), dtype=np.int64), sizes),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            np.concatenate([gmm.weights for gmm in am.gmms]).astype(np.float64),
            means,
            variances,
        )

    def to_am(self) -> AmDiagGmm:
        """Each pdf's mixture as a final.mdl holds it."""
        gconsts = self.gconsts.astype(np.float32)
        weights = self.weights.astype(np.float32)
        inv_vars = (1.0 / self.variances).astype(np.float32)
        means_invvars = (self.means / self.variances).astype(np.float32)
        owned = [slice(*bounds) for bounds in zip(self.pdf_offsets[:-1], self.pdf_offsets[1:], strict=True)]
        gmms = tuple(DiagGmm(gconsts[own], weights[own], means_invvars[own], inv_vars[own]) for own in owned)
        return AmDiagGmm(self.dim, gmms)

    @property
    def num_pdfs(self) -> int:
        """How many pdfs there are."""
        return len(self.pdf_offsets) - 1

    @property
    def num_gaussians(self) -> int:
        """Gaussians of all pdfs together."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """The features' dimension."""
        return int(self.means.shape[1])

    @cached_property
    def gconsts(self) -> Float64[np.ndarray, " gaussians"]:
        """log w - 0.5 (dim log 2 pi + sum log v + sum m^2 / v); a weight of 0 gives -inf."""
        quadratic = (self.means**2 / self.variances).sum(axis=1)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        gconsts: Float64[np.ndarray, " gaussians"] = log_weights - 0.5 * (
            self.dim * LOG_2PI + np.log(self.variances).sum(axis=1) + quadratic
        )
        return gconsts

    @cached_property
    def _coefficients(self) -> Float32[np.ndarray, "gaussians coefficients"]:
        """What is multiplied with (x, x^2, 1)."""
        linear, square = self.means / self.variances, -0.5 / self.variances
        constants = np.maximum(self.gconsts, NEVER)[:, None]
        return np.hstack([linear, square, constants]).astype(np.float32)

    def loglikes(
        self,
        frames: Float32[np.ndarray, "frames dim"],
        *,
        pdf_ids: Integer[np.ndarray, " some_pdfs"] | None = None,
    ) -> Float32[np.ndarray, "frames some_pdfs"]:
        """log p(x | pdf) of each frame under each pdf, or only under ``pdf_ids`` (in their order)."""
        starts, gaussians = self._select(pdf_ids)
        scores = self._coefficients[gaussians] @ _expand(frames).T  # [Gaussians, frames]: pdfs are row blocks
        loglikes = np.empty((len(starts), len(frames)), np.float32)
        bounds = np.append(starts, len(scores)).tolist()
        for row, (first, last) in enumerate(pairwise(bounds)):
            mixture = scores[first:last]  # it stays in the cache; reduceat over all takes three times as long
            peaks = mixture.max(axis=0)
            mixture -= peaks
            np.exp(mixture, out=mixture)
            loglikes[row] = np.log(mixture.sum(axis=0)) + peaks
        return np.ascontiguousarray(loglikes.T)

    def _select(
        self, pdf_ids: Integer[np.ndarray, " some_pdfs"] | None
    ) -> tuple[Int64[np.ndarray, " some_pdfs"], Int64[np.ndarray, " chosen"] | slice]:
        """Where each pdf's Gaussians begin among the chosen ones, and which those are."""
        if pdf_ids is None:
            return self.pdf_offsets[:-1], slice(None)
        sizes = np.diff(self.pdf_offsets)[pdf_ids]
        starts = np.cumsum(sizes) - sizes
        return starts, np.repeat(self.pdf_offsets[pdf_ids] - starts, sizes) + np.arange(sizes.sum())

    def pdf_blocks(
        self, frames: Float32[np.ndarray, "frames dim"], pdf_ali: Integer[np.ndarray, " frames"]
    ) -> Iterator[PdfBlock]:
        """The frames of each pdf that occurs, by pdf_id, with the posteriors of the pdf's Gaussians."""
        if not len(frames):
            return
        expanded = _expand(frames)
        order = np.argsort(pdf_ali, kind="stable")
        pdf_ids, starts = np.unique(pdf_ali[order], return_index=True)
        for pdf_id, frame_indices in zip(pdf_ids, np.split(order, starts[1:]), strict=True):
            own = slice(*self.pdf_offsets[pdf_id : pdf_id + 2].tolist())
            scores = expanded[frame_indices] @ self._coefficients[own].T
            peaks = scores.max(axis=1, keepdims=True)
            np.exp(scores - peaks, out=scores)
            sums = scores.sum(axis=1, keepdims=True)
            yield PdfBlock(int(pdf_id), own, frame_indices, scores / sums, (np.log(sums) + peaks).reshape(-1))


def _expand(frames: Float32[np.ndarray, "frames dim"]) -> Float32[np.ndarray, "frames coefficients"]:
    """(x, x^2, 1)."""
    return np.hstack([frames, frames * frames, np.ones((len(frames), 1), np.float32)])
