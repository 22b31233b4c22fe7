"""What must hold between the lists of a record, so that a damaged file is refused where it is read."""

from hybrid_kd.report.records import (
    DevPosteriors,
    ExampleRecord,
    LabelsRecord,
    LearningCurve,
    Record,
    SetRecord,
    SystemResult,
)

BINS = ("bin_frames", "bin_confidence", "bin_accuracy")
BY_TEMPERATURE = (
    "temperatures", "discarded_mass", "argmax_share", "entropy", "entropy_unpruned", "example"
)  # fmt: skip


def check_record(record: Record) -> Record:
    """The record itself.

    Raises: ValueError if lists that go along with each other differ in length, or an index is out of range.
    """
    match record:
        case SetRecord():
            _expect_same_length(record, ("utt_ids", "num_words"))
        case LabelsRecord():
            _expect_same_length(record, BY_TEMPERATURE)
        case ExampleRecord():
            if any(not 0 <= row < len(record.phones) for row in record.phone_ali):
                raise ValueError(f"phone_ali has a row beyond the {len(record.phones)} phones")
        case SystemResult():
            if record.learning_curve is not None:
                _check_curve(record.learning_curve)
            if record.dev_posteriors is not None:
                _expect_same_length(record.dev_posteriors, BINS)
    return record


def _check_curve(curve: LearningCurve) -> None:
    if not curve.dev_cross_entropy:
        raise ValueError("a learning curve without an epoch")
    _expect_same_length(curve, tuple(vars(curve)))


def _expect_same_length(
    record: SetRecord | LabelsRecord | LearningCurve | DevPosteriors, names: tuple[str, ...]
) -> None:
    lengths = {name: len(values) for name in names if (values := getattr(record, name)) is not None}
    first, *others = lengths.items()
    for name, length in others:
        if length != first[1]:
            raise ValueError(f"{name} has {length} items, {first[0]} has {first[1]}")
