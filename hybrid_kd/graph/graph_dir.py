"""Graph directories: HCLG.fst with the words, phones and numbers that decoding and scoring need beside it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid_kd.archives.context_tree import read_context_tree
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.atomic import replace_directory
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import named_failure, read_fst, to_bytes
from hybrid_kd.graph.grammar import make_grammar
from hybrid_kd.graph.hclg import (
    DecodingGraph,
    GraphScales,
    compose_lexicon_and_grammar,
    make_decoding_graph,
)
from hybrid_kd.graph.lang_dir import FIX, LangDir, read_lang_dir
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import PROVENANCE, RunRecord

COPIED = [
    *("word_boundary.txt", "word_boundary.int", "align_lexicon.txt", "align_lexicon.int"),
    *("disambig.txt", "disambig.int"),
    *("optional_silence.txt", "optional_silence.int", "optional_silence.csl", "silence.csl"),
]


def make_graph_dir(
    lang_dir: Path, arpa: Path | None, model_dir: Path, out: Path, scales: GraphScales
) -> None:
    """Make ``out`` of a lang directory, a language model (else the lang directory's G.fst), and a model's
    tree and final.mdl; nothing if it is there already.

    Raises: HybridKdError for inputs that cannot be read or do not fit, or if ``out`` was made of others.
    """
    grammar = arpa or lang_dir / "G.fst"
    _check_files([grammar, lang_dir / "L_disambig.fst", model_dir / "tree", model_dir / "final.mdl"])
    inputs: dict[str, Path | Sequence[Path]] = {
        "lexicon": lang_dir / "L_disambig.fst",
        "words": lang_dir / "words.txt",
        "grammar": grammar,
        "model": [model_dir / "tree", model_dir / "final.mdl"],
    }
    options = {"transition_scale": scales.transition_scale, "self_loop_scale": scales.self_loop_scale}
    record = RunRecord(out, out / PROVENANCE, collect_provenance(inputs), options)
    if record.is_finished(out):
        return
    lang, transition_model = read_lang_dir(lang_dir), read_transition_model(model_dir / "final.mdl")
    _check_phones(lang, model_dir, transition_model)
    lexicon = read_fst(lang_dir / "L_disambig.fst", fix=FIX, symbols=(lang.phones, lang.words))
    grammar_fst = _grammar(lang, arpa)
    tree = read_context_tree(model_dir / "tree")
    with named_failure(f"{lang_dir / 'L_disambig.fst'} and {grammar}", fix=FIX):
        lg = compose_lexicon_and_grammar(lexicon, grammar_fst)
        graph = make_decoding_graph(lg, lang.disambig_phones, tree, transition_model, scales)
    with replace_directory(out) as directory:
        _write(directory, graph, lang_dir, transition_model)
        record.write(directory / PROVENANCE)


def _check_files(files: Sequence[Path]) -> None:
    for file in files:
        if not file.is_file():
            fix = "give the language model with --lm" if file.name == "G.fst" else "check the directory"
            raise HybridKdError.at(file, "no such file", fix=fix)


def _grammar(lang: LangDir, arpa: Path | None) -> Any:
    if arpa is None:
        fix = "give the language model with --lm"
        return read_fst(lang.path / "G.fst", fix=fix, symbols=(lang.words, lang.words))
    if "#0" not in lang.word_ids:
        raise HybridKdError.at(lang.path / "words.txt", "no symbol #0 for backoff", fix=FIX)
    return make_grammar(arpa, lang.path / "words.txt", backoff_id=lang.word_ids["#0"])


def _check_phones(lang: LangDir, model_dir: Path, transition_model: TransitionModel) -> None:
    """The model was trained with this lang directory's phones."""
    disambig = set(lang.disambig_phones)
    phones = {id_: phone for id_, phone in lang.phones.items() if id_ not in disambig and id_ != 0}
    fix = "give the lang directory that the model was trained with"
    if missing := [phone for id_, phone in phones.items() if id_ not in transition_model.phones]:
        problem = f"the model lacks {len(missing)} of the lexicon's phones ({' '.join(missing[:5])})"
        raise HybridKdError.at(model_dir / "final.mdl", problem, fix=fix)
    if (table := model_dir / "phones.txt").is_file():
        others = {id_: phone for id_, phone in read_symbol_table(table).items() if not phone.startswith("#")}
        if {id_: phone for id_, phone in others.items() if id_ != 0} != phones:
            raise HybridKdError.at(table, f"other phones than in {lang.path / 'phones.txt'}", fix=fix)


def _write(directory: Path, graph: DecodingGraph, lang_dir: Path, transition_model: TransitionModel) -> None:
    (directory / "HCLG.fst").write_bytes(to_bytes(graph.hclg))
    (directory / "disambig_tid.int").write_text("".join(f"{id_}\n" for id_ in graph.disambig_ids))
    (directory / "num_pdfs").write_text(f"{transition_model.num_pdfs}\n")
    (directory / "phones").mkdir()
    for name in ("words.txt", "phones.txt"):
        shutil.copyfile(lang_dir / name, directory / name)
    for name in COPIED:
        if (file := lang_dir / "phones" / name).is_file():
            shutil.copyfile(file, directory / "phones" / name)
