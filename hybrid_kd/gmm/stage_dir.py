"""A stage's directory: what it was begun with, its log, and what is written at its end."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid_kd.archives.data_dir import DataDir, read_data_dir
from hybrid_kd.archives.matrices import write_matrix
from hybrid_kd.archives.model_file import write_model_file
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import ModelFile, TransitionModel
from hybrid_kd.config import options_to_dict, read_yaml, write_yaml
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
from hybrid_kd.graph.lang_dir import LangDir, count_unpronounced, read_lang_dir
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.provenance import collect_provenance, refuse_differences
from hybrid_kd.tally import Tally

logger = logging.getLogger(__name__)

CONFIG, PROVENANCE = "config.yaml", "provenance.json"
NOT_COMPARED = frozenset({"nj", "config", "out"})  # paths are: by what the files hold
PATHS = frozenset({"data", "lang", "ali", "model", "graph"})
LANG_FILES = ("words.txt", "phones.txt", "topo", "L.fst", "phones/sets.int", "phones/roots.int")
DATA_FILES = ("feats.scp", "cmvn.scp", "text", "utt2spk")
MODEL_FILES = ("final.mdl", "final.alimdl", "tree", "final.mat")


def read_data_and_lang(data_dir: Path, lang_dir: Path) -> tuple[DataDir, LangDir]:
    """Read both, and tell of words without pronunciation.

    Raises: HybridKdError.
    """
    data, lang = read_data_dir(data_dir), read_lang_dir(lang_dir)
    if data.text is None:
        raise HybridKdError.at(data_dir, "it holds no text", fix="give a data directory with transcripts")
    unpronounced = count_unpronounced(data.text.values(), lang)
    for word, count in unpronounced.most_common(20):
        logger.warning("no pronunciation of '%s' (%d times): %s is taken", word, count, lang.oov_word)
    if len(unpronounced) > 20:
        logger.warning("... and of %d more words", len(unpronounced) - 20)
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


def begin(options: Any, out: Path) -> None:
    """Record what a stage is begun with, or compare with what it was begun with.

    Raises: HybridKdError that names what differs.
    """
    names = [name for name in options_to_dict(options) if name not in NOT_COMPARED | PATHS]
    now = {name: options_to_dict(options)[name] for name in names}
    provenance = collect_provenance(_inputs(options))
    if (out / PROVENANCE).is_file():
        before = read_yaml(out / CONFIG)
        refuse_differences(out / CONFIG, {name: before.get(name) for name in names}, now)
        refuse_differences(out / PROVENANCE, read_json(out / PROVENANCE)["inputs"], provenance["inputs"])
        return
    write_yaml(out / CONFIG, options_to_dict(options))
    write_json(out / PROVENANCE, provenance)


def _inputs(options: Any) -> dict[str, list[Path]]:
    """The files that matter of each input directory."""
    wanted = {"data": DATA_FILES, "lang": LANG_FILES, "ali": MODEL_FILES, "model": MODEL_FILES}
    inputs = {}
    for name, files in wanted.items():
        if (directory := getattr(options, name, None)) is not None:
            if name in ("ali", "model") and not (directory / "final.mdl").is_file():
                fix = f"give --{name} a directory whose stage has finished"
                raise HybridKdError.at(directory, "it holds no final.mdl", fix=fix)
            inputs[name] = [directory / file for file in files if (directory / file).is_file()]
            archives = sorted(directory.glob("ali.*.gz")) if name == "ali" else []
            inputs[name] += archives
    return inputs


def write_stage(
    out: Path,
    state: TrainingState,
    data: DataDir,
    alignments: Mapping[str, Any],
    *,
    nj: int,
    ali_model: tuple[TransitionModel, StackedGmm] | None = None,
) -> None:
    """Write what Kaldi's scripts leave in a model directory, final.mdl last; then the checkpoint goes.

    Raises: HybridKdError if too many utterances are not aligned.
    """
    tally = Tally(out)
    tally.done(len(alignments))
    for utt_id, reason in state.failed.items():
        tally.left_out(utt_id, reason)
    tally.close(fix="mend the transcripts or features of the utterances that are named above")
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
