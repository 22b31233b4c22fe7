"""local/reference/nnet1.sh: what it says before it works."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run_script(*arguments: str, shared: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({} if shared is None else {"HYBRID_KD_SHARED": str(shared)})
    command = ["bash", "local/reference/nnet1.sh", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_help_tells_the_stages() -> None:
    done = run_script("--help")
    assert done.returncode == 0
    assert "0 import, 1 training from nnet.init, 2 retraining" in done.stdout


def test_no_experiment_is_an_error_with_the_usage() -> None:
    done = run_script()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Usage: local/reference/nnet1.sh [options] an4")


def test_an_experiment_without_kaldis_network_is_refused_by_the_name_of_the_file(shared: Path) -> None:
    done = run_script("libri5k", shared=shared)
    assert done.returncode == 1
    assert "no such file data/libri5k/exp/nnet1_student_ce/final.nnet: Kaldi's network of" in done.stderr
