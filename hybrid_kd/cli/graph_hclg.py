"""``hybrid-kd graph hclg``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Make the decoding graph HCLG of a lexicon, a language model and an acoustic model."""

    lang: Path
    """lang directory (what `hybrid-kd graph lang --out` or Kaldi's prepare_lang.sh wrote)"""
    model: Path
    """model directory with tree and final.mdl (GMM or network; of ours or of Kaldi's)"""
    out: Path
    """graph directory"""
    lm: Path | None = None
    """language model in ARPA format (.gz or not); without it, the lang directory's G.fst"""
    transition_scale: float = 1.0
    """factor of the log-probabilities of transitions that leave an HMM state"""
    self_loop_scale: float = 0.1
    """factor of the log-probabilities of self-loops"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Make the graph directory."""
    from hybrid_kd.graph.graph_dir import make_graph_dir
    from hybrid_kd.graph.hclg import GraphScales

    scales = GraphScales(options.transition_scale, options.self_loop_scale)
    make_graph_dir(options.lang, options.lm, options.model, options.out, scales)
