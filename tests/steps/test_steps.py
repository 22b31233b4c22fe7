"""steps/kd/*.sh: their checks, and what they make hybrid-kd do (a stand-in that prints its arguments)."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

STEPS = Path(__file__).parents[2] / "steps/kd"
SCRIPTS = ("train", "make_labels", "forward", "decode", "score")
STAND_IN = """#!/usr/bin/env bash
printf '<%s>' "$@"; echo
for word in "$@"; do case $word in ark,scp:*) echo "u1 x" > "${word##*,}";; esac; done
[ ! -e fail ] || { echo 'hybrid-kd: data: no good' >&2; exit 1; }
"""

Call = Callable[..., subprocess.CompletedProcess[str]]


def touch(directory: Path, *names: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).touch()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe directory with the files that the scripts look for, and no utils/."""
    for name in ("tr", "dt"):
        touch(tmp_path / "data" / name, "feats.scp", "utt2spk", "text")
        touch(tmp_path / "exp" / f"ali_{name}", "ali.1.gz", "final.mdl")
    touch(tmp_path / "exp/model", "final.safetensors", "final.mdl", "ali_train_pdf.counts")
    touch(tmp_path / "exp/labels", "labels.json")
    touch(tmp_path / "exp/graph", "words.txt", "HCLG.fst.xz")
    touch(tmp_path / "exp/model/decode_dt", "lat.1.gz")
    touch(tmp_path / "conf", "student.yaml")
    touch(tmp_path / "bin")
    (tmp_path / "bin/hybrid-kd").write_text(STAND_IN)
    (tmp_path / "bin/hybrid-kd").chmod(0o755)
    return tmp_path


@pytest.fixture
def call(recipe: Path) -> Call:
    def call_script(name: str, *args: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": f"{recipe}/bin:{os.environ['PATH']}"}
        return subprocess.run(
            [str(STEPS / f"{name}.sh"), *args],
            cwd=recipe,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return call_script


ARGS = {
    "train": ["data/tr", "data/dt", "exp/ali_tr", "exp/ali_dt", "exp/student"],
    "make_labels": ["data/tr", "exp/model", "exp/new_labels"],
    "forward": ["data/dt", "exp/model", "exp/model/loglikes"],
    "decode": ["exp/graph", "data/dt", "exp/model/decode_dt"],
    "score": ["data/dt", "exp/graph", "exp/model/decode_dt"],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_wrong_arguments_print_usage_with_an_example(call: Call, name: str) -> None:
    for args in ([], [*ARGS[name], "more"]):
        done = call(name, *args)
        assert done.returncode == 1
        assert f"Usage: {STEPS}/{name}.sh [options] <" in done.stderr
        assert f"e.g.: {STEPS}/{name}.sh" in done.stderr
    assert "Usage:" in call(name, "--help").stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_unknown_option_is_fatal(call: Call, name: str) -> None:
    done = call(name, "--njj", "3", *ARGS[name])
    assert done.returncode == 1
    assert "invalid option --njj" in done.stderr


@pytest.mark.parametrize(
    ("name", "absent", "message"),
    [
        ("train", "data/dt/feats.scp", "no such file data/dt/feats.scp"),
        ("train", "exp/ali_tr/ali.1.gz", "no such file exp/ali_tr/ali.1.gz"),
        ("make_labels", "exp/model/final.safetensors", "no such file exp/model/final.safetensors"),
        ("forward", "exp/model/ali_train_pdf.counts", "no such file exp/model/ali_train_pdf.counts"),
        ("decode", "exp/model/final.mdl", "no such file exp/model/final.mdl"),
        ("decode", "exp/graph/HCLG.fst.xz", "no exp/graph/HCLG.fst, .gz or .xz"),
        ("score", "data/dt/text", "no such file data/dt/text"),
        ("score", "exp/model/decode_dt/lat.1.gz", "no such file exp/model/decode_dt/lat.1.gz"),
    ],
)
def test_an_absent_input_is_named_before_anything_runs(
    recipe: Path, call: Call, name: str, absent: str, message: str
) -> None:
    (recipe / absent).unlink()
    done = call(name, *ARGS[name])
    assert done.returncode == 1
    assert done.stderr == f"{STEPS}/{name}.sh: {message}\n"
    assert not list(recipe.glob("**/*.log"))


def test_train_by_several_processes_goes_through_torchrun(recipe: Path, call: Call) -> None:
    (recipe / "bin/torchrun").write_text(STAND_IN)
    (recipe / "bin/torchrun").chmod(0o755)
    done = call("train", "--nproc", "4", "--cmd", "run.pl --gpu 4", *ARGS["train"])
    assert done.returncode == 0, done.stderr
    assert ("<--standalone><--nproc-per-node><4><-m><hybrid_kd><train><--train-data><data/tr>") in (
        recipe / "exp/student/log/train.1.log"
    ).read_text()


def test_train_hands_on_data_labels_and_options(recipe: Path, call: Call) -> None:
    options = ["--config-yaml", "conf/student.yaml", "--teacher-labels", "exp/labels", "--init", "exp/model"]
    done = call("train", *options, "--opts", "--seed 3 --temperatures 3:2,1", *ARGS["train"])
    assert done.returncode == 0, done.stderr
    assert (
        "<train><--config><conf/student.yaml><--init><exp/model><--teacher-labels><exp/labels><--seed><3>"
        "<--temperatures><3:2,1><--train-data><data/tr><--train-ali><exp/ali_tr><--dev-data><data/dt>"
        "<--dev-ali><exp/ali_dt><--out><exp/student>\n"
    ) in (recipe / "exp/student/log/train.1.log").read_text()


def test_train_hands_on_a_map_and_misses_it_before_anything_runs(recipe: Path, call: Call) -> None:
    options = ["--teacher-labels", "exp/labels", "--utt-map", "exp/utt_map"]
    assert "no such file exp/utt_map" in call("train", *options, *ARGS["train"]).stderr
    touch(recipe / "exp", "utt_map")
    done = call("train", *options, *ARGS["train"])
    assert done.returncode == 0, done.stderr
    log = (recipe / "exp/student/log/train.1.log").read_text()
    assert "<--teacher-labels><exp/labels><--utt-map><exp/utt_map>" in log


def test_train_hands_on_several_teachers_and_misses_any(recipe: Path, call: Call) -> None:
    touch(recipe / "exp", "utt_map")
    options = ["--teacher-labels", "exp/labels exp/labels_b", "--utt-map", "- exp/utt_map"]
    assert "no such file exp/labels_b/labels.json" in call("train", *options, *ARGS["train"]).stderr
    (recipe / "exp/labels_b").mkdir()
    touch(recipe / "exp/labels_b", "labels.json")
    done = call("train", *options, *ARGS["train"])
    assert done.returncode == 0, done.stderr
    log = (recipe / "exp/student/log/train.1.log").read_text()
    assert "<--teacher-labels><exp/labels><exp/labels_b><--utt-map><-><exp/utt_map>" in log


def test_train_without_options_gives_none(recipe: Path, call: Call) -> None:
    assert call("train", *ARGS["train"]).returncode == 0
    assert "<train><--train-data>" in (recipe / "exp/student/log/train.1.log").read_text()


def test_make_labels_hands_on_temperatures(recipe: Path, call: Call) -> None:
    assert call("make_labels", "--temperatures", "1,2,3", *ARGS["make_labels"]).returncode == 0
    assert (
        "<label><--teacher><exp/model><--data><data/tr><--out><exp/new_labels>"
        "<--temperatures><1,2,3><--prune-below><0.01>\n"
    ) in (recipe / "exp/model/log/make_new_labels.1.log").read_text()


def test_decode_gives_each_job_its_share(recipe: Path, call: Call) -> None:
    assert call("decode", "--nj", "2", "--beam", "11", *ARGS["decode"]).returncode == 0
    for job in (1, 2):
        assert (
            "<--nj><2><--decoder><auto><--acoustic-scale><0.1><--beam><11><--lattice-beam><8>"
            f"<--job><{job}>\n"
        ) in (recipe / f"exp/model/decode_dt/log/decode.{job}.log").read_text()


def test_decode_takes_another_model(recipe: Path, call: Call) -> None:
    args = ["exp/graph", "data/dt", "elsewhere/decode_dt"]
    assert call("decode", *args).returncode == 1
    assert call("decode", "--srcdir", "exp/model", "--nj", "1", *args).returncode == 0
    assert "<--model><exp/model>" in (recipe / "elsewhere/decode_dt/log/decode.1.log").read_text()


def test_forward_joins_the_jobs_in_order(recipe: Path, call: Call) -> None:
    assert call("forward", "--nj", "2", *ARGS["forward"]).returncode == 0
    out = "exp/model/loglikes"
    assert (
        f"<--nj><2><--job><2><ark,scp:{out}/loglikes.2.ark,{out}/loglikes.2.scp>\n"
        in (recipe / out / "log/forward.2.log").read_text()
    )
    assert (recipe / out / "loglikes.scp").read_text() == "u1 x\nu1 x\n"


def test_score_shows_what_the_command_said(call: Call) -> None:
    done = call("score", "--tune-on", "exp/model/decode_dt exp/model/decode_dt2", *ARGS["score"])
    assert done.stdout.splitlines()[1:] == [
        "<score><exp/model/decode_dt><--data><data/dt><--graph><exp/graph>"
        "<--tune-on><exp/model/decode_dt><exp/model/decode_dt2>"
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_failed_job_fails_the_script_and_names_the_log(recipe: Path, call: Call, name: str) -> None:
    (recipe / "fail").touch()
    done = call(name, *ARGS[name])
    assert done.returncode == 1
    assert "failed, log is in" in done.stderr


def test_without_hybrid_kd_there_is_a_hint(recipe: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    (recipe / "bin/hybrid-kd").unlink()
    for program in ("bash", "dirname"):
        found = shutil.which(program)
        assert found
        (recipe / "bin" / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(recipe / "bin"))
    done = call("score", *ARGS["score"])
    assert done.returncode != 0
    assert "no hybrid-kd on the PATH" in done.stderr


def test_kaldis_utils_come_before_ours(recipe: Path, call: Call) -> None:
    touch(recipe / "utils")
    (recipe / "utils/run.pl").write_text('#!/usr/bin/env bash\necho "this is Kaldi: $*"\n')
    (recipe / "utils/run.pl").chmod(0o755)
    done = call("make_labels", *ARGS["make_labels"])
    assert "this is Kaldi: JOB=1:1 exp/model/log/make_new_labels.JOB.log hybrid-kd label" in done.stdout


def test_cmd_may_have_options_of_its_own(recipe: Path, call: Call) -> None:
    assert call("make_labels", "--cmd", "run.pl --mem 4G", *ARGS["make_labels"]).returncode == 0
    assert (recipe / "exp/model/log/make_new_labels.1.log").is_file()


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_short_and_executable(name: str) -> None:
    path = STEPS / f"{name}.sh"
    assert len(path.read_text().splitlines()) <= 60
    assert os.access(path, os.X_OK)
