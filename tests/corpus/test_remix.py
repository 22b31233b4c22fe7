"""Audio made again from mix.tsv is, sample by sample, the audio that Kaldi's reference experiment used."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid_kd.cli.corpus_remix import Options, run
from hybrid_kd.errors import HybridKdError


@pytest.fixture
def golden(shared: Path, tmp_path: Path) -> Path:
    """The golden utterances as a data directory."""
    path = tmp_path / "golden"
    path.mkdir()
    for name in ("mix.tsv", "text", "utt2spk", "spk2utt"):
        shutil.copyfile(shared / "kaldi-an4/golden" / name, path / name)
    return path


def remix(shared: Path, golden: Path, out: Path) -> None:
    audio = shared / "audio"
    run(Options(data=golden, clean=audio / "an4", noise=audio / "noise", out=out))


def test_the_golden_audio_is_made_again_bit_by_bit(shared: Path, golden: Path, tmp_path: Path) -> None:
    remix(shared, golden, tmp_path / "out")
    expected = sorted((shared / "kaldi-an4/golden/wav").glob("*.flac"))
    assert len(expected) == 8
    for path in expected:
        made, rate = soundfile.read(tmp_path / "out/wav" / f"{path.stem}.wav", dtype="int16")
        assert rate == 16000
        np.testing.assert_array_equal(made, soundfile.read(path, dtype="int16")[0])
    for name in ("text", "utt2spk", "spk2utt"):
        assert (tmp_path / "out" / name).read_bytes() == (golden / name).read_bytes()


def test_lists_that_disagree_are_an_error(shared: Path, golden: Path, tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="--out: is the same as --data"):
        remix(shared, golden, golden)
    lines = (golden / "mix.tsv").read_text().splitlines(keepends=True)
    (golden / "mix.tsv").write_text("".join(lines[:-1]))
    with pytest.raises(HybridKdError, match=r"mix.tsv: other utterances than in utt2spk"):
        remix(shared, golden, tmp_path / "out")
    (golden / "mix.tsv").write_text("".join(lines))
    (golden / "text").unlink()
    with pytest.raises(HybridKdError, match="golden: it holds no text"):
        remix(shared, golden, tmp_path / "out")


@pytest.mark.parametrize("utt_id", ["../../x", "{}/x"])
def test_an_id_never_leads_out_of_the_directory(
    shared: Path, golden: Path, tmp_path: Path, utt_id: str
) -> None:
    utt_id = utt_id.format(tmp_path)
    for name in ("mix.tsv", "text", "utt2spk", "spk2utt"):
        text = (golden / name).read_text().replace("fkdo_an131_BUS_SIMU", utt_id)
        first, *rest = text.splitlines(keepends=True)
        lines = [first, *rest] if name == "mix.tsv" else sorted([first, *rest])
        (golden / name).write_text("".join(lines))
    with pytest.raises(HybridKdError, match=r"mix\.tsv: the name '.*x' cannot be part of a file name"):
        remix(shared, golden, tmp_path / "out")
    assert not list(tmp_path.rglob("x.wav"))
