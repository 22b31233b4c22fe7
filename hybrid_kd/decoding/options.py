"""Options of ``hybrid-kd decode``; this module imports nothing heavy, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybrid_kd.tally import MAX_LEFT_OUT

Decoder = Literal["auto", "kaldi", "embedded"]


@dataclass(frozen=True)
class SearchOptions:
    """What a decoder prunes with: a factor of log-likelihoods, and beams in costs scaled by it (nats)."""

    acoustic_scale: float = 0.1
    beam: float = 13.0
    lattice_beam: float = 8.0


@dataclass(frozen=True)
class DecodeOptions:
    """Decode a data directory to lattices lat.JOB.gz.

    The same command on an existing --out continues an unfinished decoding and does nothing on a finished one.
    """

    model: Path
    """model directory (what `hybrid-kd train --out` wrote)"""
    data: Path
    """Kaldi data directory with features (feats.scp, utt2spk, spk2utt)"""
    graph: Path
    """graph directory (HCLG.fst, .gz or .xz, words.txt)"""
    out: Path
    """directory of the lattices"""
    config: Path | None = None
    """YAML file of options; flags win over it"""
    decoder: Decoder = "auto"
    """kaldi is latgen-faster-mapped on the PATH, embedded needs no Kaldi; auto is kaldi where it is there"""
    nj: int = 1
    """parts that the data is cut into, one lat.JOB.gz each; parallel processes, unless --job is given"""
    job: int | None = None
    """decode only this part (1 to --nj), for a cluster; the command without it then completes --out"""
    acoustic_scale: float = 0.1
    """factor of the log-likelihoods in the search (lattices hold them unscaled)"""
    beam: float = 13.0
    """states whose cost is this much above the best are dropped in the search"""
    lattice_beam: float = 8.0
    """paths whose cost is this much above the best are kept out of the lattice"""
    logit_scale: float = 1.0
    """factor of the network's logits: T sharpens the flat posteriors of a student of constant T"""
    max_left_out: float = MAX_LEFT_OUT
    """share of the utterances that may be left out as bad (0.01 is 1 %)"""
    max_utts: int | None = None
    """decode only the first so many utterances (to compare beams)"""
    utt_list: Path | None = None
    """decode only the utterances that this file lists (the first word of each line)"""
