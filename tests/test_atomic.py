"""Files and directories appear whole or not at all."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from hybrid_kd.atomic import replace_directory, replace_file


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new/x.bin"
    with replace_file(path) as file:
        file.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "error", [ValueError("bad"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")]
)
def test_an_error_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def write_half() -> None:
        with replace_file(path, "w") as file:
            file.write("new, but only ha")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_at_the_end_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"), replace_file(path, "w") as file:
        file.write("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.mkdir()
    (path / "stale").touch()
    with replace_directory(path) as partial:
        (partial / "fresh").touch()
        assert [child.name for child in path.iterdir()] == ["stale"]
    assert [child.name for child in path.iterdir()] == ["fresh"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_directory(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.mkdir()
    (path / "old").touch()

    def write_half() -> None:
        with replace_directory(path) as partial:
            (partial / "new").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [child.name for child in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("replace", [replace_file, replace_directory])
def test_a_full_disk_is_reported_with_the_name_of_what_was_written(
    tmp_path: Path, replace: Callable[[Path], AbstractContextManager[object]]
) -> None:
    with pytest.raises(OSError, match="No space left") as caught, replace(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


DEAD = 2**22 + 1  # above the largest PID that Linux gives
Replace = Callable[[Path], AbstractContextManager[object]]


def leave_behind(path: Path, pid: int, *, is_directory: bool = False) -> Path:
    """What a killed process leaves of ``path``."""
    partial = path.with_name(f".{path.name}.{pid}.partial")
    if is_directory:
        (partial / "inside").mkdir(parents=True)
    else:
        partial.write_text("half")
    return partial


@pytest.mark.parametrize("is_directory", [False, True])
@pytest.mark.parametrize("replace", [replace_file, replace_directory])
def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_the_same(
    tmp_path: Path, replace: Replace, is_directory: bool
) -> None:
    leave_behind(tmp_path / "out", DEAD, is_directory=is_directory)
    other = leave_behind(tmp_path / "out.json", DEAD)
    with replace(tmp_path / "out"):
        pass
    assert sorted(tmp_path.iterdir()) == sorted([other, tmp_path / "out"])


def test_what_a_really_killed_process_left_is_removed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from hybrid_kd.atomic import replace_directory\n"
        "with replace_directory(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    with replace_directory(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    partial = leave_behind(tmp_path / "out", os.getppid())
    with replace_file(tmp_path / "out"):
        pass
    assert partial.exists()


@pytest.fixture(params=[False, True])
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A partial file or directory that a process of an unknown PID, as in another container, writes."""
    partial = leave_behind(tmp_path / "out", DEAD, is_directory=request.param)
    descriptor = os.open(partial, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield partial
    os.close(descriptor)


def test_what_a_process_of_another_container_writes_stays(tmp_path: Path, locked: Path) -> None:
    with replace_file(tmp_path / "out"):
        pass
    assert locked.exists()


@pytest.mark.parametrize("replace", [replace_file, replace_directory])
def test_what_is_being_written_is_locked(tmp_path: Path, replace: Replace) -> None:
    with replace(tmp_path / "out"):
        (partial,) = tmp_path.iterdir()
        descriptor = os.open(partial, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


def test_nothing_is_removed_where_files_cannot_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    partial = leave_behind(tmp_path / "out", DEAD)
    monkeypatch.setattr(fcntl, "flock", fail)
    with replace_file(tmp_path / "out"):
        pass
    assert partial.exists()
