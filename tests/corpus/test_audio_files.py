"""Reading and writing audio: what is not one whole channel at 16 kHz is never used silently."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.corpus.audio_files import SAMPLE_RATE, read_audio, to_pcm16, write_wav
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions, BadAudio
from tests.corpus.conftest import tone

pytestmark = pytest.mark.numerical

AS_IT_IS = AudioOptions()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    samples = tone(0.1, 440)
    write_wav(tmp_path / "a.wav", samples)
    read = read_audio(tmp_path / "a.wav", AS_IT_IS)
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_16"
    np.testing.assert_array_equal(read * 32768, to_pcm16(samples))
    np.testing.assert_allclose(read, samples, atol=1 / 32768)


@given(st.lists(st.floats(-1.2, 1.2) | st.integers(-(2**17), 2**17).map(lambda k: k / 2**17), min_size=1))
def test_sixteen_bits_are_those_of_libsndfile(values: list[float]) -> None:
    import io

    file = io.BytesIO()
    soundfile.write(file, np.array(values), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    file.seek(0)
    np.testing.assert_array_equal(to_pcm16(np.array(values)), soundfile.read(file, dtype="int16")[0])


def test_another_rate_is_refused_or_resampled(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.2, 400)[:1600], 8000)
    with pytest.raises(
        HybridKdError, match=r"a.wav: audio of 8000 Hz, the corpus is to have 16000 Hz\n.*--resample"
    ):
        read_audio(tmp_path / "a.wav", AS_IT_IS)
    assert len(read_audio(tmp_path / "a.wav", AudioOptions(resample=True))) == 3200


def test_two_channels_call_for_a_choice(tmp_path: Path) -> None:
    both = np.stack([tone(0.1, 400), tone(0.1, 500)], axis=1)
    soundfile.write(tmp_path / "a.wav", both, SAMPLE_RATE)
    with pytest.raises(HybridKdError, match="2 channels"):
        read_audio(tmp_path / "a.wav", AS_IT_IS)
    second = read_audio(tmp_path / "a.wav", AudioOptions(channel=1))
    np.testing.assert_allclose(second, both[:, 1], atol=1 / 32768)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "no such audio file"), (b"", "empty audio"), (b"no audio", "audio that cannot be decoded")],
)
def test_a_bad_file_says_what_it_is(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BadAudio, match=problem):
        read_audio(tmp_path / "a.wav", AS_IT_IS)
