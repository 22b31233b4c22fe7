"""A small directory of clean recordings and one of noises."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.corpus.audio_files import SAMPLE_RATE, write_wav
from hybrid_kd.corpus.mix_list import NoiseRecording, read_noise_list

SPEAKERS = {"ann": ["ONE TWO", "RED PEN"], "bob": ["TWO", "OLD MAP"], "cid": ["ONE", "RED MAP"]}


def tone(length_s: float, hz: float, *, loudness: float = 0.1) -> np.ndarray:
    """A sine with a little noise."""
    time_s = np.arange(int(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    hiss = np.random.default_rng(int(hz)).standard_normal(len(time_s))
    return loudness * (np.sin(2 * np.pi * hz * time_s) + 0.1 * hiss)


@pytest.fixture
def clean_dir(tmp_path: Path) -> Path:
    """Two recordings each of three speakers, and table.tsv of what they say."""
    path = tmp_path / "clean"
    lines = ["path\tspeaker\ttext\tutt_id"]
    for speaker, texts in SPEAKERS.items():
        for number, text in enumerate(texts, start=1):
            write_wav(path / speaker / f"{number}.wav", tone(0.3 + 0.1 * number, 300 + 50 * number))
            lines.append(f"{speaker}/{number}.wav\t{speaker}\t{text}\tu{number}")
    (path / "table.tsv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def noise_dir(tmp_path: Path) -> Path:
    """A recording each of two environments, with noise.tsv."""
    path = tmp_path / "noise"
    lines = ["noise_id\tpath\tenvironment"]
    for number, environment in enumerate(["bus", "cafe"]):
        write_wav(path / f"{environment}.wav", tone(2.0, 700 + 100 * number, loudness=0.05))
        lines.append(f"{environment}_1\t{environment}.wav\t{environment}")
    (path / "noise.tsv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def noises(noise_dir: Path) -> dict[str, NoiseRecording]:
    return read_noise_list(noise_dir)


@pytest.fixture(scope="session")
def espeak() -> None:
    """For tests that let espeak-ng speak."""
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader: pip install 'hybrid_kd[corpus]'")
