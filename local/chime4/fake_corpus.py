"""A small fake CHiME-4: the right tree, names, annotations and transcripts, with synthetic audio.

``python -m local.chime4.fake_corpus --out DIR`` writes DIR/CHiME4 (with WSJ0 in data/WSJ0),
DIR/cmudict/cmudict.0.7a and DIR/enhanced, on which ``run.sh --corpus chime4`` can be tried as a whole.
"""

from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.atomic import replace_directory
from hybrid_kd.errors import HybridKdError
from local.chime4.command import run_command
from local.chime4.fake_audio import AudioPlan, write_audio
from local.chime4.fake_lm import write_cmudict, write_lm
from local.chime4.fake_texts import draw_sets, write_texts
from local.chime4.layout import CHANNELS, WSJ0_WITHIN_CHIME4, parse_channels

LEAST = {"utterances": 16, "test_sentences": 4}
MOST_TEST_SENTENCES = 36 * 36 - 1  # two digits of base 36 name them


@dataclass(frozen=True)
class Options:
    """Make a small fake CHiME-4, to try the recipe on: real names and forms, synthetic audio."""

    out: Path
    """directory to write; it must not be there"""
    utterances: int = 120
    """training utterances, a quarter of them real"""
    test_sentences: int = 6
    """sentences of dt and of et; each stands in four environments, real and simulated"""
    channels: str = " ".join(CHANNELS)
    """channels of the training audio"""
    seed: int = 0
    """the same seed gives the same corpus"""
    nj: int = 2
    """processes"""


def run(options: Options) -> None:
    """Write the tree."""
    for name, least in LEAST.items():
        if getattr(options, name) < least:
            flag = f"--{name.replace('_', '-')}"
            raise HybridKdError.at(
                flag, f"{getattr(options, name)} are too few", fix=f"give at least {least}"
            )
    if options.test_sentences > MOST_TEST_SENTENCES:
        fix = f"give {MOST_TEST_SENTENCES} at most"
        raise HybridKdError.at("--test-sentences", f"{options.test_sentences} are too many", fix=fix)
    if options.out.exists():
        raise HybridKdError.at(options.out, "is there already", fix="remove it, or give another --out")
    channels = parse_channels(options.channels)
    sets = draw_sets(options.seed, num_training=options.utterances, num_test=options.test_sentences)
    with replace_directory(options.out) as out:
        chime4 = out / "CHiME4"
        write_texts(chime4, sets)
        write_lm(chime4 / WSJ0_WITHIN_CHIME4, options.seed)
        write_cmudict(out / "cmudict")
        plan = AudioPlan(chime4, out / "enhanced", channels, options.seed)
        write_audio(sets, plan, nj=options.nj, log_dir=out / "log")
    print(f"--chime4 {options.out}/CHiME4 --cmudict {options.out}/cmudict/cmudict.0.7a")


if __name__ == "__main__":
    run_command(Options, run, "local.chime4.fake_corpus")
