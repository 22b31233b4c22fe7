"""``hybrid-kd import-nnet1``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Make a model directory of a network that Kaldi's nnet1 trained: to decode, to teach, or to retrain."""

    nnet: Path
    """final.nnet (or nnet.init), binary or text"""
    ali: Path
    """its alignment directory (ali.*.gz, final.mdl, tree), whose pdfs are counted for the priors"""
    out: Path
    """directory of the model"""
    feature_transform: Path | None = None
    """final.feature_transform: splicing and normalisation; left out if the network begins with them"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Import."""
    from hybrid_kd.network.nnet1_dir import Nnet1Files, import_nnet1

    import_nnet1(Nnet1Files(options.nnet, options.feature_transform, options.ali), options.out)
