"""Fixtures of the report's tests."""

from pathlib import Path

import pytest

from tests.report.experiment import FakeExperiment


@pytest.fixture
def experiment(tmp_path: Path) -> FakeExperiment:
    """An empty experiment."""
    return FakeExperiment(tmp_path)
