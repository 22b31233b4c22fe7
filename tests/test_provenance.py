"""provenance.json: what a system was made from."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_kd import __version__, provenance
from hybrid_kd.provenance import collect_provenance, sha256_of_file, sha256_of_files


def test_a_file_hashes_as_sha256sum_does(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789" * 300_000)
    assert sha256_of_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_hash_by_name_and_content_wherever_they_lie(tmp_path: Path) -> None:
    for place in ("a", "b/c"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "ali.1.gz").write_text("one")
        (tmp_path / place / "ali.2.gz").write_text("two")
    first, second = (sorted((tmp_path / place).glob("ali.*")) for place in ("a", "b/c"))
    assert sha256_of_files(first) == sha256_of_files(second[::-1])
    second[0].write_text("two")
    second[1].write_text("one")
    assert sha256_of_files(first) != sha256_of_files(second)


def test_inputs_are_files_directories_or_lists(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / ".hidden").touch()
    (tmp_path / "x").write_text("x")
    collected = collect_provenance({"file": tmp_path / "x", "dir": tmp_path, "list": [tmp_path / "x"]})[
        "inputs"
    ]
    assert collected["file"] == sha256_of_file(tmp_path / "x")
    assert collected["dir"] == collected["list"] == sha256_of_files([tmp_path / "x"])


def test_it_is_plain_json_and_tells_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/hybrid-kd", "train", "--out", "exp/x"])
    collected = json.loads(json.dumps(collect_provenance({})))
    assert collected["argv"] == ["hybrid-kd", "train", "--out", "exp/x"]
    assert collected["version"] == __version__
    assert set(collected) == {"argv", "version", "commit", "uncommitted_changes", "torch", "inputs"}


def test_the_commit_is_that_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set inside a hook
        monkeypatch.delenv(name, raising=False)
    package = tmp_path / "hybrid_kd"
    package.mkdir()
    (package / "provenance.py").touch()
    monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
    assert collect_provenance({})["commit"] is None

    def git(*args: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e"]
        done = subprocess.run(
            ["git", *identity, *args], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init")
    git("add", ".")
    git("commit", "--message", "first", "--no-verify")
    collected = collect_provenance({})
    assert (collected["commit"], collected["uncommitted_changes"]) == (git("rev-parse", "HEAD"), False)
    (package / "new.py").touch()
    assert collect_provenance({})["uncommitted_changes"] is True


def test_the_version_of_torch_is_told_only_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert collect_provenance({})["torch"] is None


def test_an_input_that_is_absent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        collect_provenance({"x": tmp_path / "absent"})
