"""``python -m benchmarks``: measure, print a table, write exp/bench.json."""

import logging
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.reference import (
    DecodingSpeed,
    LabelStoreSize,
    LoadingSpeed,
    measure_decoding,
    measure_label_store,
    measure_loading,
    prepare_experiment,
)
from benchmarks.stacks import StackSpeed, measure_stacks
from benchmarks.training import LoopSpeed, measure_training
from hybrid_kd.config import parse_options
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.json_files import write_json
from hybrid_kd.network.device import choose_device


@dataclass(frozen=True)
class Options:
    """Measure training, alone and side by side, loading, label store and decoding.

    The loop should reach 0.85 of its limit.
    """

    threads: int = 2
    """CPU threads of the training loop and of the bare matrix products"""
    minibatch_size: int = 256
    """frames of a step"""
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    """torch's float32 matmul precision, of both"""
    quick: bool = False
    """fewer and shorter rounds: a minute instead of ten, and rougher numbers"""
    out: Path = Path("exp/bench.json")
    """where the numbers go"""


def run(options: Options) -> None:
    """Measure, print, write."""
    choose_device("cpu", options.threads)
    torch.set_float32_matmul_precision(options.matmul_precision)
    rounds, round_s = (3, 0.3) if options.quick else (15, 1.0)
    loops = []
    for speed in measure_training(minibatch_size=options.minibatch_size, num_rounds=rounds, round_s=round_s):
        print(f"{speed.system}, {speed.labels}: {speed.frames_per_s:.0f} frames/s", file=sys.stderr)
        loops.append(speed)
    stacks = []
    for stack in measure_stacks(
        minibatch_size=options.minibatch_size, num_rounds=rounds, round_s=3 * round_s
    ):
        print(f"{stack.system}: {stack.ratio:.2f} times as fast in a stack", file=sys.stderr)
        stacks.append(stack)
    experiment = prepare_experiment()
    loading = None if experiment is None else measure_loading(experiment)
    store = None if experiment is None else measure_label_store(experiment)
    decoding = None if experiment is None else measure_decoding(experiment, SearchOptions())
    _print_loops(loops, stacks)
    _print_reference(loading, store, decoding)
    machine = {"processor": platform.processor() or platform.machine(), "torch": torch.__version__}
    content: dict[str, Any] = {"options": asdict(options) | {"out": str(options.out)}, "machine": machine}
    content["training"] = [asdict(speed) for speed in loops]
    content["stacks"] = [asdict(stack) for stack in stacks]
    for name, result in (("loading", loading), ("label_store", store), ("decoding", decoding)):
        content[name] = None if result is None else asdict(result)
    write_json(options.out, content)
    print(f"written: {options.out}", file=sys.stderr)


def _print_loops(loops: list[LoopSpeed], stacks: list[StackSpeed]) -> None:
    table = Table("training", "labels", "frames/s", "bare products", "share")
    for speed in loops:
        numbers = (f"{speed.frames_per_s:,.0f}", f"{speed.limit_frames_per_s:,.0f}")
        table.add_row(speed.system, speed.labels, *numbers, f"{speed.share_of_limit:.2f}")
    console = Console(width=100)
    console.print(table)
    table = Table("students side by side", "number", "students x frames/s", "one alone, frames/s", "ratio")
    for stack in stacks:
        numbers = (f"{stack.frames_per_s:,.0f}", f"{stack.alone_frames_per_s:,.0f}")
        table.add_row(stack.system, str(stack.students), *numbers, f"{stack.ratio:.2f}")
    console.print(table)


def _print_reference(
    loading: LoadingSpeed | None, store: LabelStoreSize | None, decoding: DecodingSpeed | None
) -> None:
    console = Console(width=100)
    if loading is None or store is None or decoding is None:
        console.print("loading, label store, decoding: skipped, no reference data (set HYBRID_KD_SHARED)")
        return
    table = Table("kaldi-an4", "")
    table.add_row("loading the training set", f"{loading.seconds:.1f} s, {loading.num_frames:,} frames")
    kept = f"{store.entries_per_frame:.1f} states kept at T = 1, 2, 3"
    table.add_row("label store", f"{store.bytes_per_frame:.0f} bytes a frame, {kept}")
    beams = f"beams {decoding.beam:g}/{decoding.lattice_beam:g}, {decoding.speech_s:.0f} s of speech"
    table.add_row("embedded decoder", f"real-time factor {decoding.search_rtf:.3f}, {beams}")
    table.add_row("4x512 network", f"real-time factor {decoding.network_rtf:.4f}")
    console.print(table)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    run(parse_options(Options, sys.argv[1:], prog="python -m benchmarks"))
