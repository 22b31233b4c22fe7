"""How soon a retrained student is as good as one that was trained from scratch."""

from dataclasses import dataclass

from hybrid_kd.report.families import Family
from hybrid_kd.report.learning_curve import final_loss, first_epoch_at, seconds_until
from hybrid_kd.report.records import LearningCurve


@dataclass(frozen=True)
class Course:
    """Of one seed: when each training first reaches the dev loss that the one from scratch ends with.

    retrained_epoch, retrained_seconds: None if it never does.
    """

    seed: int
    loss: float
    scratch_epoch: int
    scratch_seconds: float
    scratch_epochs: int
    scratch_total_seconds: float
    retrained_epoch: int | None
    retrained_seconds: float | None

    @property
    def is_faster(self) -> bool:
        """By epochs, each of which costs the same; seconds depend on what else the machine did."""
        return self.retrained_epoch is not None and self.retrained_epoch < self.scratch_epoch

    def in_words(self) -> str:
        """Of both."""
        scratch = f"from scratch {self.scratch_epoch} epochs ({self.scratch_seconds:.0f} s)"
        if self.retrained_epoch is None or self.retrained_seconds is None:
            return f"seed {self.seed}: dev cross-entropy {self.loss:.4f}: {scratch}, retrained never"
        retrained = f"retrained {self.retrained_epoch} ({self.retrained_seconds:.0f} s)"
        return f"seed {self.seed}: dev cross-entropy {self.loss:.4f} after {retrained}, {scratch}"


def compare_courses(retrained: Family, scratch: Family) -> list[Course]:
    """One a seed that both have."""
    others = {system.config.get("seed"): system.learning_curve for system in scratch.systems}
    found = []
    for system in retrained.systems:
        seed, curve = system.config.get("seed"), system.learning_curve
        other = others.get(seed)
        if curve is not None and other is not None:
            found.append(_course(int(seed or 0), curve, other))
    return found


def _course(seed: int, retrained: LearningCurve, scratch: LearningCurve) -> Course:
    loss = final_loss(scratch)
    epoch, own = first_epoch_at(retrained, loss), first_epoch_at(scratch, loss)
    assert own is not None, "a training reaches its own loss"
    last = len(scratch.dev_cross_entropy) - 1
    return Course(
        seed,
        loss,
        own,
        seconds_until(scratch, own),
        last,
        seconds_until(scratch, last),
        epoch,
        None if epoch is None else seconds_until(retrained, epoch),
    )
