"""The mean of the best epochs."""

from pathlib import Path

import pytest
import torch

from hybrid_kd.errors import HybridKdError
from hybrid_kd.training.averaging import best_epochs, keep_epoch, mean_of_epochs
from tests.training.students import Trainer, records, weights


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(tmp_path_factory.mktemp("exp"))


def train(trainer: Trainer, name: str, flags: str) -> Path:
    assert trainer.alone("alone", {name: flags}) == [0]
    return trainer.exp / "alone" / name


def test_the_best_are_accepted_epochs_of_highest_accuracy_and_of_equal_ones_the_later() -> None:
    accuracies = [0.9, 0.3, 0.5, 0.6, 0.5, 0.7]
    epochs = [
        {"epoch": number, "accepted": number != 3, "dev_frame_accuracy": accuracy}
        for number, accuracy in enumerate(accuracies)
    ]
    epochs[0].pop("accepted")  # before training
    assert best_epochs(epochs, 2) == [4, 5]
    assert best_epochs(epochs, 3) == [2, 4, 5]
    assert best_epochs(epochs, 99) == [1, 2, 4, 5]


def test_the_network_is_the_mean_of_those_epochs(trainer: Trainer) -> None:
    averaged = train(trainer, "averaged", "--max-iters 5 --min-iters 5 --average 3")
    average = records(averaged)[-1]["average"]
    networks = [
        weights(train(trainer, f"{number}", f"--max-iters {number} --min-iters 5"))
        for number in average["epochs"]
    ]
    assert len(networks) == 3
    for name, value in weights(averaged).items():
        torch.testing.assert_close(value, torch.stack([network[name] for network in networks]).mean(dim=0))
    assert not (averaged / "best_epochs").exists()


def test_its_dev_metrics_are_recorded(trainer: Trainer) -> None:
    averaged = train(trainer, "averaged", "--max-iters 5 --min-iters 5 --average 3")
    average = records(averaged)[-1]["average"]
    begun = f"--init {averaged} --learning-rate 1e-12 --max-iters 1"
    before = records(train(trainer, "begun", begun))[0]
    assert before["dev_cross_entropy"] == pytest.approx(average["dev_cross_entropy"], rel=1e-6)
    assert before["dev_frame_accuracy"] == pytest.approx(average["dev_frame_accuracy"])
    assert "mean of epochs" in (averaged / "log" / "train.log").read_text()


def test_one_epoch_is_the_last_accepted(trainer: Trainer) -> None:
    plain = train(trainer, "plain", "--max-iters 3")
    assert "average" not in records(plain)[-1]


def test_epochs_of_other_networks_are_named(tmp_path: Path) -> None:
    keep_epoch(tmp_path, 1, {"network.a": torch.ones(2), "network.b": torch.ones(1)})
    keep_epoch(tmp_path, 2, {"network.a": torch.ones(2)})
    keep_epoch(tmp_path, 3, {"network.a": torch.ones(2)})
    with pytest.raises(HybridKdError, match=r"epoch_1\.safetensors: .*its tensors are not those of epoch 3"):
        mean_of_epochs(tmp_path, [1, 2, 3])
    torch.testing.assert_close(mean_of_epochs(tmp_path, [2, 3]), {"network.a": torch.ones(2)})
