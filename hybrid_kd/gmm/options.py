"""Options of the GMM stages; nothing heavy is imported here."""

import os
from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.tally import MAX_LEFT_OUT

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class MonoOptions:
    """Train monophones from a flat start."""

    data: Path
    """data directory with MFCC (feats.scp, cmvn.scp), text, utt2spk"""
    lang: Path
    """lang directory (graph lang, or utils/prepare_lang.sh)"""
    out: Path
    """directory for the model and its alignments"""
    nj: int = 2
    """processes; also how many ali.N.gz there are"""
    num_gauss: int = 1000
    """Gaussians in all that training grows to"""
    boost_silence: float = 1.25
    """factor on the likelihoods of optional silence while aligning"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    config: Path | None = None
    """a YAML file with options; flags override it"""


@dataclass(frozen=True)
class TriphoneOptions:
    """Train triphones from the alignments of an earlier stage."""

    data: Path
    """data directory with MFCC (feats.scp, cmvn.scp), text, utt2spk"""
    lang: Path
    """lang directory (graph lang, or utils/prepare_lang.sh)"""
    ali: Path
    """alignment or model directory of the stage before: final.mdl, ali.N.gz and what its features need"""
    out: Path
    """directory for the model and its alignments"""
    num_leaves: int
    """leaves of the decision tree, at most"""
    num_gauss: int
    """Gaussians in all that training grows to"""
    nj: int = 2
    """processes; also how many ali.N.gz there are"""
    boost_silence: float = 1.0
    """factor on the likelihoods of optional silence while aligning"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    config: Path | None = None
    """a YAML file with options; flags override it"""


@dataclass(frozen=True)
class AlignOptions:
    """Align a data directory with a GMM, ours or Kaldi's; with fMLLR where the model was trained with it."""

    data: Path
    """data directory with MFCC (feats.scp, cmvn.scp), text, utt2spk"""
    lang: Path
    """lang directory that the model was trained with"""
    model: Path
    """model directory: final.mdl, tree; where it has them final.alimdl, final.mat, splice_opts, cmvn_opts"""
    out: Path
    """directory for ali.N.gz, and trans.N for adapted models"""
    nj: int = 2
    """processes; also how many ali.N.gz there are"""
    boost_silence: float = 1.0
    """factor on the likelihoods of optional silence"""
    beam: float = 10.0
    """beam of the search"""
    retry_beam: float = 40.0
    """beam for what finds no way to the end within the first"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    config: Path | None = None
    """a YAML file with options; flags override it"""


@dataclass(frozen=True)
class DecodeFmllrOptions:
    """Decode in two passes with fMLLR, by a GMM, ours or Kaldi's."""

    data: Path
    """data directory with MFCC (feats.scp, cmvn.scp), utt2spk"""
    graph: Path
    """graph directory: HCLG.fst (or .xz, .gz), words.txt, phones/silence.csl"""
    model: Path
    """model directory: final.mdl, tree; where it has them final.alimdl, final.mat, splice_opts, cmvn_opts"""
    out: Path
    """directory for lat.N.gz and trans.N"""
    nj: int = 2
    """processes; also how many lat.N.gz there are"""
    acoustic_scale: float = 0.083333
    """of the lattices' posteriors and of the search"""
    beam: float = 13.0
    """beam of the second pass"""
    lattice_beam: float = 6.0
    """how much worse than the best a path in the lattices may be"""
    first_beam: float = 10.0
    """beam of the first, speaker-independent pass"""
    silence_weight: float = 0.01
    """weight of silence in the estimation of transforms"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    config: Path | None = None
    """a YAML file with options; flags override it"""


def use_one_thread() -> None:
    """Let matrix products of this process and its children use one thread each.

    It works before numpy is imported. The stages run in as many processes as they may use, and with more
    threads the last bits would change.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
