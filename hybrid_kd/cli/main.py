"""``hybrid-kd COMMAND``: finds the command, parses its options, runs it, and turns errors into messages."""

import difflib
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from hybrid_kd import __version__
from hybrid_kd.errors import HybridKdError

TORCHRUN = "TORCHELASTIC_RUN_ID"  # in the environment of a process that torchrun has started
# Each is a module hybrid_kd.cli.<name> (`gmm mono` is gmm_mono), which has `Options` (a dataclass) and
# `run(options) -> None`.
COMMANDS = {
    "corpus mini": "make the embedded corpus: a grammar's sentences, spoken by espeak-ng in noise",
    "corpus directory": "make Kaldi data directories of any audio, text and noise recordings",
    "corpus remix": "make noisy audio again from clean audio, noise and a mix.tsv",
    "features": "MFCC and CMVN statistics of a data directory, or fMLLR frames by a GMM system",
    "graph lang": "make a language directory (phones, words, topology, L) of a dictionary",
    "graph lm": "train an n-gram language model",
    "graph hclg": "make a decoding graph of a language directory, a language model and an acoustic model",
    "gmm mono": "train a monophone GMM-HMM system from a flat start",
    "gmm deltas": "train triphones on MFCC and their deltas",
    "gmm lda-mllt": "train triphones on LDA+MLLT features",
    "gmm sat": "train speaker-adapted triphones (fMLLR)",
    "gmm align": "align transcripts with a GMM-HMM system",
    "gmm decode-fmllr": "decode with a GMM-HMM system in two passes, estimating fMLLR transforms",
    "train": "train a network on alignments, with or without a teacher's labels",
    "train-together": "train students of one shape side by side, on the same minibatches",
    "label": "write a teacher's labels for a data directory",
    "ensemble": "make one model of several networks (the mean of their posteriors)",
    "export-labels": "write a label store as a Kaldi Posterior archive",
    "import-nnet1": "make a model of a network that Kaldi's nnet1 trained",
    "export-nnet1": "write a model as Kaldi's nnet1 has it, for steps/nnet/decode.sh",
    "export-onnx": "write a model as one ONNX file, from spliced frames to log-likelihoods",
    "forward": "write a network's log-likelihoods as a Kaldi archive",
    "decode": "make lattices (Kaldi's decoder or the embedded one)",
    "score": "WER of a decode directory, over LM weights and insertion penalties",
    "compare": "paired bootstrap between two scored decode directories",
    "info": "describe a model, label store, alignment, archive or data directory",
    "sweep": "run a study: train, decode, score and record every system of a grid",
    "collect": "write what is known of finished systems into results/",
    "report": "write RESULTS.md from results/",
}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 (user's data or options), 2 (bad flags) or 130 (Ctrl-C)."""
    try:
        status = _main(list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails again
        return 1
    return status


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"hybrid-kd {__version__}")
        return 0
    command, rest = _split_command(arguments)
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, n=1)
        suggestion = f"; did you mean '{close[0]}'?" if close else ""
        print(f"hybrid-kd: no command '{command}'{suggestion}\n\n{_usage()}", file=sys.stderr)
        return 2
    return _run(command, rest)


def _split_command(arguments: list[str]) -> tuple[str, list[str]]:
    """The command, which is one word or two (``gmm mono``), and its options."""
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    num_words = 2 if arguments[0] in groups else 1
    return " ".join(arguments[:num_words]), arguments[num_words:]


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        ["usage: hybrid-kd COMMAND [options]", "", *lines, "", "hybrid-kd COMMAND --help tells its options."]
    )


def _run(command: str, args: Sequence[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    try:
        from hybrid_kd.config import parse_options

        module = importlib.import_module(f"hybrid_kd.cli.{command.replace('-', '_').replace(' ', '_')}")
        # Under torchrun all processes have the same flags: one of them says what is wrong with these.
        is_silent = TORCHRUN in os.environ and os.environ["RANK"] != "0"
        module.run(parse_options(module.Options, args, prog=f"hybrid-kd {command}", is_silent=is_silent))
    except HybridKdError as error:
        _say(f"hybrid-kd {command}: {error}")
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        place, problem = error.filename or "a file", error.strerror or error
        fix = "check the path, its permissions and the space on its disk"
        _say(f"hybrid-kd {command}: {place}: {problem}\n  fix: {fix}")
        return 1
    except KeyboardInterrupt:
        _say(f"hybrid-kd {command}: interrupted; the same command continues")
        return 130
    return 0


def _say(message: str) -> None:
    """Print an error; of the processes of one torchrun, the first to fail does."""
    if TORCHRUN not in os.environ:
        print(message, file=sys.stderr)
        return
    from hybrid_kd.training.distributed import say_once

    say_once(message)
