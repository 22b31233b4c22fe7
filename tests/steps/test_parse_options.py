"""steps/kd/utils/parse_options.sh, sourced as Kaldi's is."""

import subprocess
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

PARSE_OPTIONS = Path(__file__).parents[2] / "steps/kd/utils/parse_options.sh"
SCRIPT = f"""
nj=4
cmd=run.pl
stage=0
acoustic_scale=0.1
skip_scoring=false
teacher=
help_message="Usage: script [options] <dir>"
. {PARSE_OPTIONS} || exit 1
set -u
echo "nj=$nj cmd=$cmd acoustic_scale=$acoustic_scale skip_scoring=$skip_scoring teacher=$teacher args=$*"
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.sh"
    path.write_text(SCRIPT)
    return path


def call(script: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", script.name, *args],
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_nothing_given_keeps_the_defaults(script: Path) -> None:
    assert call(script).stdout == "nj=4 cmd=run.pl acoustic_scale=0.1 skip_scoring=false teacher= args=\n"


def test_hyphens_become_underscores_and_the_rest_are_arguments(script: Path) -> None:
    done = call(script, "--acoustic-scale", "0.2", "--teacher", "exp/my teacher", "data/dt", "--nj", "8")
    assert "acoustic_scale=0.2 skip_scoring=false teacher=exp/my teacher args=data/dt --nj 8\n" in done.stdout


def test_a_value_is_not_run(script: Path) -> None:
    assert (
        "teacher=$(touch bad)`touch bad` args" in call(script, "--teacher", "$(touch bad)`touch bad`").stdout
    )
    assert not (script.parent / "bad").exists()


def test_options_win_over_the_config_file_wherever_it_stands(script: Path) -> None:
    (script.parent / "settings").write_text("nj=20\ncmd='queue.pl --mem 4G'\n")
    for args in (["--nj", "8", "--config", "settings"], ["--config", "settings", "--nj", "8"]):
        assert call(script, *args).stdout.startswith("nj=8 cmd=queue.pl --mem 4G acoustic")


def test_help_prints_the_message(script: Path) -> None:
    for flag in ("--help", "-h"):
        done = call(script, flag)
        assert (done.returncode, done.stdout) == (0, "Usage: script [options] <dir>\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--acoustic-scael", "1"], "script.sh: invalid option --acoustic-scael"),
        (["--9x", "1"], "script.sh: invalid option --9x"),
        (["--nj=3"], "script.sh: options are given as --name value, not as '--nj=3'"),
        (["--nj"], "script.sh: option --nj needs a value"),
        (["--skip-scoring", "yes"], 'script.sh: expected "true" or "false": --skip-scoring yes'),
        (["--cmd", ""], "script.sh: empty argument to --cmd option"),
        (["--config", "absent"], "script.sh: --config absent: cannot be read"),
    ],
)
def test_a_wrong_option_is_fatal(script: Path, args: list[str], message: str) -> None:
    done = call(script, *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == message + "\n"
