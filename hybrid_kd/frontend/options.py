"""Options of ``hybrid-kd features``; this module imports nothing heavy, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.tally import MAX_LEFT_OUT


@dataclass(frozen=True)
class FeatureOptions:
    """Make MFCC and CMVN statistics of a data directory's audio, or with --gmm the features of a GMM model.

    --out becomes a copy of the data directory with other features. The same command on an unfinished --out
    continues it, on a finished one it does nothing.
    """

    data: Path
    """Kaldi data directory: wav.scp (and segments), or with --gmm also feats.scp and cmvn.scp of MFCC"""
    out: Path
    """data directory that is written"""
    gmm: Path | None = None
    """GMM directory: write its features (final.mat, splice_opts, cmvn_opts; without final.mat deltas)"""
    transforms: Path | None = None
    """directory with fMLLR transforms trans.N by speaker, applied last; needs --gmm"""
    mfcc_config: Path | None = None
    """Kaldi's conf/mfcc.conf; without it 13 MFCC at 16 kHz with --use-energy=false"""
    dither: float | None = None
    """noise added to the audio, in steps of 16-bit samples; without it that of --mfcc-config, or 0"""
    seed: int = 0
    """seed of the dither; each utterance has its own noise"""
    channel: int | None = None
    """channel of audio that has several (0 is the first)"""
    resample: bool = False
    """change the rate of audio that is not at the features' sampling rate"""
    allow_pipes: bool = False
    """run the commands in wav.scp (`sox ... |`)"""
    compress: bool = True
    """store features in one byte a value, as Kaldi does"""
    nj: int = 1
    """parallel processes; the result does not depend on it"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    config: Path | None = None
    """YAML file of options; flags win over it"""
