"""`hybrid-kd label` and `hybrid-kd export-labels` as commands."""

from pathlib import Path

import pytest

from hybrid_kd.archives.posteriors import read_posteriors
from hybrid_kd.cli.main import main
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyExperiment:
    return make_tiny_experiment(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def teacher(tiny: TinyExperiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "teacher"
    assert main(["train", *tiny.train_args(out), "--max-iters", "2"]) == 0
    return out


@pytest.fixture
def args(tiny: TinyExperiment, teacher: Path, tmp_path: Path) -> list[str]:
    """A label command that writes tmp_path/labels."""
    return [
        *("label", "--teacher", str(teacher), "--data", str(tiny.train_data)),
        *("--out", str(tmp_path / "labels"), "--temperatures", "1,2"),
    ]


def test_says_how_much_mass_pruning_discards(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 0
    printed = capsys.readouterr().out
    assert "12 utterances" in printed
    assert "T=1: " in printed
    assert "T=2: " in printed


def test_same_command_again_does_nothing(args: list[str], tmp_path: Path) -> None:
    assert main(args) == 0
    before = (tmp_path / "labels" / "labels.json").stat().st_mtime_ns
    assert main(args) == 0
    assert (tmp_path / "labels" / "labels.json").stat().st_mtime_ns == before


def test_other_options_on_existing_labels_are_an_error(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 0
    assert main([*args[:-1], "1,3"]) == 1
    assert "begun differently: temperatures was [1.0, 2.0], is [1.0, 3.0]" in capsys.readouterr().err


def test_a_directory_that_is_something_else_is_not_overwritten(
    args: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "thesis.tex").write_text("precious")
    assert main(args) == 1
    assert "exists and is not a label store" in capsys.readouterr().err
    assert (tmp_path / "labels" / "thesis.tex").read_text() == "precious"


def test_export_mixes_with_the_alignment(args: list[str], tiny: TinyExperiment, tmp_path: Path) -> None:
    assert main(args) == 0
    archive = f"ark:{tmp_path / 'post.ark'}"
    export = ["export-labels", str(tmp_path / "labels"), archive, "--temperature", "2"]
    assert main([*export, "--ali", str(tiny.train_ali), "--hard-weight", "0.25"]) == 0
    posteriors = dict(read_posteriors(archive))
    assert len(posteriors) == 12
    for utterance in posteriors.values():
        sums = [
            utterance.values[a:b].sum()
            for a, b in zip(utterance.offsets, utterance.offsets[1:], strict=False)
        ]
        assert sums == pytest.approx([1.0] * utterance.num_frames, abs=1e-6)


def test_export_of_another_data_sets_alignment_fails(
    args: list[str], tiny: TinyExperiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 0
    target = tmp_path / "post.ark"
    export = ["export-labels", str(tmp_path / "labels"), f"ark:{target}", "--temperature", "2"]
    assert main([*export, "--ali", str(tiny.dev_ali)]) == 1
    assert "align the data directory that was labelled" in capsys.readouterr().err
    assert not target.exists()
