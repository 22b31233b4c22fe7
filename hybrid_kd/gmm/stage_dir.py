"""A stage's directory: what it was begun with, its log, and what is written at its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid_kd.archives.data_dir import DataDir, read_data_dir
from hybrid_kd.archives.matrices import write_matrix
from hybrid_kd.archives.model_file import write_model_file
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import ModelFile, TransitionModel
from hybrid_kd.config import options_to_dict
from hybrid_kd.decoding.graph import find_graph_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.model_dir import (
    copy_files,
    split_by_speaker,
    write_alignments,
    write_occupancies,
    write_text,
    write_transforms,
)
from hybrid_kd.gmm.training_state import CHECKPOINT, TrainingState
from hybrid_kd.graph.lang_dir import LangDir, read_lang_dir, warn_of_unpronounced
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import RunRecord
from hybrid_kd.tally import Tally

NOT_COMPARED = frozenset({"nj", "config", "out", "max_left_out"})  # paths are: by what the files hold
PATHS = frozenset({"data", "lang", "ali", "model", "graph"})
LANG_FILES = ("words.txt", "phones.txt", "topo", "L.fst", "phones/sets.int", "phones/roots.int")
DATA_FILES = ("feats.scp", "cmvn.scp", "text", "utt2spk")
GRAPH_FILES = ("words.txt", "phones/silence.csl")
MEND_DATA = "correct the transcripts or features of the utterances named above"
MODEL_FILES = ("final.mdl", "final.alimdl", "tree", "final.mat")


def read_data_and_lang(data_dir: Path, lang_dir: Path) -> tuple[DataDir, LangDir]:
    """Read both, and tell of words without pronunciation.

    Raises: HybridKdError.
    """
    data, lang = read_data_dir(data_dir), read_lang_dir(lang_dir)
    if data.text is None:
        raise HybridKdError.at(data_dir, "it holds no text", fix="give a data directory with transcripts")
    warn_of_unpronounced(data_dir / "text", data.text.values(), lang)
    return data, lang


def check_phones(lang: LangDir, model_dir: Path) -> None:
    """Compare the phones of a lang directory with those of a model.

    Raises: HybridKdError if they differ (disambiguation symbols may).
    """
    path = model_dir / "phones.txt"
    if not path.is_file():
        return
    theirs = read_symbol_table(path)
    differing = [name for id_, name in lang.phones.items() if name[0] != "#" and theirs.get(id_) != name]
    if differing:
        raise HybridKdError.at(
            path,
            f"other phones than in {lang.path}/phones.txt, such as '{differing[0]}'",
            fix="give the lang directory that the model was trained with",
        )


def stage_record(options: Any, *, not_compared: frozenset[str] = NOT_COMPARED) -> RunRecord:
    """What a stage is made of.

    Raises: HybridKdError for a model or graph directory that lacks its main file.
    """
    return RunRecord.of_options(
        options,
        collect_provenance(_inputs(options)),
        compared=options_to_dict(options).keys() - not_compared - PATHS,
        newer_inputs=frozenset({"graph"}),
    )


def _inputs(options: Any) -> dict[str, list[Path]]:
    """The files that matter of each input directory."""
    wanted = {"data": DATA_FILES, "lang": LANG_FILES, "ali": MODEL_FILES, "model": MODEL_FILES}
    inputs = {}
    for name, files in wanted.items():
        if (directory := getattr(options, name, None)) is not None:
            if name in ("ali", "model") and not (directory / "final.mdl").is_file():
                fix = f"give --{name} a directory whose stage has finished"
                raise HybridKdError.at(directory, "it holds no final.mdl", fix=fix)
            inputs[name] = _present(directory, files)
            archives = sorted(directory.glob("ali.*.gz")) if name == "ali" else []
            inputs[name] += archives
    if (graph := getattr(options, "graph", None)) is not None:
        inputs["graph"] = [find_graph_file(graph), *_present(graph, GRAPH_FILES)]
    return inputs


def _present(directory: Path, names: Sequence[str]) -> list[Path]:
    return [directory / name for name in names if (directory / name).is_file()]


def write_stage(
    out: Path,
    state: TrainingState,
    data: DataDir,
    alignments: Mapping[str, Any],
    *,
    nj: int,
    ali_model: tuple[TransitionModel, StackedGmm] | None = None,
) -> None:
    """Write what Kaldi's scripts leave in a model directory, final.mdl last; then the checkpoint goes."""
    jobs = split_by_speaker(data, nj)
    write_alignments(out, alignments, jobs)
    if state.transforms is not None:
        write_transforms(out, state.transforms, data, jobs)
    if state.matrix is not None:
        write_matrix(out / "final.mat", state.matrix.astype("float32"))
    write_occupancies(out / "final.occs", state.occupancies)
    if ali_model is not None:
        write_gmm(out / "final.alimdl", *ali_model)
    write_gmm(out / "final.mdl", state.model, state.gmm)
    (out / CHECKPOINT).unlink(missing_ok=True)


def count_aligned(
    place: Path, num_aligned: int, failed: Mapping[str, str], *, max_left_out: float, fix: str = MEND_DATA
) -> None:
    """Warn of the utterances that are not aligned; ``failed`` holds the reasons.

    Raises: HybridKdError if there are too many.
    """
    tally = Tally(place, max_left_out=max_left_out)
    tally.done(num_aligned)
    for utt_id, reason in failed.items():
        tally.left_out(utt_id, reason)
    tally.close(fix=fix)


def write_gmm(path: Path, model: TransitionModel, gmm: StackedGmm) -> None:
    """Write a final.mdl."""
    write_model_file(path, ModelFile(model, gmm.to_am()))


def write_feature_files(
    out: Path, lang: LangDir, *, splice: tuple[int, int] | None, source: Path | None
) -> None:
    """phones.txt, and how MFCC become features: cmvn_opts, splice_opts (those of ``source``, if given)."""
    copy_files(lang.path, out, ["phones.txt"])
    if source is not None:
        copy_files(source, out, ["cmvn_opts", "splice_opts", "delta_opts"])
        return
    write_text(out / "cmvn_opts", "\n")
    if splice is not None:
        write_text(out / "splice_opts", f"--left-context={splice[0]} --right-context={splice[1]}\n")
