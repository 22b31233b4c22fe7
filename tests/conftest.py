"""Fixtures for all tests."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from tests.shape_checks import check_shapes_where_there_are_some

check_shapes_where_there_are_some()

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("any machine", deadline=None)  # a busy one says nothing about the code
settings.register_profile("CI", settings.get_profile("any machine"), derandomize=True, database=None)


def hypothesis_profile(environment: Mapping[str, str]) -> str:
    """In CI (CI=true) the examples are the same in each run, so that what fails once fails again."""
    return "CI" if environment.get("CI", "").lower() in {"1", "true"} else "any machine"


settings.load_profile(hypothesis_profile(os.environ))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of Kaldi-made reference experiments (HYBRID_KD_SHARED, by default ../shared)."""
    path = Path(os.environ.get("HYBRID_KD_SHARED", ROOT.parent / "shared"))
    if not (path / "kaldi-an4").is_dir():
        pytest.skip(f"needs the reference experiments: {path}/kaldi-an4 is absent (set HYBRID_KD_SHARED)")
    return path.resolve()


@pytest.fixture(scope="session")
def an4(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/an4 as local/reference/prepare.sh writes it, with absolute paths in feats.scp.

    Each test process writes its own copy, which takes a tenth of a second, so that several need no lock.
    """
    work = tmp_path_factory.mktemp("reference")
    script = ROOT / "local" / "reference" / "prepare.sh"
    environment = {**os.environ, "HYBRID_KD_SHARED": str(shared)}
    subprocess.run(["bash", str(script), "an4"], cwd=work, env=environment, check=True)
    return work / "data" / "an4"
