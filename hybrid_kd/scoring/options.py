"""Options of ``hybrid-kd score`` and ``compare``; nothing heavy is imported: --help answers at once."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from hybrid_kd.tally import MAX_LEFT_OUT


@dataclass(frozen=True)
class ScoreOptions:
    """Word error rates of a decode directory over LM weights and word insertion penalties.

    Writes wer_LMWT_WIP, scoring_kaldi/ and scoring/ into the decode directory, at LM weights 4 to 17 and
    penalties 0, 0.5 and 1, and at more if the range that is searched for the best has more. Without
    --tune-on, weight and penalty are chosen on the set itself.
    """

    decode_dir: tyro.conf.Positional[Path]
    """directory with lat.JOB.gz"""
    data: Path
    """data directory that it was decoded from (text is the reference)"""
    graph: Path
    """graph directory or lang directory (words.txt)"""
    tune_on: tuple[Path, ...] = ()
    """decode directories of the development sets (this one may be among them): the weight and penalty with
    the least errors over all of them together are used here"""
    min_lm_weight: int = 4
    """least LM weight that is searched"""
    max_lm_weight: int = 17
    """largest LM weight that is searched"""
    penalties: str = "0,0.5,1"
    """word insertion penalties that are searched"""
    also_at: tuple[str, ...] = ()
    """more points (LMWT_WIP, such as 1_0.0) that errors are counted at; not searched"""
    nj: int = 1
    """parallel processes"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


@dataclass(frozen=True)
class CompareOptions:
    """Paired bootstrap between two scored decode directories of the same utterances.

    Clean utterances are drawn within speakers, each with all its environments. Both systems stand at the
    weight and penalty that `hybrid-kd score` used.
    """

    decode_dir_a: tyro.conf.Positional[Path]
    """the one system, usually the baseline"""
    decode_dir_b: tyro.conf.Positional[Path]
    """the other system"""
    num_replicates: int = 10_000
    """bootstrap samples"""
    seed: int = 0
    """seed of the samples"""
    config: Path | None = None
    """YAML file of options; flags win over it"""
