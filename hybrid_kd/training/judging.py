"""Judges epochs: newbob accepts or rejects each; none that diverged is accepted, and one at least must be.

An epoch has diverged if a loss (of training or dev data) or a weight is NaN or infinite. The dev loss alone
does not show it: an uncertainty head takes no part in it.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid_kd.errors import HybridKdError
from hybrid_kd.log_file import about_directory
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.tensor_file import first_not_finite
from hybrid_kd.training.metrics import FrameMetrics
from hybrid_kd.training.newbob import NewbobOptions, NewbobState, after_epoch, after_timed_epoch

logger = logging.getLogger(__name__)


def divergence(train: FrameMetrics, dev: FrameMetrics, network: Dnn) -> str | None:
    """What is not finite after an epoch, in words; None if all is."""
    losses = {
        "dev cross-entropy": dev.cross_entropy,
        "training objective": train.objective,
        "training cross-entropy": train.cross_entropy,
    }
    for name, loss in losses.items():
        if not math.isfinite(loss):
            return f"the {name} is {'not a number' if math.isnan(loss) else 'infinite'}"
    tensor = first_not_finite(network.state_dict())
    return None if tensor is None else f"{tensor} holds NaN or infinity"


def judge_epoch(
    state: NewbobState, dev_loss: float, options: NewbobOptions, *, is_timed: bool, diverged: str | None
) -> NewbobState:
    """The schedule's next state; an epoch that diverged is rejected where the schedule can reject.

    Raises: DivergedError if it cannot: in a timed stage, and in the first min_iters epochs.
    """
    if diverged is None:
        return after_timed_epoch(state, dev_loss) if is_timed else after_epoch(state, dev_loss, options)
    if is_timed or state.iters < options.min_iters:
        raise DivergedError(diverged)
    return after_epoch(state, math.inf, options)


class DivergedError(Exception):
    """An epoch diverged that cannot be undone; says what is not finite."""


def diverged_error(directory: Path, epoch: int, error: DivergedError) -> HybridKdError:
    """The error of the whole training."""
    return HybridKdError.at(
        f"{directory}, epoch {epoch}",
        f"training diverged: {error}",
        fix="lower --learning-rate and give another --out; epochs of a timed stage or of --min-iters are not"
        " undone",
    )


def refuse_untrained(
    directory: Path, records: Sequence[dict[str, Any]], *, is_retrained: bool, learning_rate: float
) -> None:
    """Check that some epoch was accepted; else the network is still the one that training started from.

    That is an error for a new network. An initial network (--init) may be the best that newbob finds: then it
    is only warned of, unless training diverged. Timed stages and --min-iters accept epochs that are worse
    than before training; a network that ends so is warned of too.

    Raises: HybridKdError.
    """
    epochs = [record for record in records if record["epoch"]]
    before, after = records[0]["dev_cross_entropy"], [record["dev_cross_entropy"] for record in epochs]
    if accepted := [record["dev_cross_entropy"] for record in epochs if record.get("accepted")]:
        if accepted[-1] >= before:
            words = "%s: the dev cross-entropy is %.4f, no lower than the %.4f before training"
            logger.warning(words, directory, accepted[-1], before, extra=about_directory(directory))
        return
    finite = [loss for loss in after if math.isfinite(loss)]
    problem = (
        f"none of {len(epochs)} epochs was accepted: the dev cross-entropy is {before:.4f} before training"
    )
    if finite:
        problem += f" and {min(finite):.4f} or more after each epoch"
    if is_retrained and finite:
        about = about_directory(directory)
        logger.warning("%s: %s; the network remains that of --init", directory, problem, extra=about)
        return
    if not finite:
        problem = f"training diverged: {problem} and is not finite after any epoch"
    fix = f"lower --learning-rate ({learning_rate:g}) and give another --out; or check alignment and labels"
    raise HybridKdError.at(directory, problem, fix=fix)
