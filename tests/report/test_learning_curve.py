"""Training records as columns."""

from typing import Any

from hybrid_kd.report.learning_curve import final_loss, first_epoch_at, learning_curve, seconds_until

EPOCHS: list[dict[str, Any]] = [
    {"epoch": 0, "dev_cross_entropy": 5.0, "dev_frame_accuracy": 0.1},
    {
        "epoch": 1,
        "dev_cross_entropy": 2.123456789,
        "dev_frame_accuracy": 0.5,
        "accepted": True,
        "seconds": 4.0,
    },
    {"epoch": 2, "dev_cross_entropy": 2.5, "dev_frame_accuracy": 0.4, "accepted": False, "seconds": 5.0},
    {"epoch": 3, "dev_cross_entropy": 1.5, "dev_frame_accuracy": 0.6, "accepted": True, "seconds": 6.0},
    {"epoch": 4, "dev_cross_entropy": 1.6, "dev_frame_accuracy": 0.6, "accepted": False, "seconds": 7.0},
]


def test_columns_have_an_item_for_each_epoch() -> None:
    curve = learning_curve(EPOCHS)
    assert curve.dev_cross_entropy == [5.0, 2.12346, 2.5, 1.5, 1.6]
    assert curve.seconds == [None, 4.0, 5.0, 6.0, 7.0]
    assert curve.accepted == [None, True, False, True, False]
    assert curve.temperature == [None] * 5


def test_the_loss_that_training_ends_with_is_that_of_the_network_that_was_kept() -> None:
    assert final_loss(learning_curve(EPOCHS)) == 1.5
    assert final_loss(learning_curve(EPOCHS[:1])) == 5.0


def test_the_first_epoch_that_reaches_a_loss() -> None:
    curve = learning_curve(EPOCHS)
    assert [first_epoch_at(curve, loss) for loss in (6.0, 2.5, 1.55, 1.0)] == [0, 1, 3, None]
    assert seconds_until(curve, 3) == 15.0
    assert seconds_until(curve, 0) == 0.0
