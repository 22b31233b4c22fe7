"""Where the audio of a data directory's utterances lies: wav.scp, and segments where there is that file."""

import math
from dataclasses import dataclass

from hybrid_kd.archives.data_dir import FIX, DataDir, read_lines
from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import split_words

TO_THE_END = -1.0


@dataclass(frozen=True)
class Recording:
    """An utterance's audio: which part of a file, of ``path:offset`` in an archive, or of ``command |``."""

    location: str
    start_s: float = 0.0
    end_s: float | None = None  # None: to the end
    channel: int | None = None  # 0-based, where segments say it


def read_recordings(data: DataDir) -> dict[str, Recording]:
    """The recording of each utterance, in the directory's order.

    Raises: HybridKdError if there is no wav.scp, or segments have malformed lines, other utterances than
    utt2spk, or recordings that wav.scp lacks.
    """
    wav_scp, segments = data.path / "wav.scp", data.path / "segments"
    if not wav_scp.is_file():
        raise HybridKdError.at(data.path, "it holds no wav.scp", fix="give a data directory with audio")
    locations = dict(read_lines(wav_scp))
    if not segments.exists():
        return {utt_id: Recording(locations[utt_id]) for utt_id in data.utt_ids}
    recordings = {}
    for utt_id, rest in read_lines(segments):
        try:
            recordings[utt_id] = _parse_segment(rest, locations)
        except ValueError as error:
            raise HybridKdError.at(segments, str(error), fix=FIX, key=utt_id) from error
    if list(recordings) != list(data.utt_ids):
        strangers = sorted(set(recordings) ^ set(data.utt_ids))
        problem = f"other utterances than in utt2spk: {len(strangers)} ('{strangers[0]}')"
        raise HybridKdError.at(segments, problem, fix=FIX)
    return recordings


def _parse_segment(rest: str, locations: dict[str, str]) -> Recording:
    """``recording start end [channel]``; an end of -1 is the recording's.

    Source: Kaldi featbin/extract-segments.cc.
    """
    words = split_words(rest)
    if len(words) not in (3, 4):
        raise ValueError(f"expected `recording start end [channel]`, found {rest[:80]!r}")
    if words[0] not in locations:
        raise ValueError(f"recording '{words[0]}' is not in wav.scp")
    start_s, end_s = float(words[1]), float(words[2])
    if not (math.isfinite(start_s) and math.isfinite(end_s)):
        raise ValueError(f"a time that is not finite in {rest[:80]!r}")
    if start_s < 0 or (end_s != TO_THE_END and end_s <= start_s):
        raise ValueError(f"from {start_s:g} s to {end_s:g} s is no segment")
    if len(words) == 4 and not words[3].isdecimal():
        raise ValueError(f"channel {words[3]!r} is not 0, 1, ...")
    channel = int(words[3]) if len(words) == 4 else None
    return Recording(locations[words[0]], start_s, None if end_s == TO_THE_END else end_s, channel)
