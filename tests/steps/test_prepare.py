"""local/reference/prepare.sh, on a made-up experiment and on the real ones."""

import os
import subprocess
from pathlib import Path

import pytest

PREPARE = Path(__file__).parents[2] / "local/reference/prepare.sh"
SMALL_FILES = ("text", "utt2spk", "spk2utt", "utt2dur", "utt2num_frames")


def prepare(name: str, *, shared: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HYBRID_KD_SHARED": str(shared)}
    return subprocess.run(
        [str(PREPARE), name], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A directory like ../shared, with blanks in its name, and one set of one utterance."""
    shared = tmp_path / "all my data"
    experiment = shared / "kaldi-an4"
    fmllr = experiment / "data-fmllr/dt"
    fmllr.mkdir(parents=True)
    for name in SMALL_FILES:
        (fmllr / name).write_text(f"{name}\n")
    (fmllr / "feats.ark").write_bytes(b"")
    (fmllr / "feats.scp").write_text("u1 ../shared/kaldi-an4/data-fmllr/dt/feats.ark:20\n")
    (experiment / "exp/tri3b/graph").mkdir(parents=True)
    (experiment / "data/lang_test").mkdir(parents=True)
    return shared


def test_paths_become_absolute(made_up: Path, tmp_path: Path) -> None:
    done = prepare("an4", shared=Path("all my data"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "data/an4"
    archive = made_up / "kaldi-an4/data-fmllr/dt/feats.ark"
    assert (out / "data-fmllr/dt/feats.scp").read_text() == f"u1 {archive}:20\n"
    assert all((out / "data-fmllr/dt" / name).read_text() == f"{name}\n" for name in SMALL_FILES)
    assert (out / "exp/tri3b/graph").is_dir()
    assert (out / "data/lang_test").is_dir()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["an4"]


def test_signal_to_noise_ratios_are_those_of_the_mixtures(made_up: Path, tmp_path: Path) -> None:
    mix = made_up / "kaldi-an4/data/dt/mix.tsv"
    mix.parent.mkdir()
    mix.write_text("utt_id\tclean\tsnr_db\nu2\ta b.flac\t9.5\nu1\tc.flac\t0.5\n")
    assert prepare("an4", shared=made_up, cwd=tmp_path).returncode == 0
    assert (tmp_path / "data/an4/data-fmllr/dt/utt2snr").read_text() == "u1 0.5\nu2 9.5\n"
    mix.write_text("utt_id\tclean\n")
    done = prepare("an4", shared=made_up, cwd=tmp_path)
    assert done.returncode == 1
    assert "mix.tsv: no column snr_db" in done.stderr


def test_a_second_call_writes_nothing(made_up: Path, tmp_path: Path) -> None:
    prepare("an4", shared=made_up, cwd=tmp_path)
    before = (tmp_path / "data/an4").stat()
    assert "is up to date" in prepare("an4", shared=made_up, cwd=tmp_path).stdout
    after = (tmp_path / "data/an4").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_moved_experiment_is_prepared_again(made_up: Path, tmp_path: Path) -> None:
    prepare("an4", shared=made_up, cwd=tmp_path)
    moved = made_up.rename(tmp_path / "moved")
    assert "wrote data/an4" in prepare("an4", shared=moved, cwd=tmp_path).stdout
    assert str(moved) in (tmp_path / "data/an4/data-fmllr/dt/feats.scp").read_text()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["an4"]


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ("data-fmllr/dt/text", "no such file {}"),
        ("data-fmllr/dt/feats.ark", "no such file {}"),
        ("exp", "no reference experiment {}"),
    ],
)
def test_what_is_not_whole_is_named_and_leaves_nothing_behind(
    made_up: Path, tmp_path: Path, absent: str, message: str
) -> None:
    path = made_up / "kaldi-an4" / absent
    path.rename(tmp_path / "elsewhere")
    done = prepare("an4", shared=made_up, cwd=tmp_path)
    assert done.returncode == 1
    named = path.parent if absent == "exp" else path
    assert f"{PREPARE}: {message.format(named)}\n" in done.stderr
    assert list((tmp_path / "data").glob("*")) == list((tmp_path / "data").glob(".*")) == []


def test_a_path_that_cannot_be_made_absolute_is_an_error(made_up: Path, tmp_path: Path) -> None:
    (made_up / "kaldi-an4/data-fmllr/dt/feats.scp").write_text("u1 feats.ark:20\n")
    done = prepare("an4", shared=made_up, cwd=tmp_path)
    assert done.returncode == 1
    assert "feats.scp: does not start with ../shared: feats.ark:20" in done.stderr


def test_an_absent_directory_is_named_with_a_fix(tmp_path: Path) -> None:
    done = prepare("an4", shared=tmp_path / "absent", cwd=tmp_path)
    assert done.returncode == 1
    assert f"no reference experiment {tmp_path}/absent/kaldi-an4" in done.stderr
    assert "fix: set HYBRID_KD_SHARED" in done.stderr


def test_another_name_prints_the_usage(tmp_path: Path) -> None:
    done = prepare("wsj", shared=tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert "Usage:" in done.stderr
    assert "an4|libri5k" in done.stderr


@pytest.mark.parametrize(("name", "num_utts"), [("an4", 416), ("libri5k", 332)])
def test_the_reference_experiments_are_whole(shared: Path, tmp_path: Path, name: str, num_utts: int) -> None:
    done = prepare(name, shared=shared, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "data" / name / "data-fmllr/dt05_simu/feats.scp").read_text().splitlines()
    assert len(lines) == num_utts
    ratios = (tmp_path / "data" / name / "data-fmllr/dt05_simu/utt2snr").read_text().splitlines()
    assert [line.split()[0] for line in ratios] == [line.split()[0] for line in lines]
    archives = {line.split(" ", 1)[1].rpartition(":")[0] for line in lines}
    assert all(Path(archive).is_file() and Path(archive).is_absolute() for archive in archives)
    for alignment in ("tri3b_ali_tr05_multi", "tri3b_ali_dt05_simu"):
        assert (tmp_path / "data" / name / "exp" / alignment / "ali.1.gz").is_file()
    assert list((tmp_path / "data" / name / "exp/tri3b/graph").glob("HCLG.fst*"))
