"""A Kaldi data directory of noisy speech from a mixing list; parallel, and continued where it was stopped."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hybrid_kd.archives.data_dir import write_data_dir
from hybrid_kd.atomic import replace_file
from hybrid_kd.corpus.audio_files import read_audio, write_wav
from hybrid_kd.corpus.mix_list import MixItem, NoiseRecording, write_mix_list
from hybrid_kd.corpus.mixing import cut_noise, mix
from hybrid_kd.corpus.parallel import for_each
from hybrid_kd.errors import HybridKdError
from hybrid_kd.file_names import file_of_id
from hybrid_kd.frontend.audio import AudioOptions, BadAudio
from hybrid_kd.tally import Tally

logger = logging.getLogger(__name__)

RECIPE = "log/recipe.sha256"
Samples = Float32[np.ndarray, " samples"]


@dataclass(frozen=True)
class NoisySet:
    """What a data directory is made of: recipes, what was said by whom, and where the audio is."""

    items: Sequence[MixItem]
    text: Mapping[str, str]  # by utt_id
    utt2spk: Mapping[str, str]
    clean_dir: Path
    noises: Mapping[str, NoiseRecording]
    audio: AudioOptions = field(default_factory=AudioOptions)


def write_noisy_set(noisy: NoisySet, out: Path, *, nj: int = 1) -> None:
    """Mix every utterance into ``out/wav`` and describe them as a Kaldi data directory ``out``.

    A finished directory of the same recipe stays as it is; of a run that was stopped, the wav files are kept.
    An utterance whose clean file is bad is left out.

    Raises: HybridKdError if over 1 % are left out, audio calls for an option, or a noise is missing or bad.
    """
    recipe = _recipe(noisy)
    if _is_finished(out, recipe):
        logger.info("%s: is up to date", out)
        return
    noise_samples = _read_noises(noisy)
    _start(out, recipe)
    items = sorted(noisy.items, key=lambda item: item.utt_id)

    def mix_one(item: MixItem) -> None:
        try:
            _mix_one(item, noisy, noise_samples[item.noise_id], out)
        except BadAudio as error:
            with replace_file(_problem_file(item, out), "w") as file:
                file.write(f"{error}\n")

    shutil.rmtree(out / "log/left_out", ignore_errors=True)
    for_each(mix_one, items, nj=nj, log_dir=out / "log", what=f"mixing {out.name}")
    _describe(noisy, items, out)


def _recipe(noisy: NoisySet) -> str:
    """A hash of all that decides the audio, with size and time of each file."""
    files = {noise.path for noise in noisy.noises.values()} | {noisy.clean_dir / i.clean for i in noisy.items}
    content = [
        [asdict(item) for item in noisy.items],
        sorted(noisy.text.items()),
        sorted(noisy.utt2spk.items()),
        [[key, str(value.path.resolve()), value.train_share] for key, value in noisy.noises.items()],
        asdict(noisy.audio),
        sorted((str(file.resolve()), *_size_and_time(file)) for file in files),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _is_finished(out: Path, recipe: str) -> bool:
    if _recipe_of(out) != recipe or not (out / "utt2spk").exists():
        return False
    paths = [line.split(maxsplit=1)[1] for line in (out / "wav.scp").read_text().splitlines()]
    return all(Path(path).exists() for path in paths)


def _recipe_of(out: Path) -> str:
    return (out / RECIPE).read_text().strip() if (out / RECIPE).exists() else ""


def _start(out: Path, recipe: str) -> None:
    """Remove what another recipe left behind."""
    (out / "utt2spk").unlink(missing_ok=True)
    if _recipe_of(out) != recipe:
        shutil.rmtree(out / "wav", ignore_errors=True)
    with replace_file(out / RECIPE, "w") as file:
        file.write(recipe + "\n")


def _read_noises(noisy: NoisySet) -> dict[str, Samples]:
    samples: dict[str, Samples] = {}
    for item in noisy.items:
        if item.noise_id not in noisy.noises:
            problem = f"its noise '{item.noise_id}' is not in noise.tsv"
            fix = "give the directory of that noise"
            raise HybridKdError.at("mix.tsv", problem, fix=fix, key=item.utt_id)
        if item.noise_id not in samples:
            path = noisy.noises[item.noise_id].path
            try:
                samples[item.noise_id] = read_audio(path, noisy.audio)
            except BadAudio as error:
                raise HybridKdError.at(path, str(error), fix="mend or remove the recording") from error
        length = len(samples[item.noise_id])
        if item.noise_offset >= length:
            problem = f"noise_offset {item.noise_offset}, but '{item.noise_id}' has {length} samples"
            fix = "give the noise that the list was made with"
            raise HybridKdError.at("mix.tsv", problem, fix=fix, key=item.utt_id)
    return samples


def _mix_one(item: MixItem, noisy: NoisySet, noise: Samples, out: Path) -> None:
    """Write one wav file, unless it is there."""
    path = _wav_file(item, out)
    if path.exists():
        return
    speech = read_audio(noisy.clean_dir / item.clean, noisy.audio)
    border = noisy.noises[item.noise_id].border(len(noise))
    part = cut_noise(noise, offset=item.noise_offset, length=len(speech), border=border)
    write_wav(path, mix(speech.astype(np.float64), part.astype(np.float64), snr_db=item.snr_db))


def _wav_file(item: MixItem, out: Path) -> Path:
    return file_of_id(out / "wav", item.utt_id, suffix=".wav", place="mix.tsv")


def _problem_file(item: MixItem, out: Path) -> Path:
    """Why the utterance was left out, if it was."""
    return file_of_id(out / "log/left_out", item.utt_id, place="mix.tsv")


def _describe(noisy: NoisySet, items: Sequence[MixItem], out: Path) -> None:
    """Write the directory's lists."""
    tally = Tally(out)
    good = []
    for item in items:
        problem = _problem_file(item, out)
        if problem.exists():
            tally.left_out(item.utt_id, problem.read_text().strip(), item.clean)
        else:
            good.append(item)
    tally.done(len(good))
    tally.close(fix="mend the files that are named above")
    write_mix_list(out / "mix.tsv", good)
    tables = {
        "text": {item.utt_id: noisy.text[item.utt_id] for item in good},
        "wav.scp": {item.utt_id: os.fspath(_wav_file(item, out)) for item in good},
    }
    write_data_dir(out, utt2spk={item.utt_id: noisy.utt2spk[item.utt_id] for item in good}, tables=tables)
