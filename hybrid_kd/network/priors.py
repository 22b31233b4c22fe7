"""Log priors of the pdfs, from how often each occurs in the training alignment."""

import numpy as np
from jaxtyping import Float32, Shaped

LOG_FLOOR = 1e-20
MIN_RELATIVE_COUNT = 1e-10
NEVER = float(np.sqrt(np.finfo(np.float32).max))  # a log prior so large that its pdf is never chosen


def log_priors_from_counts(counts: Shaped[np.ndarray, " pdfs"]) -> Float32[np.ndarray, " pdfs"]:
    """log p(s) = log(n_s / sum n + 1e-20); a pdf below 1e-10 of all frames gets sqrt(FLT_MAX), about 1.8e19.

    ``counts`` are frames per pdf (Kaldi adds 0.5 to each). The huge value, once subtracted from a logit,
    makes a log-likelihood that no path can afford.

    Raises: ValueError if a count is negative or not finite, or if none is positive.
    Source: Kaldi nnet/nnet-pdf-prior.cc, PdfPrior::PdfPrior.
    """
    frames = np.asarray(counts, dtype=np.float64)
    if not np.isfinite(frames).all() or (frames < 0).any() or frames.sum() == 0:
        raise ValueError(
            f"counts of {len(frames)} pdfs are not frame counts: {frames.min()} .. {frames.max()}"
        )
    relative = frames / frames.sum()
    log_priors = np.where(relative < MIN_RELATIVE_COUNT, NEVER, np.log(relative + LOG_FLOOR))
    return log_priors.astype(np.float32)
