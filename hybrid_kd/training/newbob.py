"""Kaldi's newbob learning-rate schedule, as pure functions of what has happened so far.

Each epoch is accepted if and only if the dev loss falls; a rejected one is undone. When the relative
improvement is under ``start_halving_impr`` the rate is halved after every epoch from then on; when it is
under ``end_halving_impr`` while halving, training ends. In a timed stage of a temperature schedule (Kaldi's
keep_lr_iters) the rate is held and no epoch is rejected.

Source: Kaldi steps/nnet/train_scheduler.sh.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class NewbobOptions:
    """learning_rate: a frame, since gradients are summed. max_iters, min_iters: of the untimed stage."""

    learning_rate: float = 0.008
    max_iters: int = 20
    min_iters: int = 0
    start_halving_impr: float = 0.01
    end_halving_impr: float = 0.001
    halving_factor: float = 0.5


@dataclass(frozen=True)
class NewbobState:
    """best_loss: the dev loss of the accepted network. iters: epochs of the untimed stage so far."""

    learning_rate: float
    best_loss: float
    iters: int = 0
    halving: bool = False
    finished: bool = False
    accepted: bool = True


def after_timed_epoch(state: NewbobState, dev_loss: float) -> NewbobState:
    """Accept whatever the loss is, hold the rate."""
    return replace(state, best_loss=dev_loss, accepted=True)


def after_epoch(state: NewbobState, dev_loss: float, options: NewbobOptions) -> NewbobState:
    """Judge one epoch of the untimed stage: accepted or not, the next rate, whether training has ended."""
    iters = state.iters + 1
    accepted = dev_loss < state.best_loss or iters <= options.min_iters
    best_loss = dev_loss if accepted else state.best_loss
    relative_improvement = (state.best_loss - best_loss) / state.best_loss
    wants_end = state.halving and relative_improvement < options.end_halving_impr
    halving = state.halving or relative_improvement < options.start_halving_impr
    finished = (wants_end and iters > options.min_iters) or iters >= options.max_iters
    halve = halving and not wants_end
    return NewbobState(
        learning_rate=state.learning_rate * (options.halving_factor if halve else 1.0),
        best_loss=best_loss,
        iters=iters,
        halving=halving,
        finished=finished,
        accepted=accepted,
    )
