"""local/an4_audio/clean_data.py: the clean recordings behind noisy utterances, and which belongs to which."""

import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_kd.archives.data_dir import read_data_dir, read_lines, write_data_dir

SCRIPT = Path(__file__).parents[2] / "local/an4_audio/clean_data.py"
MIX = "utt_id\tclean\tnoise_id\tnoise_offset\tsnr_db\n"


def clean_data(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """Two speakers; one sentence of the first in two environments."""
    utt2spk = {"a_u1_BUS_SIMU": "a", "a_u1_CAF_SIMU": "a", "b_u1_PED_SIMU": "b"}
    text = {"a_u1_BUS_SIMU": "ONE TWO", "a_u1_CAF_SIMU": "ONE TWO", "b_u1_PED_SIMU": "THREE"}
    write_data_dir(tmp_path / "noisy", utt2spk=utt2spk, tables={"text": text})
    mix = {"a_u1_BUS_SIMU": "a/1.flac", "a_u1_CAF_SIMU": "a/1.flac", "b_u1_PED_SIMU": "b/1.flac"}
    lines = "".join(f"{utt_id}\t{clean}\tn\t0\t5\n" for utt_id, clean in mix.items())
    (tmp_path / "noisy/mix.tsv").write_text(MIX + lines)
    return tmp_path / "noisy"


def test_each_recording_is_one_utterance_to_which_all_its_mixtures_are_mapped(noisy: Path) -> None:
    out = noisy.parent / "clean"
    done = clean_data(noisy, "audio", out)
    assert done.returncode == 0, done.stderr
    data = read_data_dir(out, needs_feats=False)
    assert data.utt2spk == {"a_u1": "a", "b_u1": "b"}
    assert data.text == {"a_u1": ["ONE", "TWO"], "b_u1": ["THREE"]}
    assert read_lines(out / "wav.scp") == [("a_u1", "audio/a/1.flac"), ("b_u1", "audio/b/1.flac")]
    expected = [("a_u1_BUS_SIMU", "a_u1"), ("a_u1_CAF_SIMU", "a_u1"), ("b_u1_PED_SIMU", "b_u1")]
    assert read_lines(out / "utt_map") == expected


def test_two_recordings_of_one_name_are_an_error(noisy: Path) -> None:
    mix = (noisy / "mix.tsv").read_text()
    (noisy / "mix.tsv").write_text(mix.replace("CAF_SIMU\ta/1.flac", "CAF_SIMU\ta/2.flac"))
    done = clean_data(noisy, "audio", noisy.parent / "clean")
    assert done.returncode == 1
    assert "utterance 'a_u1_CAF_SIMU': 'a_u1' would be audio/a/1.flac and audio/a/2.flac" in done.stderr
