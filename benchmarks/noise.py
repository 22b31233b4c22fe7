"""``python -m benchmarks.noise --model DIR --data DIR``: ways to keep a teacher's sigma, their cost and loss.

Lost is the share of the variance of the direction sigma/||sigma|| over the frames. Where the stored states
alone have theirs, the others have the mean direction. Whole, in half precision, nothing is lost but digits; a
teacher on the fly loses nothing, and costs its forward pass.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from hybrid_kd.config import parse_options
from hybrid_kd.distill.labels import survives_pruning, temper
from hybrid_kd.distill.noise import NoiseProjection, fit_noise_axes
from hybrid_kd.distill.temperature_schedule import parse_temperatures
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.labelled import load_features
from hybrid_kd.network.model_dir import load_model

RANKS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Options:
    """Compare principal axes of several numbers with the stored states alone, on evenly spread frames."""

    model: Path
    """teacher that was trained with --uncertainty"""
    data: Path
    """data directory that it labels"""
    num_frames: int = 20_000
    """frames, half of which the axes are fitted to and half measured"""
    temperatures: str = "1,2,3"
    """temperatures that states are stored for"""
    prune_below: float = 0.01
    """threshold of these"""


def run(options: Options) -> None:
    """Measure and print."""
    model = load_model(options.model)
    inputs = load_features(options.data, splice=model.splice)
    frames = torch.linspace(0, len(inputs.features) - 1, options.num_frames).long()
    outputs = [model.outputs_of_spliced(inputs.spliced(part)) for part in torch.split(frames, 1024)]
    logits = torch.cat([logits for logits, _ in outputs])
    sigma = torch.cat([sigma for _, sigma in outputs if sigma is not None] or [logits[:0]])
    if len(sigma) < len(logits):
        raise HybridKdError.at(options.model, "has no uncertainty head", fix="train it with --uncertainty")
    table = Table("kept of each frame", "bytes", "lost")
    fitted, measured = sigma[::2], sigma[1::2]
    for rank in RANKS:
        projection = NoiseProjection(fit_noise_axes(fitted, rank))
        projection.coordinates(measured)
        table.add_row(f"{rank} coordinates, float16", f"{2 * rank}", f"{projection.share_lost:.2%}")
    kept = _stored_states(logits[1::2], parse_temperatures(options.temperatures), options.prune_below)
    num_bytes = 2 * kept.sum(dim=1).double().mean().item()
    mean = functional.normalize(fitted).mean(dim=0)
    lost = _lost_of_stored_states(functional.normalize(measured), mean, kept)
    table.add_row("sigma of the stored states, float16", f"{num_bytes:.1f}", f"{lost:.2%}")
    table.add_row("sigma of all states, float16", f"{2 * sigma.shape[1]}", "0.00%")
    Console().print(table)


def _stored_states(
    logits: Float[Tensor, "frames pdfs"], temperatures: tuple[float, ...], prune_below: float
) -> Tensor:
    kept = torch.zeros_like(logits, dtype=torch.bool)
    for temperature in temperatures:
        kept |= survives_pruning(temper(logits, temperature), prune_below)
    return kept


def _lost_of_stored_states(
    directions: Float[Tensor, "frames pdfs"], mean: Float[Tensor, " pdfs"], kept: Tensor
) -> float:
    """The others have the mean direction, scaled so that the whole has length 1."""
    known = directions * kept
    rest = functional.normalize(mean * ~kept) * (1 - known.square().sum(dim=1, keepdim=True)).sqrt()
    return ((known + rest - directions).square().sum() / (directions - mean).square().sum()).item()


if __name__ == "__main__":
    import sys

    run(parse_options(Options, sys.argv[1:], prog="python -m benchmarks.noise"))
