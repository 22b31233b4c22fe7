"""``hybrid-kd features``: MFCC of audio, features of a GMM model, continuing, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid_kd.archives.data_dir import DataDir, read_data_dir, read_features, write_data_dir
from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.cli.features import Options, run
from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend import feature_parts
from hybrid_kd.frontend.cmvn import cmvn_statistics, read_cmvn

pytestmark = pytest.mark.numerical

RATE = 16000


def features(*args: object) -> None:
    """Run the command."""
    run(parse_options(Options, [str(arg) for arg in args], prog="hybrid-kd features"))


def content(path: Path) -> dict[str, bytes]:
    """The files of a feature directory that do not tell how and where it was made, paths in scp relative."""
    names = ("feats.ark", "feats.scp", "cmvn.ark", "utt2num_frames", "utt2dur", "utt2spk", "spk2utt", "text")
    files = {name: path / name for name in names}
    return {
        name: file.read_bytes().replace(str(path).encode(), b"OUT")
        for name, file in files.items()
        if file.is_file()
    }


def write_noise(path: Path, *, seed: int, seconds: float = 0.3, rate: int = RATE, channels: int = 1) -> str:
    noise = np.random.default_rng(seed).normal(scale=3000, size=(int(seconds * rate), channels))
    soundfile.write(path, noise.astype(np.int16), rate)
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """Nine utterances of three speakers."""
    utt_ids = [f"{speaker}_{number}" for speaker in "abc" for number in range(3)]
    (tmp_path / "wav").mkdir()
    wavs = {u: write_noise(tmp_path / f"wav/{u}.wav", seed=index) for index, u in enumerate(utt_ids)}
    tables = {
        "wav.scp": wavs,
        "text": dict.fromkeys(utt_ids, "ONE TWO"),
        "spk2gender": {"a": "f", "b": "m", "c": "f"},
    }
    return write_data_dir(tmp_path / "data", utt2spk={u: u[0] for u in utt_ids}, tables=tables)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two utterances."""
    monkeypatch.setattr(feature_parts, "PART_UTTS", 2)


def golden_data(shared: Path, path: Path) -> Path:
    """The golden utterances as a data directory with audio."""
    golden = shared / "kaldi-an4" / "golden"
    tables = {
        name: dict(line.split(maxsplit=1) for line in (golden / name).read_text().splitlines())
        for name in ("utt2spk", "text")
    }
    tables["wav.scp"] = {utt_id: f"{golden}/wav/{utt_id}.flac" for utt_id in tables["utt2spk"]}
    utt2spk = tables.pop("utt2spk")
    write_data_dir(path, utt2spk=utt2spk, tables=tables)
    return path


def test_mfcc_are_kaldis_and_the_directory_is_complete(shared: Path, tmp_path: Path) -> None:
    data = golden_data(shared, tmp_path / "data")
    features("--data", data, "--out", tmp_path / "out", "--no-compress")
    made = read_data_dir(tmp_path / "out")
    found = dict(read_features(made))
    expected = dict(read_matrices(f"ark:{shared}/kaldi-an4/golden/mfcc_nodither.ark"))
    assert list(found) == list(expected)
    for utt_id, matrix in expected.items():
        np.testing.assert_allclose(found[utt_id], matrix, atol=2e-3)  # as in tests/frontend
    statistics = read_cmvn(tmp_path / "out/cmvn.scp")
    assert list(statistics) == ["fkdo", "mkdb"]
    of_first = sum(cmvn_statistics(found[u]) for u in found if u.startswith("fkdo"))
    np.testing.assert_allclose(statistics["fkdo"], of_first, rtol=1e-12)
    assert (tmp_path / "out/utt2num_frames").read_text().splitlines()[0] == "fkdo_an131_BUS_SIMU 598"
    assert (tmp_path / "out/utt2dur").read_text().splitlines()[0] == "fkdo_an131_BUS_SIMU 6"
    assert not (tmp_path / "out/.parts").exists()


@pytest.mark.parametrize("from_audio", [True, False])
def test_fmllr_frames_have_no_cmvn_and_are_near_kaldis(
    shared: Path, tmp_path: Path, from_audio: bool
) -> None:
    """Kaldi's statistics are over all utterances of a speaker; here, the golden ones stand for them."""
    gmm = shared / "kaldi-an4/exp/tri3b"
    source = golden_data(shared, tmp_path / "data")
    if not from_audio:
        features("--data", source, "--out", tmp_path / "mfcc", "--no-compress")
        source = tmp_path / "mfcc"
    features(
        *("--data", source, "--out", tmp_path / "out", "--no-compress"),
        *("--gmm", gmm, "--transforms", gmm / "decode_dt05_simu"),
    )
    assert not (tmp_path / "out/cmvn.scp").exists()
    found = dict(read_features(read_data_dir(tmp_path / "out")))
    expected = dict(read_matrices(f"ark:{shared}/kaldi-an4/golden/fmllr.ark"))
    assert list(found) == list(expected)
    ours, theirs = (np.concatenate(list(table.values())) for table in (found, expected))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98


def test_features_from_audio_and_from_mfcc_are_the_same(data: DataDir, tmp_path: Path) -> None:
    (tmp_path / "gmm").mkdir()
    features("--data", data.path, "--out", tmp_path / "mfcc", "--no-compress")
    features("--data", data.path, "--out", tmp_path / "direct", "--gmm", tmp_path / "gmm")
    features("--data", tmp_path / "mfcc", "--out", tmp_path / "by_mfcc", "--gmm", tmp_path / "gmm")
    direct, by_mfcc = (dict(read_features(read_data_dir(tmp_path / name))) for name in ("direct", "by_mfcc"))
    for utt_id, matrix in direct.items():
        assert matrix.shape[1] == 39
        np.testing.assert_array_equal(matrix, by_mfcc[utt_id])


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("nj", [1, 3])
def test_the_number_of_processes_changes_nothing(data: DataDir, tmp_path: Path, nj: int) -> None:
    features("--data", data.path, "--out", tmp_path / "one", "--dither", 1)
    features("--data", data.path, "--out", tmp_path / "other", "--dither", 1, "--nj", nj)
    assert content(tmp_path / "one") == content(tmp_path / "other")
    (tmp_path / "gmm").mkdir()
    features("--data", data.path, "--out", tmp_path / "gmm_one", "--gmm", tmp_path / "gmm")
    features("--data", data.path, "--out", tmp_path / "gmm_other", "--gmm", tmp_path / "gmm", "--nj", nj)
    assert content(tmp_path / "gmm_one") == content(tmp_path / "gmm_other")


@pytest.mark.usefixtures("small_parts")
def test_what_was_interrupted_is_continued(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features("--data", data.path, "--out", tmp_path / "whole")
    make_part = feature_parts.make_part

    def make_first_parts(source, utt_ids, path, *, compress, report):  # type: ignore[no-untyped-def]
        if path.name == "3":
            raise HybridKdError.at(path, "a full disk", fix="none")
        make_part(source, utt_ids, path, compress=compress, report=report)

    with monkeypatch.context() as patch:
        patch.setattr(feature_parts, "make_part", make_first_parts)
        with pytest.raises(HybridKdError, match="a full disk"):
            features("--data", data.path, "--out", tmp_path / "out")
    assert not (tmp_path / "out/utt2spk").exists()
    assert sorted(file.name for file in (tmp_path / "out/.parts").glob("*.json")) == [
        "0.json",
        "1.json",
        "2.json",
    ]
    for name in "ab":  # speakers whose parts are finished: their audio is not read again
        (tmp_path / f"wav/{name}_0.wav").unlink()
    features("--data", data.path, "--out", tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_what_is_finished_is_not_made_again(
    data: DataDir, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    features("--data", data.path, "--out", tmp_path / "out")
    before = (tmp_path / "out/feats.ark").stat().st_mtime_ns
    caplog.set_level("INFO")
    features("--data", data.path, "--out", tmp_path / "out", "--nj", 2)
    assert (tmp_path / "out/feats.ark").stat().st_mtime_ns == before
    assert "already done" in caplog.text


def test_another_begin_is_refused(data: DataDir, tmp_path: Path) -> None:
    features("--data", data.path, "--out", tmp_path / "out")
    with pytest.raises(HybridKdError, match=r"features\.json: begun differently: dither was 0\.0, is 1\.0"):
        features("--data", data.path, "--out", tmp_path / "out", "--dither", 1)
    (data.path / "wav.scp").write_text((data.path / "wav.scp").read_text().replace("wav/", "./wav/"))
    with pytest.raises(HybridKdError, match="begun differently: data was"):
        features("--data", data.path, "--out", tmp_path / "out")
    with pytest.raises(HybridKdError, match="--out is --data"):
        features("--data", tmp_path / "out", "--out", tmp_path / "out")
    (tmp_path / "out/features.json").unlink()
    with pytest.raises(HybridKdError, match=r"it is there, but no features\.json says"):
        features("--data", data.path, "--out", tmp_path / "out")


def test_bad_audio_is_left_out_of_every_table(data: DataDir, tmp_path: Path) -> None:
    """Of 101 utterances one is too short for a frame: under 1 %."""
    good, short = str(tmp_path / "wav/a_0.wav"), write_noise(tmp_path / "short.wav", seed=1, seconds=0.02)
    utt2spk = {f"a_{number:03d}": "a" for number in range(100)} | {"b_000": "b"}
    tables = {
        "wav.scp": {u: short if u == "b_000" else good for u in utt2spk},
        "text": dict.fromkeys(utt2spk, "ONE"),
        "spk2gender": {"a": "f", "b": "m"},
    }
    write_data_dir(tmp_path / "many", utt2spk=utt2spk, tables=tables)
    features("--data", tmp_path / "many", "--out", tmp_path / "out")
    made = read_data_dir(tmp_path / "out")
    assert len(made.utt_ids) == 100
    assert list(read_cmvn(tmp_path / "out/cmvn.scp")) == ["a"]
    assert (tmp_path / "out/spk2gender").read_text() == "a f\n"


def test_too_much_bad_audio_is_an_error_until_it_is_mended(data: DataDir, tmp_path: Path) -> None:
    bad = tmp_path / "wav/b_1.wav"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:-100])
    with pytest.raises(HybridKdError, match=r"done 8, left out 1 \(1 truncated audio\)"):
        features("--data", data.path, "--out", tmp_path / "out")
    bad.write_bytes(whole)
    features("--data", data.path, "--out", tmp_path / "out")
    assert len(read_data_dir(tmp_path / "out").utt_ids) == 9


def test_segments_are_honoured(data: DataDir, tmp_path: Path) -> None:
    recording = write_noise(tmp_path / "long.wav", seed=0, seconds=2, channels=2)
    tables = {"wav.scp": {"r": recording}, "segments": {"a_1": "r 0 0.5 0", "a_2": "r 0.5 1.5 1"}}
    write_data_dir(tmp_path / "seg", utt2spk={"a_1": "a", "a_2": "a"}, tables=tables)
    features("--data", tmp_path / "seg", "--out", tmp_path / "out")
    assert (tmp_path / "out/utt2num_frames").read_text() == "a_1 48\na_2 98\n"
    assert (tmp_path / "out/segments").read_text() == (tmp_path / "seg/segments").read_text()
    assert (tmp_path / "out/wav.scp").read_text() == (tmp_path / "seg/wav.scp").read_text()


@pytest.mark.parametrize(
    ("rate", "channels", "problem", "options"),
    [
        (8000, 1, "audio of 8000 Hz, the features are for 16000 Hz", ["--resample"]),
        (RATE, 2, r"audio with 2 channels\n  fix: choose one with --channel 0", ["--channel", "1"]),
    ],
)
def test_audio_that_needs_a_decision_names_the_option(
    tmp_path: Path, rate: int, channels: int, problem: str, options: list[str]
) -> None:
    wav = write_noise(tmp_path / "a.wav", seed=0, rate=rate, channels=channels)
    write_data_dir(tmp_path / "data", utt2spk={"a_1": "a"}, tables={"wav.scp": {"a_1": wav}})
    with pytest.raises(HybridKdError, match=problem):
        features("--data", tmp_path / "data", "--out", tmp_path / "out")
    features("--data", tmp_path / "data", "--out", tmp_path / "decided", *options)
    assert (tmp_path / "decided/utt2num_frames").read_text() == "a_1 28\n"


def test_commands_are_run_only_if_allowed(data: DataDir, tmp_path: Path) -> None:
    tables = {"wav.scp": {"a_1": f"cat {tmp_path}/wav/a_0.wav |"}}
    write_data_dir(tmp_path / "pipes", utt2spk={"a_1": "a"}, tables=tables)
    with pytest.raises(HybridKdError, match=r"this would run a command\n.*--allow-pipes"):
        features("--data", tmp_path / "pipes", "--out", tmp_path / "out")
    features("--data", tmp_path / "pipes", "--out", tmp_path / "out", "--allow-pipes")
    assert (tmp_path / "out/utt2num_frames").read_text() == "a_1 28\n"


def test_a_config_of_kaldis_is_taken(data: DataDir, tmp_path: Path) -> None:
    (tmp_path / "mfcc.conf").write_text("--num-ceps=20\n--num-mel-bins=30\n--dither=0.5\n")
    features("--data", data.path, "--out", tmp_path / "out", "--mfcc-config", tmp_path / "mfcc.conf")
    assert {matrix.shape for _, matrix in read_features(read_data_dir(tmp_path / "out"))} == {(28, 20)}
    options = json.loads((tmp_path / "out/features.json").read_text())["options"]
    assert (options["use_energy"], options["dither"]) == (True, 0.5)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--transforms", "x"], "--transforms: given without --gmm"),
        (["--nj", "0"], "--nj: 0 processes"),
        (["--dither", "-1"], r"--dither: -1\.0 is out of range"),
        (["--gmm", "nowhere"], "nowhere: no such directory"),
        (["--mfcc-config", "nowhere"], "nowhere: cannot be read"),
    ],
)
def test_wrong_options_are_errors(data: DataDir, tmp_path: Path, args: list[str], problem: str) -> None:
    with pytest.raises(HybridKdError, match=problem):
        features("--data", data.path, "--out", tmp_path / "out", *args)


def test_options_of_audio_are_refused_where_mfcc_are_there(data: DataDir, tmp_path: Path) -> None:
    (tmp_path / "gmm").mkdir()
    features("--data", data.path, "--out", tmp_path / "mfcc")
    args = ("--data", tmp_path / "mfcc", "--out", tmp_path / "out", "--gmm", tmp_path / "gmm")
    with pytest.raises(HybridKdError, match="--dither: would change nothing"):
        features(*args, "--dither", 1)
    with open_matrix_writer(f"ark:{tmp_path}/gmm/trans.1") as write:
        for speaker in "abc":
            write(speaker, np.ones((4, 30), np.float32))
    with pytest.raises(HybridKdError, match="a transform of 4 x 30, but the features have 39 coefficients"):
        features(*args, "--transforms", tmp_path / "gmm")
