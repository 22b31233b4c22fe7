"""``hybrid-kd export-labels``."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from hybrid_kd.option_ranges import check_ranges

RANGES = {"temperature": (0.01, 1e6), "prune_below": (0.0, 1.0), "hard_weight": (0.0, 1.0)}


@dataclass(frozen=True)
class Options:
    """Write a label store as a Kaldi Posterior archive, for example for nnet1's `--labels`."""

    labels_dir: Positional[Path]
    """label store"""
    wspecifier: Positional[str]
    """where to write: ark:FILE, ark,t:FILE or ark:-"""
    temperature: float
    """one of the store's temperatures"""
    prune_below: float = 0.01
    """posteriors below this become 0, the others are renormalised"""
    ali: Path | None = None
    """mix with the reference labels of this alignment directory (SI)"""
    hard_weight: float = 0.5
    """weight of the reference labels, with --ali"""
    utt_map: Path | None = None
    """lines '<training utt_id> <label utt_id>': write the labels of these training utterances"""


def run(options: Options) -> None:
    """Export labels."""
    from hybrid_kd.distill.export import Reference, export_labels
    from hybrid_kd.distill.label_store import read_label_store
    from hybrid_kd.distill.views import read_utt_map

    check_ranges(options, RANGES)
    export_labels(
        read_label_store(options.labels_dir),
        options.wspecifier,
        temperature=options.temperature,
        prune_below=options.prune_below,
        reference=None if options.ali is None else Reference(options.ali, options.hard_weight),
        utt_map=None if options.utt_map is None else read_utt_map(options.utt_map),
    )
