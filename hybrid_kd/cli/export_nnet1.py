"""``hybrid-kd export-nnet1``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Write a model as final.nnet, final.feature_transform, ali_train_pdf.counts, final.mdl and tree.

    Kaldi's steps/nnet/decode.sh runs on that directory as it is.
    """

    model: Path
    """model directory (what `hybrid-kd train --out` wrote)"""
    out: Path
    """directory to write"""
    logit_scale: float = 1.0
    """factor of the logits, within the last layer: see `hybrid-kd decode`"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Export."""
    from hybrid_kd.network.nnet1_dir import export_nnet1

    export_nnet1(options.model, options.out, logit_scale=options.logit_scale)
