"""``hybrid-kd info``: what a path is, in words; everything in it is read to the end."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from hybrid_kd.errors import HybridKdError

KNOWN = (
    "known are: a model directory, label store, alignment, data or decode directory; a table (archive, .scp, "
    "also ark:... and scp:...); a file that is one matrix or vector; final.mdl"
)


@dataclass(frozen=True)
class Options:
    """Describe a model, label store, alignment, archive or data directory; broken ones are an error."""

    path: tyro.conf.Positional[str]
    """directory, file or rspecifier"""
    allow_pipes: bool = False
    """run the commands (`... |`) that stand in place of files"""


def run(options: Options) -> None:
    """Print what the path is."""
    if re.match("(ark|scp)[,:]", options.path) and not Path(options.path).exists():
        lines = _describe_table(options.path, allow_pipes=options.allow_pipes)
    elif Path(options.path).is_dir():
        lines = _describe_directory(Path(options.path), allow_pipes=options.allow_pipes)
    else:
        lines = _describe_file(options.path, allow_pipes=options.allow_pipes)
    print(f"{options.path}: {lines[0]}")
    print(*lines[1:], sep="\n", end="\n" if lines[1:] else "")


def _describe_directory(path: Path, *, allow_pipes: bool) -> list[str]:
    names = {file.name for file in path.iterdir()}
    if "labels.json" in names:
        return _describe_label_store(path)
    if "final.safetensors" in names or {"config.yaml", "train.jsonl"} <= names:
        return _describe_model_dir(path)
    if any(re.fullmatch(r"lat\.\d+\.gz", name) for name in names):
        return _describe_decode_dir(path)
    if any(re.fullmatch(r"ali\.\d+\.gz", name) for name in names):
        return _describe_alignment_dir(path)
    if names & {"utt2spk", "feats.scp", "spk2utt"}:
        return _describe_data_dir(path, allow_pipes=allow_pipes)
    if "final.mdl" in names:
        return ["directory of a Kaldi model", *_describe_transition_model(path / "final.mdl")]
    raise HybridKdError.at(path, "nothing in this directory is known" if names else "empty", fix=KNOWN)


def _describe_file(path: str, *, allow_pipes: bool) -> list[str]:
    from hybrid_kd.archives.byte_reader import FormatError
    from hybrid_kd.archives.streams import DAMAGED, open_reader

    if path.endswith(".scp"):
        return _describe_table(f"scp:{path}", allow_pipes=allow_pipes)
    with open_reader(path) as reader:
        try:
            if reader.at_end():
                raise HybridKdError.at(path, "empty (0 bytes of content)", fix="make it again")
        except FormatError as error:
            raise HybridKdError.at(path, str(error), fix=DAMAGED) from error
        head = reader.peek(64)
    if head.removeprefix(b"\0B").lstrip().startswith(b"<TransitionModel>"):
        return ["Kaldi model", *_describe_transition_model(Path(path))]
    if head.startswith(b"\0") or head.lstrip().startswith(b"["):
        return _describe_single_object(path)
    return _describe_table(f"ark:{path}", allow_pipes=allow_pipes)


def _describe_table(rspecifier: str, *, allow_pipes: bool) -> list[str]:
    from hybrid_kd.archives.table_kinds import summarise_table

    return summarise_table(rspecifier, allow_pipes=allow_pipes).lines()


def _describe_single_object(path: str) -> list[str]:
    from hybrid_kd.archives.table_kinds import ParseAny
    from hybrid_kd.archives.tables import read_object

    parse = ParseAny()
    value = read_object(path, parse)
    kinds = {"matrices": "matrix", "vectors": "vector", "integer vectors": "integer vector"}
    shape = " x ".join(map(str, getattr(value, "shape", ())))
    return [f"one {kinds.get(parse.kind, parse.kind)}" + (f" of {shape} numbers" if shape else "")]


def _describe_transition_model(path: Path) -> list[str]:
    from hybrid_kd.archives.transition_model import read_model_file

    file = read_model_file(path)
    model = file.transition_model
    topology = "HMM" if model.topology.is_hmm else "chain (self-loops have pdfs of their own)"
    lines = [
        f"  transition model: {model.num_pdfs} pdfs, {model.num_transition_ids} transition-ids, "
        f"{len(model.triples)} triples, {len(model.phones)} phones, {topology} topology"
    ]
    if file.gmm is not None:
        lines.append(f"  GMMs: {file.gmm.num_gaussians} Gaussians over {file.gmm.feature_dim} coefficients")
    return lines


def _describe_data_dir(path: Path, *, allow_pipes: bool) -> list[str]:
    from hybrid_kd.archives.data_dir import read_data_dir
    from hybrid_kd.archives.matrices import read_matrices_at
    from hybrid_kd.archives.table_kinds import TableSummary

    data = read_data_dir(path, needs_feats=False)
    lines = [f"data directory: {len(data.utt_ids)} utterances of {len(set(data.utt2spk.values()))} speakers"]
    if data.text is not None:
        lines.append(f"  text: {sum(map(len, data.text.values()))} words")
    if data.feats:
        features = TableSummary("features", words={"rows": "frames", "columns": "coefficients"})
        for utt_id, matrix in read_matrices_at(data.feats.items(), allow_pipes=allow_pipes):
            features.add(utt_id, matrix)
        lines += [f"  {line}" for line in features.lines()]
    return lines


def _describe_alignment_dir(path: Path) -> list[str]:
    from hybrid_kd.archives.alignments import alignment_archives, read_alignment_dir
    from hybrid_kd.archives.table_kinds import TableSummary
    from hybrid_kd.archives.transition_model import read_transition_model, transition_ids_to_pdf_ids

    model = read_transition_model(path / "final.mdl") if (path / "final.mdl").exists() else None
    alignment = TableSummary("alignments", words={"items": "frames", "values": "transition-ids"})
    for utt_id, transition_ali in read_alignment_dir(path):
        alignment.add(utt_id, transition_ali)
        try:
            if model is not None:
                transition_ids_to_pdf_ids(transition_ali, model)
        except ValueError as error:
            raise HybridKdError.at(path, str(error), fix="align with this final.mdl", key=utt_id) from error
    lines = [f"alignment directory: {len(alignment_archives(path))} jobs"]
    lines += [f"  {line}" for line in alignment.lines()]
    lines += ["  no final.mdl"] if model is None else _describe_transition_model(path / "final.mdl")
    return lines + _describe_archives(sorted(path.glob("trans.*")))


def _describe_decode_dir(path: Path) -> list[str]:
    from hybrid_kd.archives.alignments import read_num_jobs

    num_jobs = read_num_jobs(path)
    archives = [path / f"lat.{job}.gz" for job in range(1, num_jobs + 1)]
    return [f"decode directory: {num_jobs} jobs", *_describe_archives(archives)]


def _describe_archives(paths: Sequence[Path]) -> list[str]:
    lines = []
    for path in paths:
        first, *others = _describe_table(f"ark:{path}", allow_pipes=False)
        lines += [f"  {path.name}: {first}", *(f"  {line}" for line in others)]
    return lines


def _describe_label_store(path: Path) -> list[str]:
    from hybrid_kd.distill.label_store import read_label_store

    header = read_label_store(path).header
    masses = zip(header.temperatures, header.discarded_mass, strict=True)
    return [
        f"label store: {header.num_utterances} utterances, {header.num_frames} frames",
        f"  entries: {header.num_entries} ({header.num_entries / max(1, header.num_frames):.2f} a frame), "
        f"pruned below {header.prune_below:g}, of {header.num_pdfs} pdfs",
        *(f"  T = {temperature:g}: pruning discards {mass:.4%} of the mass" for temperature, mass in masses),
        f"  teacher: {header.teacher} (sha256 {header.teacher_sha256})",
        f"  data: {header.data} (sha256 {header.data_sha256})",
    ]


def _describe_model_dir(path: Path) -> list[str]:
    from hybrid_kd.archives.pdf_counts import read_pdf_counts
    from hybrid_kd.config import read_yaml

    lines = ["model directory"]
    if (path / "final.safetensors").exists():
        lines += _describe_networks(path / "final.safetensors")
    else:
        lines += ["  no final.safetensors: the training is not finished"]
    if (path / "final.mdl").exists():
        lines += _describe_transition_model(path / "final.mdl")
    if (path / "ali_train_pdf.counts").exists():
        counts = read_pdf_counts(path / "ali_train_pdf.counts")
        lines.append(f"  training alignment: {counts.sum():.0f} counts of {len(counts)} pdfs")
    if (path / "config.yaml").exists():
        lines += ["  config.yaml:"]
        lines += [f"    {key}: {value}" for key, value in read_yaml(path / "config.yaml").items()]
    return lines


def _describe_networks(path: Path) -> list[str]:
    """Shapes and number of weights and biases, from the file's header alone."""
    import json

    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
            networks: list[dict[str, Any]] = json.loads((file.metadata() or {}).get("shapes", "[]"))
        in_words = [_network_in_words(network) for network in networks]
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"not a network of hybrid_kd: {error}"
        raise HybridKdError.at(path, problem, fix="copy or train it again") from error
    return [*in_words, f"  parameters: {_num_parameters(shapes):,}"]


def _network_in_words(shape: dict[str, Any]) -> str:
    words = f"{shape['input_dim']} -> {shape['hidden_layers']} x {shape['hidden_dim']} -> {shape['num_pdfs']}"
    extras = [str(shape["activation"])]
    extras += ["batch normalisation"] if shape.get("batch_norm") else []
    extras += [f"dropout {shape['dropout']}"] if shape.get("dropout") else []
    return f"  network: {words}, {', '.join(extras)}"


def _num_parameters(shapes: dict[str, list[int]]) -> int:
    """Weights and biases; normalisation statistics are not parameters."""
    trained = [shape for name, shape in shapes.items() if name.endswith((".weight", ".bias"))]
    return sum(math.prod(shape) for shape in trained)
