"""``hybrid-kd label``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybrid_kd.option_ranges import NUM_THREADS, check_ranges

RANGES = {"prune_below": (0.0, 1.0), "uncertainty_rank": (0, 2**15), "num_threads": NUM_THREADS}


@dataclass(frozen=True)
class Options:
    """Run a teacher over a data directory and write its labels, for training at any of the temperatures."""

    teacher: Path
    """model directory (or an ensemble's)"""
    data: Path
    """Kaldi data directory: the students' training set, or the same utterances enhanced or clean"""
    out: Path
    """directory of the label store"""
    temperatures: str = "1,2,3"
    """temperatures that students will be trained at"""
    prune_below: float = 0.01
    """posteriors below this at every temperature are not stored (the largest always is)"""
    uncertainty_rank: int = 64
    """of a teacher with an uncertainty head: principal axes that its noise is stored on; 0 leaves it out"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto is cuda where there is one"""
    num_threads: int = 0
    """CPU threads; 0 leaves it to torch"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Write a label store."""
    from hybrid_kd.distill.labelling import label_data
    from hybrid_kd.distill.temperature_schedule import parse_temperatures
    from hybrid_kd.network.device import choose_device
    from hybrid_kd.network.model_dir import load_model

    check_ranges(options, RANGES)
    temperatures = parse_temperatures(options.temperatures)
    model = load_model(options.teacher, device=choose_device(options.device, options.num_threads))
    header = label_data(
        model,
        options.data,
        options.out,
        temperatures=temperatures,
        prune_below=options.prune_below,
        uncertainty_rank=options.uncertainty_rank,
    )
    print(f"{options.out}: {header.num_utterances} utterances, {header.num_frames} frames")
    print(f"{header.num_entries / header.num_frames:.2f} states a frame")
    for temperature, mass in zip(header.temperatures, header.discarded_mass, strict=True):
        print(f"T={temperature:g}: {100 * mass:.2f} % of the posterior mass discarded")
    if header.uncertainty_lost is not None:
        lost = f"{100 * header.uncertainty_lost:.2f} % of its variance lost"
        print(f"uncertainty: {header.uncertainty_rank} principal axes of its direction, {lost}")
