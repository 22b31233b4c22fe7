"""Waveforms of utterances: WAV and FLAC files (libsndfile), WAV archives, and, if allowed, commands.

Samples are scaled as 16-bit integers, as Kaldi's are. What is wrong with one utterance (`BadAudio`)
leaves it out; what needs a decision (another rate, several channels, a command) is an error that names the
option.
Axis letters: samples = in time; channels.
"""

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hybrid_kd.archives.byte_reader import FormatError
from hybrid_kd.archives.recordings import Recording
from hybrid_kd.archives.specifiers import parse_location
from hybrid_kd.archives.streams import open_reader
from hybrid_kd.errors import HybridKdError
from hybrid_kd.tally import Tally

FULL_SCALE = 32768.0
BLOCK_FRAMES = 1 << 20
MIN_SEGMENT_S = 0.1
MAX_OVERSHOOT_S = 0.5
# Sizes written by programs that cannot seek back to the header: the audio goes on to the end of the stream.
UNKNOWN_SIZES = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF)
UNKNOWN_RIFF_SIZES = (0, 0xFFFFFFFF)


@dataclass(frozen=True)
class AudioOptions:
    """What to do about audio that is not one channel at ``sampling_rate`` Hz in a file."""

    sampling_rate: int = 16000
    resample: bool = False
    channel: int | None = None  # 0-based
    allow_pipes: bool = False


class BadAudio(ValueError):  # noqa: N818 (a fact about an utterance, which is left out for it)
    """Why an utterance's audio cannot be used, in a few words that are the same for its kind."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """All channels of a recording."""

    samples: Float32[np.ndarray, "samples channels"]
    rate: int  # Hz


def read_waveforms(
    recordings: Mapping[str, Recording], tally: Tally, *, options: AudioOptions
) -> Iterator[tuple[str, Float32[np.ndarray, " samples"]]]:
    """Read each utterance's samples; ``tally`` counts those that are left out.

    Segments of one recording that follow each other read it once.

    Raises: HybridKdError where an option has to be chosen.
    """
    location, waveform, problem = "", None, ""
    for utt_id, recording in recordings.items():
        if recording.location != location:
            location, waveform = recording.location, None
            try:
                waveform = read_waveform(location, allow_pipes=options.allow_pipes, key=utt_id)
            except BadAudio as error:
                problem = str(error)
        if waveform is None:
            tally.left_out(utt_id, problem, location)
            continue
        try:
            samples = _cut(waveform, recording)
        except BadAudio as error:
            tally.left_out(utt_id, str(error), location)
            continue
        yield utt_id, select_samples(samples, _options_for(options, recording), place=location, key=utt_id)


def _options_for(options: AudioOptions, recording: Recording) -> AudioOptions:
    return options if recording.channel is None else replace(options, channel=recording.channel)


def read_waveform(location: str, *, allow_pipes: bool = False, key: str | None = None) -> Waveform:
    """Read a WAV or FLAC file, the WAV at ``path:offset``, or what ``command |`` prints.

    Raises: BadAudio if it is missing, empty, truncated, damaged, or holds NaN or infinity; HybridKdError
    for a command without ``allow_pipes``.
    """
    source = parse_location(location, key=key)
    is_command = location.endswith("|")
    if not is_command and not Path(source.path).is_file():
        raise BadAudio("no such audio file")
    try:
        with open_reader(source.path, allow_pipes=allow_pipes, key=key) as reader:
            if source.offset is None:
                content = reader.take_rest()
            else:
                reader.seek(source.offset)
                content = reader.take(_size_in_archive(reader.peek(8)))
    except FormatError as error:
        raise BadAudio("the command failed" if is_command else "truncated audio") from error
    return _decode(content)


def _size_in_archive(head: bytes) -> int:
    """How long the WAV is that begins with these 8 bytes."""
    size = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or size in UNKNOWN_SIZES:
        raise BadAudio("no WAV of known size at this place of the archive")
    return 8 + size


def _decode(content: bytes) -> Waveform:
    import soundfile

    if not content:
        raise BadAudio("empty audio")
    if content.startswith(b"RIFF"):
        content = _with_known_sizes(content)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate, num_channels, num_frames = file.samplerate, file.channels, file.frames
            blocks = [np.zeros((0, num_channels), np.float32)]
            while not blocks[1:] or len(blocks[-1]):  # a header's length is not believed
                blocks.append(file.read(BLOCK_FRAMES, "float32", always_2d=True))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BadAudio("audio that cannot be decoded") from error
    samples = np.concatenate(blocks)
    if len(samples) < num_frames:
        raise BadAudio("truncated audio")
    if not len(samples):
        raise BadAudio("empty audio")
    if not np.isfinite(samples).all():
        raise BadAudio("NaN or infinity in audio")
    return Waveform(samples * np.float32(FULL_SCALE), rate)


def _with_known_sizes(content: bytes) -> bytes:
    """A WAV file whose header says how long it is: a stream's unknown sizes become those of what is there.

    libsndfile would believe a data size of 0, and would read a truncated file without an error.

    Raises: BadAudio if the header says more than is there, or has no data chunk.

    Source: Kaldi feat/wave-reader.cc, WaveInfo::Read.
    """
    riff_size = int.from_bytes(content[4:8], "little")
    for name, start, size in _chunks(content):
        if name != b"data":
            continue
        there = len(content) - start
        if riff_size in UNKNOWN_RIFF_SIZES or size in UNKNOWN_SIZES:
            sizes = (struct.pack("<I", value) for value in (len(content) - 8, there))
            return b"".join([content[:4], next(sizes), content[8 : start - 4], next(sizes), content[start:]])
        if size > there:
            raise BadAudio("truncated audio")
        return content
    raise BadAudio("truncated audio")


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size (as the header says) of each chunk of a RIFF file."""
    position = 12
    while position + 8 <= len(content):
        size = struct.unpack_from("<I", content, position + 4)[0]
        yield content[position : position + 4], position + 8, size
        position += 8 + size + size % 2


def sample_at(time_s: float, rate: int) -> int:
    """The sample at a time, rounded half up.

    Times of segments are decimal: 1.005 s * 16000 is 16079.999... in binary, and cutting off the fraction
    would lose a sample, and a frame with it.

    Source: Kaldi featbin/extract-segments.cc.
    """
    return int(time_s * rate + 0.5)


def _cut(waveform: Waveform, recording: Recording) -> Waveform:
    """The part of a recording that a segment means.

    Source: Kaldi featbin/extract-segments.cc.
    """
    if recording.start_s == 0 and recording.end_s is None:
        return waveform
    num_samples = len(waveform.samples)
    first = sample_at(recording.start_s, waveform.rate)
    last = num_samples if recording.end_s is None else sample_at(recording.end_s, waveform.rate)
    if first >= num_samples or last >= num_samples + sample_at(MAX_OVERSHOOT_S, waveform.rate):
        raise BadAudio("segment outside its recording")
    last = min(last, num_samples)
    if last <= first + sample_at(MIN_SEGMENT_S, waveform.rate):
        raise BadAudio(f"segment of at most {MIN_SEGMENT_S:g} s")
    return replace(waveform, samples=waveform.samples[first:last])


def select_samples(
    waveform: Waveform, options: AudioOptions, *, place: str, key: str | None = None
) -> Float32[np.ndarray, " samples"]:
    """One channel at ``options.sampling_rate``.

    Raises: HybridKdError if a channel must be chosen, is not there, or if the rate differs and resampling was
    not asked for.
    """
    num_channels = waveform.samples.shape[1]
    if options.channel is None and num_channels > 1:
        problem = f"audio with {num_channels} channels"
        raise HybridKdError.at(place, problem, fix="choose one with --channel 0 (the first)", key=key)
    if not 0 <= (channel := options.channel or 0) < num_channels:
        problem = f"no channel {channel}, the audio has {num_channels}"
        raise HybridKdError.at(place, problem, fix=f"give --channel 0 to {num_channels - 1}", key=key)
    samples = waveform.samples[:, channel]
    if waveform.rate == options.sampling_rate:
        return np.ascontiguousarray(samples)
    if not options.resample:
        problem = f"audio of {waveform.rate} Hz, the features are for {options.sampling_rate} Hz"
        fix = "allow --resample, or give --sample-frequency in --mfcc-config"
        raise HybridKdError.at(place, problem, fix=fix, key=key)
    return _resample(samples, waveform.rate, options.sampling_rate)


def _resample(
    samples: Float32[np.ndarray, " samples"], old_rate: int, new_rate: int
) -> Float32[np.ndarray, " new_samples"]:
    """Polyphase filtering (Kaiser window)."""
    from scipy.signal import resample_poly

    common = np.gcd(old_rate, new_rate)
    return np.asarray(resample_poly(samples, new_rate // common, old_rate // common), np.float32)
