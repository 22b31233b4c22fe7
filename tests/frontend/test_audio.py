"""Audio of every shape and kind of damage."""

import io
from dataclasses import replace
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
import soundfile

from hybrid_kd.archives.recordings import Recording
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import (
    AudioOptions,
    BadAudio,
    read_waveform,
    read_waveforms,
    sample_at,
    select_samples,
)
from hybrid_kd.tally import Tally

RATE = 16000
TONE = (8000 * np.sin(np.arange(RATE) * 0.1)).astype(np.int16)


def write(path: Path, samples: np.ndarray = TONE, rate: int = RATE, **options: str) -> str:
    soundfile.write(path, samples, rate, **options)
    return str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_samples_are_scaled_as_integers(tmp_path: Path, name: str) -> None:
    waveform = read_waveform(write(tmp_path / name))
    assert waveform.rate == RATE
    np.testing.assert_array_equal(waveform.samples[:, 0], TONE.astype(np.float32))


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_other_depths_have_the_same_scale(tmp_path: Path, subtype: str) -> None:
    waveform = read_waveform(write(tmp_path / "a.wav", TONE / 32768, subtype=subtype))
    np.testing.assert_allclose(waveform.samples[:, 0], TONE, atol=0.01)


def test_a_command_is_run_only_if_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    with pytest.raises(HybridKdError, match=r"'u1': this would run a command\n.*--allow-pipes"):
        read_waveform(f"cat {path} |", key="u1")
    np.testing.assert_array_equal(
        read_waveform(f"cat {path} |", allow_pipes=True).samples, read_waveform(path).samples
    )
    with pytest.raises(BadAudio, match="the command failed"):
        read_waveform("false |", allow_pipes=True)


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [
        (0, 0),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (36 + 2 * RATE, 0),
        (36 + 2 * RATE, 0x7FFFF000),
        (0, 2 * RATE),
        (0, 0x7FFFFFFF),
    ],
)
@pytest.mark.parametrize("extra", [b"", b"\0"], ids=["whole", "half_a_sample_more"])
def test_a_stream_without_lengths_is_read_to_its_end(
    tmp_path: Path, riff_size: int, data_size: int, extra: bytes
) -> None:
    content = bytearray(Path(write(tmp_path / "a.wav")).read_bytes())
    content[4:8], content[40:44] = riff_size.to_bytes(4, "little"), data_size.to_bytes(4, "little")
    (tmp_path / "stream.wav").write_bytes(content + extra)
    for location in (f"{tmp_path}/stream.wav", f"cat {tmp_path}/stream.wav |"):
        samples = read_waveform(location, allow_pipes=True).samples
        np.testing.assert_array_equal(samples[:, 0], TONE.astype(np.float32))


def test_a_stream_that_ends_after_its_header_is_empty(tmp_path: Path) -> None:
    content = bytearray(Path(write(tmp_path / "a.wav")).read_bytes()[:44])
    content[4:8] = content[40:44] = bytes(4)
    (tmp_path / "stream.wav").write_bytes(content)
    with pytest.raises(BadAudio, match="empty audio"):
        read_waveform(f"{tmp_path}/stream.wav")


def test_archives_of_waveforms_are_read_at_their_offsets(tmp_path: Path) -> None:
    with kaldi_native_io.WaveWriter(f"ark,scp:{tmp_path}/w.ark,{tmp_path}/w.scp") as writer:
        for index, utt_id in enumerate(("a", "b")):
            data = TONE[None, : 8000 * (index + 1)].astype(np.float32)
            writer.write(utt_id, kaldi_native_io.WaveData(RATE, data))
    locations = [line.split()[1] for line in (tmp_path / "w.scp").read_text().splitlines()]
    assert [len(read_waveform(location).samples) for location in locations] == [8000, 16000]
    np.testing.assert_array_equal(read_waveform(locations[1]).samples[:, 0], TONE)
    with pytest.raises(BadAudio, match="no WAV of known size at this place of the archive"):
        read_waveform(f"{tmp_path}/w.ark:0")
    with pytest.raises(BadAudio, match="truncated audio"):
        read_waveform(f"{tmp_path}/w.ark:99999999")


def flac_bytes() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, TONE, RATE, format="FLAC")
    return buffer.getvalue()


def wav_bytes() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, TONE, RATE, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty audio"),
        (b"not audio at all", "audio that cannot be decoded"),
        (wav_bytes()[:10], "truncated audio"),
        (wav_bytes()[:44], "truncated audio"),
        (wav_bytes()[:-2], "truncated audio"),
        (flac_bytes()[:50], "audio that cannot be decoded"),
        (flac_bytes()[: len(flac_bytes()) // 2], "audio that cannot be decoded"),
    ],
)
def test_damaged_audio_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BadAudio, match=problem):
        read_waveform(str(tmp_path / "a.wav"))


def test_every_truncation_of_a_file_is_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", TONE[:300], RATE)
    soundfile.write(tmp_path / "short.flac", TONE[:300], RATE)
    for name in ("short.wav", "short.flac"):
        content = (tmp_path / name).read_bytes()
        for length in range(len(content)):
            (tmp_path / "cut").write_bytes(content[:length])
            with pytest.raises(BadAudio):
                read_waveform(str(tmp_path / "cut"))


def test_bad_utterances_are_left_out_and_counted(tmp_path: Path) -> None:
    recordings = {
        "u1": Recording(write(tmp_path / "good.wav")),
        "u2": Recording(str(tmp_path / "none.wav")),
        "u3": Recording(write(tmp_path / "empty.wav", TONE[:0])),
        "u4": Recording(write(tmp_path / "nan.wav", np.array([0.1, np.nan]), subtype="FLOAT")),
        "u5": Recording(write(tmp_path / "good.wav")),
    }
    tally = Tally(tmp_path)
    good = [utt_id for utt_id, _ in read_waveforms(recordings, tally, options=AudioOptions())]
    assert good == ["u1", "u5"]
    assert tally.reason_of == {
        "u2": "no such audio file",
        "u3": "empty audio",
        "u4": "NaN or infinity in audio",
    }


def test_segments_are_cut_as_kaldi_does(tmp_path: Path) -> None:
    location = write(tmp_path / "a.wav")
    recordings = {
        "u1": Recording(location, 0.25, 0.5),
        "u2": Recording(location, 0.5),
        "u3": Recording(location, 0.5, 1.4),  # cut to the end
        "u4": Recording(location, 0.5, 1.5),
        "u5": Recording(location, 1.0, 1.2),
        "u6": Recording(location, 0.5, 0.6),
    }
    tally = Tally(tmp_path)
    cut = dict(read_waveforms(recordings, tally, options=AudioOptions()))
    assert {utt_id: len(samples) for utt_id, samples in cut.items()} == {"u1": 4000, "u2": 8000, "u3": 8000}
    np.testing.assert_array_equal(cut["u1"], TONE[4000:8000])
    outside, short = "segment outside its recording", "segment of at most 0.1 s"
    assert tally.reason_of == {"u4": outside, "u5": outside, "u6": short}


def test_times_become_samples_as_kaldi_rounds_them(tmp_path: Path) -> None:
    location = write(tmp_path / "a.wav", np.tile(TONE, 3))
    times = {"u1": (0.0, 1.005), "u2": (0.0, 1.015), "u3": (0.0, 1.025), "u4": (1.005, 2.03)}
    recordings = {utt_id: Recording(location, start, end) for utt_id, (start, end) in times.items()}
    cut = dict(read_waveforms(recordings, Tally(tmp_path), options=AudioOptions()))
    assert [len(samples) for samples in cut.values()] == [16080, 16240, 16400, 16400]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_time_of_whole_samples_is_that_sample(rate: int) -> None:
    samples = np.arange(0, 600 * rate, 997)
    assert [sample_at(float(f"{sample / rate:.6f}"), rate) for sample in samples] == samples.tolist()


def test_several_channels_need_a_choice(tmp_path: Path) -> None:
    location = write(tmp_path / "a.wav", np.stack([TONE, -TONE], axis=1))
    waveform = read_waveform(location)
    with pytest.raises(
        HybridKdError, match=r"'u': audio with 2 channels\n  fix: choose one with --channel 0"
    ):
        select_samples(waveform, AudioOptions(), place=location, key="u")
    right = select_samples(waveform, AudioOptions(channel=1), place=location)
    np.testing.assert_array_equal(right, -TONE)
    with pytest.raises(HybridKdError, match="no channel 2, the audio has 2"):
        select_samples(waveform, AudioOptions(channel=2), place=location)
    by_segment = {"u": Recording(location, 0.0, 1.0, 1)}
    cut = dict(read_waveforms(by_segment, Tally(tmp_path), options=AudioOptions()))
    np.testing.assert_array_equal(cut["u"], -TONE)


def test_another_rate_needs_a_decision(tmp_path: Path) -> None:
    seconds = np.arange(8000) / 8000
    location = write(tmp_path / "a.wav", (8000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16), 8000)
    waveform, options = read_waveform(location), AudioOptions()
    with pytest.raises(HybridKdError, match=r"audio of 8000 Hz, the features are for 16000 Hz\n.*--resample"):
        select_samples(waveform, options, place=location)
    resampled = select_samples(waveform, replace(options, resample=True), place=location)
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(resampled[200:-200], expected[200:-200], atol=40)
    assert len(select_samples(waveform, AudioOptions(sampling_rate=8000), place=location)) == 8000
