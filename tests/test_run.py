"""The recipe's entrance: help, and errors before anything runs."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["./run.sh", *args], cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_names_every_stage() -> None:
    done = run("--help")
    assert done.returncode == 0
    stages = [
        line.split('"')[1] for line in (ROOT / "run.sh").read_text().splitlines() if line[:6] == "stage "
    ]
    assert len(stages) == 16
    words = " ".join(done.stdout.replace("#", " ").split())
    assert [number for number in range(len(stages)) if f"{number} " not in words] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--corpus", "nowhere"), "no corpus 'nowhere': no such file local/nowhere/prepare_data.sh"),
        (("--colour", "red"), "invalid option --colour"),
        (("mini",), "Usage: ./run.sh"),
    ],
)
def test_a_mistake_is_said_before_anything_runs(args: tuple[str, ...], message: str) -> None:
    done = run(*args)
    assert done.returncode == 1
    assert message in done.stderr
    assert "stage 0" not in done.stdout
