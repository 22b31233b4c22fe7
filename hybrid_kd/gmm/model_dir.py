"""GMM and alignment directories as Kaldi's scripts leave them (KALDI.md names the files).

final.mdl comes last: where it is (in an alignment directory: where num_jobs is), the directory is whole.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64, Int32

from hybrid_kd.archives.context_tree import ContextTree, read_context_tree
from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.archives.int_vectors import open_int_vector_writer
from hybrid_kd.archives.matrices import open_matrix_writer
from hybrid_kd.archives.transition_model import TransitionModel, read_model_file
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.model_features import FeatureKind, read_feature_kind
from hybrid_kd.gmm.model import StackedGmm

FEATURE_FILES = ("final.mat", "splice_opts", "cmvn_opts", "delta_opts")
MODEL_FILES = ("tree", "final.mdl", "final.alimdl", "final.occs", "phones.txt")


@dataclass(frozen=True)
class GmmModelDir:
    """A model that was trained by us or by Kaldi; ``ali_gmm`` is for frames without fMLLR."""

    path: Path
    tree: ContextTree
    model: TransitionModel
    gmm: StackedGmm
    ali_gmm: StackedGmm  # of final.alimdl, or final.mdl where there is none
    ali_model: TransitionModel
    kind: FeatureKind
    is_adapted: bool  # trained with fMLLR


def read_gmm_model_dir(path: Path) -> GmmModelDir:
    """Read a model directory.

    Raises: HybridKdError for files that are missing, broken, or do not fit each other.
    """
    if not path.is_dir():
        raise HybridKdError.at(path, "no such directory", fix="give the directory of a trained GMM model")
    model, gmm = read_gmm(path / "final.mdl")
    tree = read_context_tree(path / "tree")
    has_alimdl = (path / "final.alimdl").is_file()
    ali_model, ali_gmm = read_gmm(path / "final.alimdl") if has_alimdl else (model, gmm)
    fits = tree.num_pdfs == gmm.num_pdfs and np.array_equal(model.triples, ali_model.triples)
    if not fits or gmm.num_gaussians != ali_gmm.num_gaussians:
        fix = "give a directory whose tree, final.mdl and final.alimdl come from one training"
        raise HybridKdError.at(path, "tree, final.mdl and final.alimdl do not fit each other", fix=fix)
    is_adapted = has_alimdl or (path / "trans.1").is_file()
    return GmmModelDir(path, tree, model, gmm, ali_gmm, ali_model, read_feature_kind(path), is_adapted)


def read_gmm(path: Path) -> tuple[TransitionModel, StackedGmm]:
    """Read a final.mdl with GMMs in it.

    Raises: HybridKdError if it is missing, broken, or holds only a TransitionModel.
    """
    model_file = read_model_file(path)
    if model_file.gmm is None:
        raise HybridKdError.at(
            path,
            "it holds a TransitionModel without GMMs",
            fix="give the directory that the GMM was trained in (alignment directories may lack the GMMs)",
        )
    return model_file.transition_model, StackedGmm.from_am(model_file.gmm)


def copy_files(source: Path, out: Path, names: Sequence[str]) -> None:
    """Copy those of the files that are there."""
    for name in names:
        if (source / name).is_file():
            with replace_file(out / name) as file, (source / name).open("rb") as content:
                shutil.copyfileobj(content, file)


def split_by_speaker(data: DataDir, num_jobs: int) -> tuple[tuple[str, ...], ...]:
    """The utterances of each job, whole speakers each, as utils/split_data.sh cuts them; none is empty.

    Source: Kaldi utils/split_scp.pl with --utt2spk.
    """
    speakers: dict[str, list[str]] = {}
    for utt_id in data.utt_ids:
        speakers.setdefault(data.utt2spk[utt_id], []).append(utt_id)
    names = list(speakers)
    num_jobs = min(num_jobs, len(names))
    parts: list[list[str]] = [[] for _ in range(num_jobs)]
    for index, name in enumerate(names):
        parts[index * num_jobs // len(names)].append(name)
    counts = [sum(len(speakers[name]) for name in part) for part in parts]
    while _move_one(parts, counts, {name: len(utt_ids) for name, utt_ids in speakers.items()}):
        pass
    return tuple(tuple(utt_id for name in part for utt_id in speakers[name]) for part in parts)


def _move_one(parts: list[list[str]], counts: list[int], sizes: Mapping[str, int]) -> bool:
    """One round over the jobs: give an edge speaker to a neighbour where that makes the two more equal."""
    changed = False
    for index in range(len(parts)):
        for neighbour, edge in ((index + 1, -1), (index - 1, 0)):
            if not (0 <= neighbour < len(parts) and parts[index]):
                continue
            size = sizes[parts[index][edge]]
            if abs(counts[neighbour] - counts[index] + 2 * size) < abs(counts[neighbour] - counts[index]):
                speaker = parts[index].pop(edge)
                parts[neighbour].insert(0 if edge == -1 else len(parts[neighbour]), speaker)
                counts[neighbour] += size
                counts[index] -= size
                changed = True
    return changed


def write_alignments(
    out: Path, alignments: Mapping[str, Int32[np.ndarray, " _"]], jobs: Sequence[Sequence[str]]
) -> None:
    """Write ali.1.gz, ali.2.gz, ... and num_jobs; files of more jobs that are there are removed."""
    for file in out.glob("ali.*.gz"):
        file.unlink()
    for job, utt_ids in enumerate(jobs, start=1):
        with open_int_vector_writer(f"ark:{out}/ali.{job}.gz") as write:
            for utt_id in utt_ids:
                if utt_id in alignments:
                    write(utt_id, alignments[utt_id])
    write_text(out / "num_jobs", f"{len(jobs)}\n")


def write_transforms(
    out: Path,
    transforms: Mapping[str, Float[np.ndarray, "_ _"]],
    data: DataDir,
    jobs: Sequence[Sequence[str]],
) -> None:
    """Write trans.1, trans.2, ...: the fMLLR transforms of each job's speakers."""
    for file in out.glob("trans.*"):
        file.unlink()
    for job, utt_ids in enumerate(jobs, start=1):
        speakers = dict.fromkeys(data.utt2spk[utt_id] for utt_id in utt_ids)
        own = {speaker: transforms[speaker] for speaker in speakers if speaker in transforms}
        write_speaker_transforms(out / f"trans.{job}", own)


def write_speaker_transforms(path: Path, transforms: Mapping[str, Float[np.ndarray, "_ _"]]) -> None:
    """Write one trans.N."""
    with open_matrix_writer(f"ark:{path}") as write:
        for speaker, transform in transforms.items():
            write(speaker, transform.astype(np.float32))


def write_occupancies(path: Path, occupancies: Float64[np.ndarray, " pdfs"]) -> None:
    """Write a final.occs: frames of each pdf, as text."""
    write_text(path, " [ " + " ".join(f"{count:g}" for count in occupancies.tolist()) + " ]\n")


def write_text(path: Path, text: str) -> None:
    """Write a small text file, atomically."""
    with replace_file(path, "w") as file:
        file.write(text)
