"""Logits of a network to the log-likelihoods that a decoder takes."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

NetworkOutput = Literal["loglikes", "logits", "log-posteriors"]


def pseudo_loglikes(
    logits: Float[Tensor, "frames pdfs"], log_priors: Float[Tensor, " pdfs"], *, prior_scale: float = 1.0
) -> Float[Tensor, "frames pdfs"]:
    """Divide posteriors by priors: log p(x|s) = logits - prior_scale * log p(s) + const.

    The constant differs by frame and cancels in decoding. The acoustic scale is not applied here; the decoder
    applies it, once.

    Source: Kaldi nnet/nnet-pdf-prior.cc, PdfPrior::SubtractOnLogpost.
    """
    return logits - prior_scale * log_priors


def network_output(
    logits: Float[Tensor, "frames pdfs"], log_priors: Float[Tensor, " pdfs"], *, output: NetworkOutput
) -> Float[Tensor, "frames pdfs"]:
    """One of the three things that a network's last layer can be written as.

    loglikes: priors removed, for a decoder; logits: as the network gives them; log-posteriors: rows sum to
    1 after exp.
    """
    if output == "loglikes":
        return pseudo_loglikes(logits, log_priors)
    return logits if output == "logits" else logits.log_softmax(dim=1)
