"""Label stores and networks' directories in words, for ``hybrid-kd info``."""

from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_kd.cli.info_gmm import describe_transition_model
from hybrid_kd.cli.info_uncertainty import describe_head, describe_label_sigma
from hybrid_kd.config import read_yaml
from hybrid_kd.run_record import CONFIG, PROVENANCE, made_by

if TYPE_CHECKING:
    from hybrid_kd.distill.label_store import LabelStore


def describe_label_store(path: Path) -> list[str]:
    """A label store: its header, and that its files are whole."""
    from hybrid_kd.distill.label_store import read_label_store

    store = read_label_store(path)
    header = store.header
    masses = zip(header.temperatures, header.discarded_mass, strict=True)
    return [
        f"label store: {header.num_utterances} utterances, {header.num_frames} frames",
        f"  entries: {header.num_entries} ({header.num_entries / max(1, header.num_frames):.2f} a frame), "
        f"pruned below {header.prune_below:g}, of {header.num_pdfs} pdfs",
        *(f"  T = {temperature:g}: pruning discards {mass:.4%} of the mass" for temperature, mass in masses),
        f"  teacher: {header.teacher} (sha256 {header.teacher_sha256})",
        f"  data: {header.data} (sha256 {header.data_sha256})",
        *_noise_lines(store),
    ]


def _noise_lines(store: "LabelStore") -> list[str]:
    from hybrid_kd.distill.noise import variance_kept

    header = store.header
    if header.uncertainty_lost is None or store.noise is None:
        return []
    share = f"{header.uncertainty_lost:.2%} of its variance lost"
    kept = f"{variance_kept(store.noise.coordinates):.4f} kept"
    return [
        f"  uncertainty: direction of sigma on {header.uncertainty_rank} principal axes, {share}, {kept}",
        *describe_label_sigma(store),
    ]


def describe_model_dir(path: Path) -> list[str]:
    """A network's directory, finished or not."""
    from hybrid_kd.archives.pdf_counts import read_pdf_counts
    from hybrid_kd.network.checksums import verify_checksums
    from hybrid_kd.report.collect import describe_networks

    lines = ["model directory"]
    verify_checksums(path)
    if (path / "final.safetensors").exists():
        network, parameters = describe_networks(path / "final.safetensors")
        lines += [f"  network: {network}", f"  parameters: {parameters:,}", *describe_head(path)]
    else:
        lines += ["  no final.safetensors: the training is not finished"]
    if (path / "final.mdl").exists():
        lines += describe_transition_model(path / "final.mdl")
    if (path / "ali_train_pdf.counts").exists():
        counts = read_pdf_counts(path / "ali_train_pdf.counts")
        lines.append(f"  training alignment: {counts.sum():.0f} counts of {len(counts)} pdfs")
    lines += made_by(path / PROVENANCE)
    if (path / CONFIG).exists():
        lines += [f"  {CONFIG}:"]
        lines += [f"    {key}: {value}" for key, value in read_yaml(path / CONFIG).items()]
    return lines


def describe_nnet1(path: Path) -> list[str]:
    """A network of Kaldi's nnet1: its components that have weights, and how many these are."""
    from hybrid_kd.archives.nnet1 import read_nnet1

    components = read_nnet1(path)
    num_weights = sum(array.size for part in components for array in part.arrays)
    lines = [f"nnet1 network: {len(components)} components, {num_weights:,} numbers"]
    return lines + [f"  {part.kind}: {part.input_dim} -> {part.output_dim}" for part in components]


def describe_nnet1_dir(path: Path) -> list[str]:
    """A directory of Kaldi's nnet1."""
    first, *others = describe_nnet1(path / "final.nnet")
    lines = ["directory of Kaldi's nnet1", f"  final.nnet: {first}", *(f"  {line}" for line in others)]
    return lines + (describe_transition_model(path / "final.mdl") if (path / "final.mdl").is_file() else [])
