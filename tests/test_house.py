"""The repository as a whole: what is in it, what it may not say, and that its parts fit."""

import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from hybrid_kd.config import parse_options

ROOT = Path(__file__).resolve().parent.parent
PARTS = (".ci", "benchmarks", "conf", "docs", "hybrid_kd", "local", "steps", "tests")
SOURCES = sorted(
    path
    for part in PARTS
    for path in (ROOT / part).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts and "egg-info" not in str(path)
)
DOCUMENTS = sorted(path for path in ROOT.iterdir() if path.is_file() and path.name != "LICENSE")
MODULES = [path for path in SOURCES if path.suffix == ".py" and "hybrid_kd" in path.relative_to(ROOT).parts]
SCRIPTS = [path for path in SOURCES if path.suffix == ".sh"]
MAX_LINES = 300


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


NEEDED = """
    path.sh cmd.sh Makefile setup.py pyproject.toml constraints.txt README.md CHANGES.md LICENSE .ci/run
    .pre-commit-config.yaml conf/teacher.yaml conf/student.yaml data/.gitignore exp/.gitignore
    local/reference/prepare.sh local/mini/prepare_data.sh local/distil.sh run.sh
    local/chime4/prepare_data.sh docs/kaldi.md docs/chime4.md
"""


@pytest.mark.parametrize("name", NEEDED.split())
def test_the_layout_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_no_file_names_a_place_outside_the_repository() -> None:
    """Data is reached through HYBRID_KD_SHARED, programs through the PATH, scratch space through tmp_path."""
    outside = re.compile(r"(?<![\w.})])/(?:home|mnt|root|srv|tmp|Users|var|work)(?:/|\b)")
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in [*SOURCES, *DOCUMENTS]
        if path != Path(__file__).resolve() and path.suffix not in {".gz", ".png", ".ark", ".safetensors"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if outside.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_of_readable_size_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert not text or text.startswith(('"""', 'r"""'))
    assert "from __future__ import annotations" not in text
    assert path.name != "utils.py"


@pytest.mark.parametrize("path", [*SCRIPTS, ROOT / ".ci/run"], ids=relative)
def test_a_script_is_bash_that_parses(path: Path) -> None:
    is_sourced = path.read_text().startswith("# shellcheck shell=bash")
    assert is_sourced or path.read_text().startswith("#!/usr/bin/env bash\n")
    assert is_sourced != os.access(path, os.X_OK)
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
    assert done.stderr == ""


SYSTEMS = sorted(set((ROOT / "conf").glob("*.yaml")) - set((ROOT / "conf").glob("paper*.yaml")))


@pytest.mark.parametrize("path", SYSTEMS, ids=relative)
def test_every_system_has_options_that_train_knows(path: Path) -> None:
    options_class = importlib.import_module("hybrid_kd.cli.train").Options
    needed = ["--train-data", "--train-ali", "--dev-data", "--dev-ali", "--out"]
    args = [word for flag in needed for word in (flag, "x")]
    assert parse_options(options_class, [*args, "--config", str(path)], prog="hybrid-kd train").config == path


def test_student_and_teacher_have_the_papers_shapes() -> None:
    shapes = {}
    for name in ("student", "teacher"):
        text = (ROOT / f"conf/{name}.yaml").read_text()
        shapes[name] = [
            re.search(rf"^{key}: (\S+)", text, re.M) for key in ("hidden_layers", "hidden_dim", "activation")
        ]
    values = {name: [match and match[1] for match in matches] for name, matches in shapes.items()}
    assert values == {"student": ["4", "512", "sigmoid"], "teacher": ["7", "2048", "sigmoid"]}


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_make_alone_lists_its_targets() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True, env=env)
    for target in ("demo", "test", "check", "bench"):
        assert re.search(rf"^make {target} ", done.stdout, re.M)


def test_constraints_are_exact_versions() -> None:
    """So that `make` installs the same today and in a year; torch's pin lets a CPU build suffice."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert any(line.startswith("torch==") for line in lines)


def test_dependencies_have_lower_bounds_only() -> None:
    """So that an installed torch stays."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("dependencies = [") : text.index("]", text.index("dependencies = ["))]
    assert '"torch>=' in block
    assert not re.search(r'"[^"]*(==|<|~=)', block)
