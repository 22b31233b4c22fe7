"""What to do about alignments of other lengths follows from the lengths."""

import gzip
import re
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.frames.matching import Lengths, fix_of_lengths
from tests.tiny_experiment import TinyExperiment, make_tiny_experiment


def fix_of(*lengths: tuple[int, int], has_tolerance: bool = True) -> str:
    return fix_of_lengths(
        [Lengths(*each) for each in lengths],
        given="the alignments",
        wanted="the features",
        remedy="align again",
        has_tolerance=has_tolerance,
    )


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_alignments_of_a_subsampling_model_are_named_with_the_rate(factor: int) -> None:
    """Kaldi's nnet3 rounds the number of its frames up."""
    lengths = [(-(-frames // factor), frames) for frames in range(90, 120)]
    rate = f"the alignments have 1/{factor} of the frames of the features: they are of a model with frame"
    assert fix_of(*lengths).startswith(f"{rate} subsampling {factor}; align again")


def test_features_at_a_third_of_the_rate_are_named_as_such() -> None:
    lengths = [(frames, -(-frames // 3)) for frames in range(90, 120)]
    assert fix_of(*lengths).startswith("the features have 1/3 of the frames of the alignments: make both")


def test_a_few_other_lengths_do_not_hide_the_rate() -> None:
    assert "1/3" in fix_of(*[(100, 300)] * 9, (100, 120))
    assert "1/3" not in fix_of(*[(100, 300)] * 5, *[(100, 120)] * 5)


def test_small_differences_may_be_allowed_where_the_command_can() -> None:
    assert (
        fix_of((100, 102), (100, 97))
        == "align again, or allow the difference in length by --frame-tolerance 3"
    )
    assert fix_of((100, 102), has_tolerance=False) == "align again"


def test_no_tolerance_is_recommended_for_an_alignment_of_something_else() -> None:
    assert fix_of((100, 111)) == fix_of((0, 100)) == fix_of((100, 3000)) == "align again"


def error_of_training(tiny: TinyExperiment, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["train", *tiny.train_args(out)]) == 1
    return capsys.readouterr().err.partition("too many bad utterances: ")[2]


def rewrite_alignments(tiny: TinyExperiment, step: int) -> None:
    """Keep every ``step``-th frame of each alignment; 0 leaves out every other utterance."""
    with gzip.open(tiny.train_ali / "ali.1.gz", "rt") as file:
        lines = [line.split() for line in file]
    kept = [[utt_id, *ali[::step]] for utt_id, *ali in lines] if step else lines[::2]
    with gzip.open(tiny.train_ali / "ali.1.gz", "wt") as file:
        file.writelines(f"{' '.join(words)}\n" for words in kept)


@pytest.mark.parametrize(
    ("step", "fix"),
    [
        (
            3,
            "the alignments have 1/3 of the frames of the features: they are of a model with frame",
        ),
        (
            0,
            r"align all of \S+train, or give a data directory of what \S+train_ali has \(6 utterances, such",
        ),
    ],
)
def test_the_advice_of_training_follows_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: int, fix: str
) -> None:
    tiny = make_tiny_experiment(tmp_path / "tiny")
    rewrite_alignments(tiny, step)
    message = error_of_training(tiny, tmp_path / "out", capsys)
    assert re.search(rf"\n  fix: {fix}", message)
    assert "tolerance" not in message
    assert "final.mdl" not in message
