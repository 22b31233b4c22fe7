"""Which students cannot be trained side by side, and what is said of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.training import inputs as inputs_module
from hybrid_kd.training import together
from hybrid_kd.training.inputs import Inputs
from hybrid_kd.training.options import TrainOptions
from hybrid_kd.training.together import check_together
from tests.training.students import Trainer


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(tmp_path_factory.mktemp("exp"))


def refusal(trainer: Trainer, capsys: pytest.CaptureFixture[str], students: dict[str, str]) -> str:
    """What a list is refused with, before anything is written."""
    assert trainer.together("refused", students) == 1
    assert not (trainer.exp / "refused").exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("students", "problem"),
    [
        (["--hidden-dim 9", ""], "/b: --hidden-dim is 8, that of a student beside it 9"),
        (
            ["TAUGHT", "TAUGHT --prune-below 0.1"],
            "/b: --prune-below is 0.1, that of a student beside it 0.01",
        ),
        (["", "TAUGHT --minibatch-size 9"], "/a: --minibatch-size is 16, that of a student beside it 9"),
        (["", "--order-seed 6"], "/b: --order-seed is 6, that of a student beside it 5\n  fix: give all"),
        (["", "--momentum 0.5"], "/b: --momentum (0.5) is not for students that train together"),
        (["--batch-norm", "--batch-norm"], "/a: --batch-norm (True) is not for students that train together"),
        (["", "--l2-penalty 0.01"], "/b: --l2-penalty (0.01) is not for students that train together"),
        (["", "--hard-weight 2"], "--hard-weight: 2.0 is out of range"),
        (["", "--hard-weight '2"], "refused.list, line 4: No closing quotation"),
        ([], "there is no system to train"),
    ],
)
def test_what_cannot_train_together_is_refused(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], students: Sequence[str], problem: str
) -> None:
    message = refusal(trainer, capsys, dict(zip("ab", students, strict=False)))
    assert problem in message
    assert "fix: " in message


def test_one_name_twice_is_refused(trainer: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(trainer, capsys, {"a": "", "b/../a": "--hard-weight 0.1"})
    assert "the name 'b/../a' cannot be part of a file name" in message
    here = Path("x")
    options = TrainOptions(here, here, here, here, out=here)
    with pytest.raises(HybridKdError, match="train-together: two systems have one directory"):
        check_together([options, options])


def test_networks_that_normalise_otherwise_are_refused(
    trainer: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = {"elsewhere": f"--train-data {trainer.tiny.dev_data} --train-ali {trainer.tiny.dev_ali}"}
    assert trainer.alone("other", elsewhere, "--max-iters", "1") == [0]
    assert trainer.together("normalised", {"a": "", "b": "--init EXP/other/elsewhere"}) == 1
    assert "b: its network normalises frames otherwise than that of" in capsys.readouterr().err


def test_a_student_without_a_teacher_beside_a_teacher_that_lacks_labels_is_refused(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_teacher = inputs_module._with_teachers

    def lacking(options: Any, inputs: Inputs) -> Inputs:
        found = with_teacher(options, inputs)
        lengths = found.train.inputs.utt_offsets.diff().tolist()
        return replace(found, train=found.train.select(dict(enumerate(lengths[:-1]))))

    monkeypatch.setattr(inputs_module, "_with_teachers", lacking)
    message = refusal(trainer, capsys, {"a": "TAUGHT", "b": ""})
    assert "b: has no teacher, and that of the students beside it lacks labels" in message


def test_several_processes_do_not_share_a_stack(
    trainer: Trainer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "local_rank", lambda: 0)
    message = refusal(trainer, capsys, {"a": "", "b": "--hard-weight 0.1"})
    assert (
        "train-together under torchrun: students that share their minibatches are trained by one" in message
    )
    assert "fix: start it without torchrun" in message
