"""Two commands never write one output directory at the same time."""

import os
from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.lock import only_command_in


def test_a_second_command_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with only_command_in(tmp_path / "out"):
        second = only_command_in(tmp_path / "out")
        with pytest.raises(HybridKdError, match=r"out: another command is writing it\n  fix: wait"), second:
            pass
        with only_command_in(tmp_path / "other"):
            pass
        (tmp_path / "out/file").touch()
    with only_command_in(tmp_path / "out"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "file"]


def test_a_process_that_the_command_forked_holds_the_lock_too(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with only_command_in(tmp_path):
        if not (child := os.fork()):
            os.close(writer)
            os.read(reader, 1)  # until the other end is closed
            os._exit(0)
    os.close(reader)
    with pytest.raises(HybridKdError, match="another command is writing it"), only_command_in(tmp_path):
        pass
    os.close(writer)
    os.waitpid(child, 0)
    with only_command_in(tmp_path):
        pass


def test_a_file_system_that_cannot_lock_is_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(descriptor: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("hybrid_kd.lock.fcntl.flock", cannot)
    with only_command_in(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()
