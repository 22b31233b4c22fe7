"""``hybrid-kd forward``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from hybrid_kd.option_ranges import check_ranges

RANGES = {"nj": (1, 10**6), "job": (1, 10**6)}


@dataclass(frozen=True)
class Options:
    """Write a network's log-likelihoods (logits - log priors) as a Kaldi matrix archive."""

    wspecifier: tyro.conf.Positional[str]
    """where to write: ark:PATH, ark,t:PATH, ark,scp:PATH,PATH or ark:- (standard output)"""
    model: Path
    """model directory (what `hybrid-kd train --out` wrote)"""
    data: Path
    """Kaldi data directory with features"""
    output: Literal["loglikes", "logits", "log-posteriors"] = "loglikes"
    """loglikes are for a decoder; logits are the last layer as it is; log-posteriors are normalised"""
    logit_scale: float = 1.0
    """factor of the logits, before all else: see `hybrid-kd decode`"""
    nj: int = 1
    """parts that the data is cut into, with --job"""
    job: int | None = None
    """only this part (1 to --nj), for jobs on a cluster"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto is cuda where there is one"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Run the network over every utterance."""
    from hybrid_kd.archives.data_dir import read_data_dir
    from hybrid_kd.archives.matrices import open_matrix_writer
    from hybrid_kd.decoding.forward import forward_utterances, part_of_data
    from hybrid_kd.errors import HybridKdError
    from hybrid_kd.network.device import choose_device
    from hybrid_kd.network.model_dir import load_model
    from hybrid_kd.progress import track
    from hybrid_kd.tally import Tally

    check_ranges(options, RANGES)
    if options.job is not None and options.job > options.nj:
        problem = f"there is no part {options.job} of {options.nj}"
        raise HybridKdError.at("--job", problem, fix="give 1 to --nj")
    data = part_of_data(read_data_dir(options.data), num_jobs=options.nj, job=options.job)
    model = load_model(options.model, device=choose_device(options.device), logit_scale=options.logit_scale)
    tally = Tally(options.data)
    with open_matrix_writer(options.wspecifier) as write:
        utterances = forward_utterances(model, data, tally, output=options.output)
        for utt_id, matrix in track(utterances, total=len(data.utt_ids), what="forward"):
            write(utt_id, matrix)
        if data.utt_ids:
            tally.close(fix="mend the features that are named above")
