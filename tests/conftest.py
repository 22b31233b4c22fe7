"""Fixtures for all tests."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("any machine", deadline=None)  # a busy one says nothing about the code
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of Kaldi-made reference experiments (HYBRID_KD_SHARED, by default ../shared)."""
    path = Path(os.environ.get("HYBRID_KD_SHARED", ROOT.parent / "shared"))
    if not (path / "kaldi-an4").is_dir():
        pytest.skip(f"needs the reference experiments: {path}/kaldi-an4 is absent (set HYBRID_KD_SHARED)")
    return path.resolve()


@pytest.fixture(scope="session")
def an4(shared: Path) -> Path:
    """data/an4, written from the reference experiment by local/reference/prepare.sh."""
    script = ROOT / "local" / "reference" / "prepare.sh"
    environment = {**os.environ, "HYBRID_KD_SHARED": str(shared)}
    subprocess.run(["bash", str(script), "an4"], cwd=ROOT, env=environment, check=True)
    return ROOT / "data" / "an4"
