"""Any directory of speech in noise: transcripts and recordings to Kaldi data directories."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hybrid_kd.corpus.drawing import CleanUtterance, draw_noisy_set, draw_options_of
from hybrid_kd.corpus.lexicon import SILENCE_WORDS, Lexicon, make_lexicon, read_lexicon, write_dict_dir
from hybrid_kd.corpus.mini import SETS
from hybrid_kd.corpus.mix_list import read_noise_list
from hybrid_kd.corpus.options import DirectoryOptions
from hybrid_kd.corpus.simulate import write_noisy_set
from hybrid_kd.corpus.tables import write_lines
from hybrid_kd.corpus.transcripts import (
    Spoken,
    read_lhotse_cuts,
    read_librispeech,
    read_transcript_table,
    with_kaldi_names,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions
from hybrid_kd.seeds import numpy_generator
from hybrid_kd.text_files import split_words

logger = logging.getLogger(__name__)

NUM_NAMED = 20  # words without pronunciation that are named


def make_directory_corpus(options: DirectoryOptions) -> None:
    """Write ``OUT/{tr05_multi,dt05_simu,et05_simu}``, ``OUT/lm_text`` and ``OUT/dict``.

    Raises: HybridKdError for transcripts, audio, noise or options that do not fit.
    """
    data = options.out
    clean_dir, spoken = _read(options)
    spoken = with_kaldi_names(_with_sets(spoken, options))
    noises = read_noise_list(options.noise)
    _write_lexicon(data / "dict", spoken, options)
    audio = AudioOptions(resample=options.resample, channel=options.channel)
    for name, of_set in ((name, [item for item in spoken if item.set_name == name]) for name in SETS):
        if not of_set:
            logger.warning("no speaker belongs to %s: %s is not written", name, SETS[name])
            continue
        utterances = [
            CleanUtterance(f"{item.speaker}_{item.utterance}", item.speaker, item.text, item.clean)
            for item in of_set
        ]
        drawing = draw_options_of(name, options, audio)
        noisy = draw_noisy_set(utterances, clean_dir=clean_dir, noises=noises, options=drawing)
        write_noisy_set(noisy, data / SETS[name], nj=options.nj)
    write_lines(data / "lm_text", [item.text for item in spoken if item.set_name == "tr"])


def _read(options: DirectoryOptions) -> tuple[Path, list[Spoken]]:
    """The directory of clean audio, and what is in it."""
    if not options.audio.is_dir():
        raise HybridKdError.at(options.audio, "no such directory", fix="give the directory of the recordings")
    clean_dir = options.audio
    if options.transcripts is None:
        spoken = read_librispeech(options.audio)
    elif options.transcripts.suffix in (".gz", ".jsonl"):
        clean_dir = options.out / "clean"
        audio = AudioOptions(resample=options.resample, channel=options.channel)
        spoken = read_lhotse_cuts(options.transcripts, clean_dir, audio)
    else:
        spoken = read_transcript_table(options.transcripts)
    if options.et_transcripts is not None:
        spoken += [replace(item, set_name="et") for item in read_transcript_table(options.et_transcripts)]
    with_words = [replace(item, text=" ".join(words)) for item in spoken if (words := split_words(item.text))]
    if len(with_words) < len(spoken):
        logger.warning("left out %d of %d recordings: no words", len(spoken) - len(with_words), len(spoken))
    return clean_dir, with_words


def _with_sets(spoken: Sequence[Spoken], options: DirectoryOptions) -> list[Spoken]:
    """Give every speaker to tr, dt or et.

    Raises: HybridKdError if a speaker is unknown or in two sets, or there are fewer than are to be drawn.
    """
    set_of: dict[str, str] = {}
    for item in spoken:
        if item.set_name and set_of.setdefault(item.speaker, item.set_name) != item.set_name:
            problem = f"speaker '{item.speaker}' is in {set_of[item.speaker]} and in {item.set_name}"
            raise HybridKdError.at("the transcripts", problem, fix="give each speaker one set")
    free = {item.speaker for item in spoken} - set_of.keys()
    for name, names in (("dt", options.dt_speakers), ("et", options.et_speakers)):
        speakers = set(filter(None, names.split(",")))
        if missing := sorted(speakers - free):
            problem = f"speaker '{missing[0]}' is not in the transcripts, or is given to two sets"
            raise HybridKdError.at(f"--{name}-speakers", problem, fix="name speakers of the transcripts")
        free -= speakers
        set_of.update(dict.fromkeys(speakers, name))
    for name, count in (("dt", options.num_dt_speakers), ("et", options.num_et_speakers)):
        if count > len(free):
            problem = f"{count} speakers, but only {len(free)} are left"
            raise HybridKdError.at(f"--num-{name}-speakers", problem, fix="ask for fewer")
        drawn = (
            numpy_generator(options.seed, f"speakers of {name}").permutation(sorted(free))[:count].tolist()
        )
        free -= set(drawn)
        set_of.update(dict.fromkeys(drawn, name))
    if not free and "tr" not in set_of.values():
        raise HybridKdError.at(
            "the transcripts", "no speaker is left for training", fix="ask for fewer in dt, et"
        )
    return [replace(item, set_name=set_of.get(item.speaker, "tr")) for item in spoken]


def _write_lexicon(path: Path, spoken: Sequence[Spoken], options: DirectoryOptions) -> None:
    """Write the dict directory; words without pronunciation are counted and named.

    Raises: HybridKdError if generated phones are not those of the lexicon.
    """
    words = Counter(word for item in spoken for word in split_words(item.text))
    if options.lexicon is None and options.unknown_words == "unk":
        logger.info("no --lexicon: %s is not written", path)
        return
    lexicon: Lexicon = {} if options.lexicon is None else read_lexicon(options.lexicon)
    unknown = [word for word, _ in words.most_common() if word not in lexicon and word not in SILENCE_WORDS]
    if options.unknown_words == "espeak":
        made = make_lexicon(unknown)
        _check_phones(lexicon, made)
        lexicon = {**lexicon, **made}
    if unknown:
        count = sum(words[word] for word in unknown)
        what = "are pronounced by espeak-ng" if options.unknown_words == "espeak" else "become <UNK>"
        named = " ".join(unknown[:NUM_NAMED]) + (" ..." if len(unknown) > NUM_NAMED else "")
        place = options.lexicon or path
        logger.warning(
            "%s: %d words (%d times) are not in it and %s: %s", place, len(unknown), count, what, named
        )
    write_dict_dir(path, lexicon)


def _check_phones(lexicon: Lexicon, made: Lexicon) -> None:
    known = {phone for variants in lexicon.values() for phones in variants for phone in phones}
    for word, variants in made.items():
        for phone in (phone for phones in variants for phone in phones):
            if known and phone not in known:
                problem = f"espeak-ng says '{word}' with the phone '{phone}', which the lexicon does not have"
                fix = "pronounce these words in the lexicon, or take --unknown-words unk"
                raise HybridKdError.at("--unknown-words espeak", problem, fix=fix)
