"""Every numeric option of a command has a range, and NaN is in none."""

import dataclasses
import math
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

from hybrid_kd.cli import export_labels, forward, label
from hybrid_kd.cli.main import main
from hybrid_kd.errors import HybridKdError
from hybrid_kd.option_ranges import Ranges, check_ranges
from hybrid_kd.training.options import RANGES, TrainOptions, check_options

ELSEWHERE = {"logit_scale"}  # checked where a model is loaded, for all commands
NEEDED = dict.fromkeys(("train_data", "train_ali", "dev_data", "dev_ali", "out"), Path("x"))


def numeric_options(options_class: Any) -> set[str]:
    hints = get_type_hints(options_class)
    return {name for name, hint in hints.items() if {int, float} & {hint, *get_args(hint)}}


@pytest.mark.parametrize(
    ("options_class", "ranges"),
    [
        (TrainOptions, RANGES),
        *((module.Options, module.RANGES) for module in (label, export_labels, forward)),
    ],
    ids=["train", "label", "export-labels", "forward"],
)
def test_every_numeric_option_has_a_range(options_class: Any, ranges: Ranges) -> None:
    assert numeric_options(options_class) - ELSEWHERE == set(ranges)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "below", "above"])
def test_a_value_out_of_its_range_is_refused_with_its_flag(name: str, bad: Any) -> None:
    low, high = RANGES[name]
    if isinstance(low, int) and not isinstance(bad, str):
        return  # tyro reads whole numbers only
    value = {"below": low - 1, "above": 2 * high + 1}.get(bad, bad)
    given = (0.5, value) if name in ("teacher_weights", "teacher_prune_below") else value
    options = dataclasses.replace(TrainOptions(**NEEDED), **{name: given})  # type: ignore[arg-type]
    flag = "--" + name.replace("_", "-")
    with pytest.raises(HybridKdError, match=rf"^{flag}: {value} is out of range\n  fix: give "):
        check_options(options)


def test_the_limits_are_in_the_range_and_none_passes() -> None:
    @dataclasses.dataclass
    class Options:
        rate: float | None

    for rate in (None, 0.0, 1.0):
        check_ranges(Options(rate), {"rate": (0.0, 1.0)})


@pytest.mark.parametrize(
    ("module", "flags", "problem"),
    [
        (label, ["--uncertainty-rank", "-1"], "--uncertainty-rank: -1 is out of range"),
        (label, ["--prune-below", "1.5"], "--prune-below: 1.5 is out of range\n  fix: give 0 to 1"),
        (label, ["--prune-below", "nan"], "--prune-below: nan is out of range"),
        (label, ["--num-threads", "-1"], "--num-threads: -1 is out of range"),
        (label, ["--temperatures", "nan"], "temperature nan is not in"),
        (export_labels, ["--temperature", "nan"], "--temperature: nan is out of range"),
        (export_labels, ["--temperature", "1", "--prune-below", "nan"], "--prune-below: nan is out of range"),
        (export_labels, ["--temperature", "1", "--hard-weight", "1.5"], "--hard-weight: 1.5 is out of range"),
        (forward, ["--nj", "0"], "--nj: 0 is out of range"),
        (forward, ["--nj", "2", "--job", "0"], "--job: 0 is out of range"),
        (forward, ["--nj", "2", "--job", "3"], "--job: there is no part 3 of 2\n  fix: give 1 to --nj"),
    ],
)
def test_bad_options_are_named_before_any_file_is_read(
    module: ModuleType, flags: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = {
        label: ["label", "--teacher", "absent", "--data", "absent", "--out", "absent"],
        export_labels: ["export-labels", "absent", "ark:absent"],
        forward: ["forward", "ark:absent", "--model", "absent", "--data", "absent"],
    }
    assert main([*needed[module], *flags]) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"batch_norm": True, "minibatch_size": 1},
            r"--batch-norm and --minibatch-size 1: a single frame has no variance.*\n  fix: give a larger",
        ),
        (
            {"teacher": (Path("t"),), "hard_weight": 0.0, "soft_weight": 0.0},
            r"--hard-weight 0 and --soft-weight 0: no label has a weight.*\n  fix: give one of them",
        ),
    ],
)
def test_options_that_teach_nothing_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(HybridKdError, match=problem):
        check_options(dataclasses.replace(TrainOptions(**NEEDED), **change))  # type: ignore[arg-type]


def test_a_soft_weight_of_zero_leaves_the_reference(tmp_path: Path) -> None:
    check_options(
        dataclasses.replace(TrainOptions(**NEEDED), teacher=(Path("t"),), soft_weight=0.0)  # type: ignore[arg-type]
    )
