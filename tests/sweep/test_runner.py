"""A study runs, continues, skips what is recorded, and goes on where a system fails."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.report.records import Study
from hybrid_kd.sweep.estimate import Work
from hybrid_kd.sweep.lock import locked
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.sweep.planning import find_to_do
from hybrid_kd.sweep.recorded import known_of
from hybrid_kd.sweep.study_file import read_study_file
from tests.sweep.conftest import Commands
from tests.sweep.experiment import STUDENT, TinyStudy

pytestmark = pytest.mark.numerical

ONE = "  - {hard_weight: 1}\n"
TWO = "  - {hard_weight: [0.5, 1]}\n"
HARD_AND_RETRAINED = "  - {hard_weight: 0.5, init: hard}\n  - {hard_weight: 1}\n"
NO_TEACHER = "seeds: [0]"


def test_a_study_is_trained_decoded_scored_and_recorded(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(eval_data=study.data.train_data)
    assert study.run() == 0
    lines = study.lines()
    assert set(lines) == {"teacher", "hard_s0", "si_0.5_s0", "si_0.5_T2-1_e1_s0"}
    assert commands.of("label") == ["labels_1-2"]
    annealed = lines["si_0.5_T2-1_e1_s0"]
    assert (annealed.config["temperatures"], annealed.config["hidden_dim"]) == ("2:1,1", 8)
    assert [(decode.set_name, decode.tuned_on) for decode in annealed.decodes] == [
        ("dev", "itself"),
        ("train", "dev"),
    ]
    assert (
        annealed.inputs["teacher_labels"]
        == json.loads((study.exp / "labels_1-2/labels.json").read_text())["sha256"]
    )
    assert "teacher_labels" not in lines["hard_s0"].inputs
    assert list(study.exp.rglob("lat.*.gz")) == []
    out = capsys.readouterr().out
    assert "tiny: 3 systems, 0 recorded" in out
    assert "si_0.5_T2-1_e1_s0: WER " in out
    commands.done.clear()
    assert study.run() == 0
    assert commands.done == []
    assert "tiny: 3 systems, 3 recorded" in capsys.readouterr().out


def test_a_fresh_checkout_does_only_what_is_not_recorded(study: TinyStudy, commands: Commands) -> None:
    study.write(systems=TWO)
    assert study.run() == 0
    before = study.lines()
    shutil.rmtree(study.exp)
    commands.done.clear()
    assert study.run() == 0
    assert commands.done == []
    study.write(systems=TWO + "  - {hard_weight: 0.1}\n")
    assert study.run() == 0
    assert commands.of("train") == ["teacher", "si_0.1_s0"]
    assert study.lines() == before | {"si_0.1_s0": study.lines()["si_0.1_s0"]}


def test_a_start_is_trained_first_and_again_where_only_its_line_is_left(
    study: TinyStudy, commands: Commands
) -> None:
    study.write(systems=HARD_AND_RETRAINED)
    assert study.run("--only", "retrained*") == 0
    assert commands.of("train") == ["teacher", "hard_s0", "retrained_si_0.5_s0"]
    assert set(study.lines()) == {"teacher", "retrained_si_0.5_s0"}
    assert study.lines()["retrained_si_0.5_s0"].training["init"] == "hard_s0"
    assert study.run() == 0
    assert set(study.lines()) == {"teacher", "retrained_si_0.5_s0", "hard_s0"}


def test_what_fails_is_reported_with_its_log_and_does_not_stop_the_rest(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=HARD_AND_RETRAINED)
    commands.breaks = "--out " + str(study.exp / "hard_s0")
    assert study.run() == 1
    assert set(study.lines()) == {"teacher"}
    error = capsys.readouterr().err
    assert (
        f"train hard_s0: {study.exp}/hard_s0/log/train.JOB.log: `hybrid-kd train` ended with status 1"
        in error
    )
    assert "train retrained_si_0.5_s0: not begun, since train hard_s0 failed" in error
    assert "finish retrained_si_0.5_s0: not begun, since train retrained_si_0.5_s0 failed" in error
    assert "4 of 8 steps failed, the others are done" in error
    commands.breaks = None
    assert study.run() == 0
    assert set(study.lines()) == {"teacher", "hard_s0", "retrained_si_0.5_s0"}


def test_students_train_side_by_side_or_alone_where_that_fails(study: TinyStudy, commands: Commands) -> None:
    study.write(systems="  - {hard_weight: [0, 0.5, 1]}\n")
    commands.breaks = "si_0_s0.list"
    assert study.run("--side-by-side", "2") == 0
    assert commands.of("train-together") == []
    assert commands.of("train") == ["teacher", "si_0_s0", "si_0.5_s0", "hard_s0"]
    alone = study.lines()
    shutil.rmtree(study.exp)
    study.results.unlink()
    commands.breaks = None
    commands.done.clear()
    assert study.run("--side-by-side", "2") == 0
    assert commands.of("train-together") == ["si_0_s0.list"]
    assert commands.of("train") == ["teacher", "hard_s0"]
    for name, line in study.lines().items():
        assert line.config == alone[name].config
        # Two epochs at a low rate, rounded differently: 3e-7 apart, where two students are 0.1 apart.
        assert line.dev_cross_entropy == pytest.approx(alone[name].dev_cross_entropy, abs=1e-3)


def test_an_interrupted_study_continues(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=TWO)
    commands.interrupts = "si_0.5_s0/decode_dev"
    assert study.run() == 130
    assert set(study.lines()) == {"teacher"}
    assert "interrupted; the same command continues" in capsys.readouterr().err
    commands.interrupts = None
    assert study.run() == 0
    assert set(study.lines()) == {"teacher", "hard_s0", "si_0.5_s0"}


def test_a_line_of_other_options_or_data_is_an_error(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=ONE, teachers=NO_TEACHER)
    assert study.run() == 0
    shutil.rmtree(study.exp)
    study.write(systems=ONE, teachers=NO_TEACHER, learning_rate=0.04)
    assert study.run() == 1
    message = "hard_s0: recorded with something else: learning_rate was 0.02, is 0.04\n  fix: take back"
    assert message in capsys.readouterr().err
    study.write(systems=ONE, teachers=NO_TEACHER)
    for file in (study.data.train_data / name for name in ("feats.scp", "utt2spk", "text")):
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    spk2utt = study.data.train_data / "spk2utt"
    spk2utt.write_text(spk2utt.read_text().rpartition(" ")[0] + "\n")
    assert study.run() == 1
    assert "hard_s0: recorded with something else: train_frames was" in capsys.readouterr().err


def test_another_teacher_is_an_error(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=TWO)
    assert study.run() == 0
    shutil.rmtree(study.exp)
    other = ", ".join(f"{name}: {value}" for name, value in {**STUDENT, "seed": 7}.items())
    study.write(systems=TWO + "  - {hard_weight: 0.1}\n", teachers=f"teachers: [{{{other}}}]")
    assert study.run() == 1
    error = capsys.readouterr().err
    assert "teacher: recorded with something else: network was" in error
    assert "train si_0.1_s0: not begun, since labels failed" in error


def test_a_given_teacher_is_copied_and_runs_on_the_fly_for_unpruned_labels(
    study: TinyStudy, commands: Commands, tmp_path: Path
) -> None:
    study.write(systems=ONE, teachers=NO_TEACHER)
    assert study.run() == 0
    (study.exp / "hard_s0").rename(tmp_path / "model")
    shutil.rmtree(study.exp)
    study.results.unlink()
    commands.done.clear()
    study.write(
        systems="  - {hard_weight: 0, temperatures: 2, prune_below: 0}\n",
        teachers=f"teacher: {tmp_path}/model",
    )
    assert study.run() == 0
    assert commands.of("label") == []
    assert commands.of("train") == ["si_0_T2_unpruned_s0"]
    line = study.lines()["si_0_T2_unpruned_s0"]
    assert (line.config["teacher"], line.config["prune_below"]) == ("teacher", 0.0)
    assert line.inputs["teacher"] == study.lines()["teacher"].model_sha256


def make_given_teacher(study: TinyStudy, commands: Commands) -> None:
    """A network that was trained before the study, under another name, with labels for T = 1, 2, 3."""
    study.write(systems=ONE, teachers=NO_TEACHER)
    assert study.run("--keep-lattices") == 0
    (study.exp / "hard_s0").rename(study.exp / "network")
    (study.exp / "teacher").symlink_to("network")
    labels = ["--out", str(study.exp / "labels"), "--data", str(study.data.train_data)]
    teacher = str(study.exp / "teacher")
    assert main(["label", "--teacher", teacher, "--temperatures", "1,2,3", *labels]) == 0
    study.results.unlink()
    commands.done.clear()


def test_what_was_made_before_the_study_is_taken_up(study: TinyStudy, commands: Commands) -> None:
    make_given_teacher(study, commands)
    given = f"teacher: {study.exp}/teacher\nlabels: {study.exp}/labels"
    study.write(systems="  - {hard_weight: [0.5, 0.1], temperatures: 2}\n", teachers=given)
    assert study.run("--only", "si_0.5*") == 0
    trained = (study.exp / "si_0.5_T2_s0/final.safetensors").stat()
    study.results.unlink()
    plan = read_study_file(SweepOptions(study.config))
    work = find_to_do(plan, known_of(plan, Study()), plan.systems).work(plan)
    assert work == Work((plan.systems[1],), 1, 1, makes_teacher=True, makes_labels=False)
    for side_by_side in ("1", "8"):
        commands.done.clear()
        assert study.run("--side-by-side", side_by_side) == 0
        lines = study.lines()
        assert set(lines) == {"network", "si_0.5_T2_s0", "si_0.1_T2_s0"}
        assert lines["network"].aliases == ["teacher"]
    assert commands.done == []
    assert (study.exp / "si_0.5_T2_s0/final.safetensors").stat() == trained
    header = json.loads((study.exp / "labels/labels.json").read_text())
    assert lines["si_0.1_T2_s0"].inputs["teacher_labels"] == header["sha256"]
    assert [path.name for path in study.exp.glob("labels*")] == ["labels"]


def test_given_labels_that_do_not_suffice_are_an_error(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    make_given_teacher(study, commands)
    flags = ["--teacher", str(study.exp / "teacher"), "--labels", str(study.exp / "labels")]
    study.write(systems="  - {temperatures: [0.5, 2, 5]}\n", teachers=NO_TEACHER)
    assert study.run(*flags) == 1
    error = capsys.readouterr().err
    assert "labels/labels.json: no labels at T = 0.5, 5\n  fix: leave `labels` (--labels) out" in error
    study.write(systems="  - {temperatures: 2, prune_below: 0.001}\n", teachers=NO_TEACHER)
    assert study.run(*flags) == 1
    assert "pruned below 0.01, the study needs 0.001\n" in capsys.readouterr().err
    assert commands.done == []
    study.write(systems="  - {temperatures: 5}\n", teachers=NO_TEACHER)
    assert study.run(*flags[:2], "--labels", str(study.exp / "others")) == 0
    header = json.loads((study.exp / "others/labels.json").read_text())
    assert header["temperatures"] == [5.0]


def test_a_network_that_was_trained_otherwise_is_not_taken_up(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=ONE, teachers=NO_TEACHER, learning_rate=0.04)
    assert study.run() == 0
    study.results.unlink()
    study.write(systems=ONE, teachers=NO_TEACHER)
    assert study.run("--side-by-side", "8") == 1
    assert (
        "hard_s0/config.yaml: trained with something else: learning_rate was 0.04, is 0.02"
        in capsys.readouterr().err
    )
    assert study.lines() == {}


def test_what_is_missing_is_named_before_any_work(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=TWO, teachers="teacher: nowhere")
    assert study.run() == 1
    assert "nowhere: no such model directory" in capsys.readouterr().err
    assert study.run("--dev-data", "gone") == 1
    assert (
        "tiny: no gone/feats.scp, no gone/utt2spk, no gone/text\n  fix: prepare them"
        in capsys.readouterr().err
    )
    assert commands.done == []


def test_a_dry_run_only_tells(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=HARD_AND_RETRAINED)
    assert study.run("--dry-run") == 0
    out = capsys.readouterr().out
    assert "tiny: 2 systems, 0 recorded" in out
    assert "  teacher: make, or take, label, decode and score dev\n" in out
    assert "  retrained_si_0.5_s0: train from hard_s0, decode and score dev" in out
    assert commands.done == []
    assert not study.exp.exists()


def test_only_one_sweep_at_a_time(
    study: TinyStudy, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    study.write(systems=ONE, teachers=NO_TEACHER)
    with locked(study.exp):
        assert study.run() == 1
    assert "sweeps here, or a command that it began has not ended yet\n  fix: wait" in capsys.readouterr().err


def test_lattices_are_kept_or_can_be_made_again(study: TinyStudy, commands: Commands) -> None:
    study.write(systems=ONE, teachers=NO_TEACHER)
    assert study.run("--keep-lattices") == 0
    (lattices,) = study.exp.rglob("lat.1.gz")
    before = lattices.read_bytes()
    study.results.unlink()
    assert study.run() == 0
    assert not lattices.exists()
    study.results.unlink()
    assert study.run() == 0
    assert not lattices.exists()
    paths = ["--model", str(study.exp / "hard_s0"), "--out", str(lattices.parent)]
    paths += ["--data", str(study.data.dev_data), "--graph", str(study.root / "graph")]
    assert main(["decode", *paths, "--decoder", "embedded", "--beam", "6", "--lattice-beam", "3"]) == 0
    assert gzip.decompress(lattices.read_bytes()) == gzip.decompress(before)


def test_other_beams_are_decoded_with_the_network_that_is_there(study: TinyStudy, commands: Commands) -> None:
    study.write(systems=ONE, teachers=NO_TEACHER)
    assert study.run() == 0
    commands.done.clear()
    train = str(study.data.train_data)
    assert study.run("--beam", "7", "--eval-data", train) == 0
    assert commands.of("decode") == ["decode_dev_7_3", "decode_train_7_3"]
    assert len(study.lines()["hard_s0"].decodes) == 3
