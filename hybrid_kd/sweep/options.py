"""Options of ``hybrid-kd sweep``; this module imports nothing heavy, so that --help answers at once."""

from dataclasses import dataclass, field
from pathlib import Path

from hybrid_kd.config import NESTED
from hybrid_kd.decoding.options import Decoder


@dataclass(frozen=True)
class SweepOptions:
    """Run a study: train, decode, score and record every system of a grid.

    A finished system's line stands in the results file, and the system is not done again, even where the
    directory of models is empty. The same command continues.
    """

    config: Path = field(metadata=NESTED)
    """YAML file of the study: experiment, decoding, teacher or teachers, student, seeds, systems"""
    jobs: int = 1
    """systems at a time"""
    threads: int = 1
    """CPU threads of each"""
    side_by_side: int = 1
    """students that train together on the same minibatches where they can; 1 trains each alone"""
    nj: int = 1
    """parts that a set is decoded in, at the same time"""
    cmd: str = ""
    """how to run each command on a cluster (queue.pl --mem 4G); here without it"""
    only: tuple[str, ...] = ()
    """names or patterns: only these systems ('si_0.1*'), and those that they start from"""
    dry_run: bool = False
    """list the systems and what would be done"""
    trial: bool = True
    """measure the time that all will take by a short training and decoding"""
    keep_lattices: bool = False
    """keep lat.JOB.gz (some 50 MB a system and beam) after their errors are recorded"""
    exp: Path | None = None
    """directory of the systems; as all that follows, it takes the place of what the YAML file says"""
    results: Path | None = None
    """file of one line a finished system"""
    train_data: Path | None = None
    """data directory of the training set"""
    train_ali: Path | None = None
    """its alignment directory"""
    dev_data: Path | None = None
    """data directory that drives the learning rate"""
    dev_ali: Path | None = None
    """its alignment directory"""
    tune_data: tuple[Path, ...] = ()
    """data directories on which LM weight and insertion penalty are chosen, all together"""
    eval_data: tuple[Path, ...] = ()
    """data directories that are scored at this point"""
    graph: Path | None = None
    """graph directory"""
    teacher: Path | None = None
    """model directory of a teacher that is there already"""
    labels: Path | None = None
    """its label store, written where it is not there (exp/labels_<temperatures>)"""
    decoder: Decoder | None = None
    """auto, kaldi or embedded"""
    acoustic_scale: float | None = None
    """factor of the log-likelihoods in the search"""
    beam: float | None = None
    """beam of the search"""
    lattice_beam: float | None = None
    """beam of the lattices"""
