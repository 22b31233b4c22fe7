"""The embedded corpus: a grammar's sentences, spoken by espeak-ng, in synthetic noise."""

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from hybrid_kd.corpus.audio_files import write_wav
from hybrid_kd.corpus.drawing import CleanUtterance, draw_noisy_set, draw_options_of
from hybrid_kd.corpus.lexicon import make_lexicon, write_dict_dir
from hybrid_kd.corpus.mix_list import read_noise_list
from hybrid_kd.corpus.options import MiniOptions
from hybrid_kd.corpus.parallel import for_each
from hybrid_kd.corpus.sentences import draw_sentences, vocabulary
from hybrid_kd.corpus.simulate import write_noisy_set
from hybrid_kd.corpus.speakers import Speaker, draw_speakers, record
from hybrid_kd.corpus.synthetic_noise import make_noise
from hybrid_kd.corpus.tables import write_lines, write_table
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions

logger = logging.getLogger(__name__)

SETS = {"tr": "tr05_multi", "dt": "dt05_simu", "et": "et05_simu"}
ENVIRONMENTS = ("BUS", "CAF", "PED", "STR")
VERSION = 1  # of what a seed gives
SIZES = (  # options that must be above 0
    *("tr_speakers", "tr_sentences", "dt_speakers", "dt_sentences", "et_speakers", "et_sentences"),
    *("lm_sentences", "noise_s"),
)


@dataclass(frozen=True)
class Prompt:
    """A sentence to be read by a speaker."""

    sentence_id: str  # <speaker>_<number>
    speaker: Speaker
    text: str

    @property
    def clean(self) -> str:
        """Path of its clean recording."""
        return f"{self.speaker.speaker_id}/{self.sentence_id}.wav"


def make_mini_corpus(options: MiniOptions) -> None:
    """Write ``out/{tr05_multi,dt05_simu,et05_simu,dict,lm_text}``, and ``out/clean``, ``out/noise``.

    What an earlier run with the same options has finished stays as it is.

    Raises: HybridKdError if espeakng-loader is not installed or lacks something, or a size is 0.
    """
    out = options.out
    for name in SIZES:
        if getattr(options, name) <= 0:
            raise HybridKdError.at(f"--{name.replace('_', '-')}", "must be above 0", fix="give more")
    prompts = draw_prompts(options)
    write_dict_dir(out / "dict", make_lexicon(vocabulary()))
    _write_lm_text(out / "lm_text", prompts, options)
    _record(out, prompts, options.nj)
    _make_noises(options)
    noises = read_noise_list(out / "noise")
    for name, of_set in prompts.items():
        noisy = draw_noisy_set(
            [CleanUtterance(p.sentence_id, p.speaker.speaker_id, p.text, p.clean) for p in of_set],
            clean_dir=out / "clean",
            noises=noises,
            options=draw_options_of(name, options, AudioOptions()),
        )
        write_noisy_set(noisy, out / SETS[name], nj=options.nj)


def _start(directory: Path, recipe: dict[str, object]) -> None:
    """Empty a directory of audio that another recipe has made."""
    file = directory / "recipe.json"
    content = json.dumps({"version": VERSION, **recipe})
    if not file.exists() or file.read_text().rstrip() != content:
        shutil.rmtree(directory, ignore_errors=True)
        write_lines(file, [content])


def draw_prompts(options: MiniOptions) -> dict[str, list[Prompt]]:
    """Who reads what in tr, dt and et: no sentence and no speaker is in two of them."""
    counts = {
        "et": (options.et_speakers, options.et_sentences),
        "dt": (options.dt_speakers, options.dt_sentences),
        "tr": (options.tr_speakers, options.tr_sentences),
    }
    taken: set[str] = set()
    prompts = {}
    for name, (num_speakers, num_sentences) in counts.items():
        speakers = draw_speakers(options.seed, name, num_speakers)
        texts = draw_sentences(
            options.seed, f"sentences {name}", num_speakers * num_sentences, exclude=frozenset(taken)
        )
        taken.update(texts)
        prompts[name] = [
            Prompt(f"{speaker.speaker_id}_{number:04d}", speaker, text)
            for index, speaker in enumerate(speakers)
            for number, text in enumerate(texts[index::num_speakers], start=1)
        ]
    return {name: prompts[name] for name in SETS}


def _write_lm_text(path: Path, prompts: dict[str, list[Prompt]], options: MiniOptions) -> None:
    """Sentences for the language model: none of them in dt or et."""
    tests = frozenset(prompt.text for name in ("dt", "et") for prompt in prompts[name])
    write_lines(path, draw_sentences(options.seed, "sentences lm", options.lm_sentences, exclude=tests))


def _record(out: Path, prompts: dict[str, list[Prompt]], nj: int) -> None:
    everything = [prompt for of_set in prompts.values() for prompt in of_set]
    digest = hashlib.sha256(json.dumps([asdict(prompt) for prompt in everything]).encode()).hexdigest()
    _start(out / "clean", {"prompts": digest})
    missing = [prompt for prompt in everything if not (out / "clean" / prompt.clean).exists()]

    def record_one(prompt: Prompt) -> None:
        samples = record(prompt.speaker, prompt.sentence_id, prompt.text)
        write_wav(out / "clean" / prompt.clean, samples)

    for_each(record_one, missing, nj=nj, log_dir=out / "log", what="speaking")


def _make_noises(options: MiniOptions) -> None:
    """Noise recordings, and noise.tsv: those of training belong to it as a whole, the others not at all."""
    names = {
        f"{environment.lower()}_{part}_{number}": (environment, share)
        for environment in ENVIRONMENTS
        for part, share, count in (("train", 1.0, 3), ("test", 0.0, 2))
        for number in range(1, count + 1)
    }
    directory = options.out / "noise"
    _start(directory, {"seed": options.seed, "noise_s": options.noise_s})
    missing = [name for name in names if not (directory / f"{name}.wav").exists()]

    def make_one(name: str) -> None:
        samples = make_noise(names[name][0], options.noise_s, seed=options.seed, name=name)
        write_wav(directory / f"{name}.wav", samples)

    for_each(make_one, missing, nj=options.nj, log_dir=options.out / "log", what="making noise")
    rows = [
        {"noise_id": name, "path": f"{name}.wav", "environment": environment, "train_share": share}
        for name, (environment, share) in names.items()
    ]
    write_table(directory / "noise.tsv", rows, ["noise_id", "path", "environment", "train_share"])
