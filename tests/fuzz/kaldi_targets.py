"""Readers of what Kaldi's programs share: models, trees, topologies, networks of nnet1, lattices, graphs."""

import gzip
from functools import partial
from pathlib import Path

import numpy as np

from hybrid_kd.archives.context_tree import read_context_tree, write_context_tree
from hybrid_kd.archives.matrices import write_matrix
from hybrid_kd.archives.model_file import write_model_file
from hybrid_kd.archives.nnet1 import read_nnet1, write_nnet1
from hybrid_kd.archives.openfst import read_openfst
from hybrid_kd.archives.topology import read_topology, topology_to_text
from hybrid_kd.archives.transition_model import (
    ModelFile,
    read_model_file,
    read_transition_model,
    write_transition_model_text,
)
from hybrid_kd.decoding.embedded import decode_utterance
from hybrid_kd.decoding.graph import check_graph, decompressed_graph, find_graph_file, load_graph
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.gmm.model_dir import read_gmm_model_dir
from hybrid_kd.gmm.questions import compile_questions, read_questions, write_questions
from hybrid_kd.gmm.tree_building import monophone_tree
from hybrid_kd.graph.arpa import read_arpa
from hybrid_kd.graph.dict_dir import read_dict_dir
from hybrid_kd.graph.grammar import make_grammar
from hybrid_kd.graph.graph_dir import make_graph_dir
from hybrid_kd.graph.hclg import GraphScales
from hybrid_kd.graph.lang_dir import read_lang_dir
from hybrid_kd.graph.prepare_lang import LangOptions, prepare_lang
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.utterance_scores import ScoringTexts, score_lattices
from tests.archives.golden_tables import lattice_bytes
from tests.archives.test_context_tree import SMALL_TEXT
from tests.archives.test_lattices import COMPACT
from tests.archives.test_nnet1 import small_network
from tests.archives.test_transition_model import CHAIN_TEXT, chain_binary
from tests.fuzz.campaign import Target
from tests.fuzz.table_targets import describe
from tests.gmm.tiny_model import random_gmm, tiny_model, tiny_topology
from tests.graph.languages import make_lang, write_dict
from tests.graph.monophones import write_monophones

ARPA = """\\data\\
ngram 1=6
ngram 2=3

\\1-grams:
-1\t</s>
-99\t<s>\t-0.3
-1\tTO\t-0.2
-0.8\tTOO
-0.9\tTOOTH\t-0.1
-1\tA\t-0.1

\\2-grams:
-0.5\t<s> TO
-0.3\tTO A
-0.2\tA TOOTH

\\end\\
"""
DIM = 4
SEARCH = SearchOptions(0.1, 10.0, 5.0)
SCALES = GraphScales()


def make_model(root: Path) -> None:
    """A GMM model directory, and its parts in text."""
    model, topology = tiny_model(), tiny_topology()
    gmm = random_gmm(0, dim=DIM, sizes=[2] * model.num_pdfs)
    write_model_file(root / "final.mdl", ModelFile(model, gmm.to_am()))
    write_context_tree(root / "tree", monophone_tree([(1,), (2,), (3,)], topology))
    write_transition_model_text(root / "text.mdl", model)
    (root / "chain.mdl").write_bytes(chain_binary())
    (root / "chain_text.mdl").write_text(CHAIN_TEXT)
    (root / "text_tree").write_text(SMALL_TEXT)
    (root / "topo").write_text(topology_to_text(topology))
    write_questions(root / "questions.qst", compile_questions([(3, 2), (1,)], topology))
    (root / "cmvn_opts").write_text("--norm-means=true\n")
    (root / "splice_opts").write_text("--left-context=0 --right-context=0\n")
    write_matrix(root / "final.mat", np.eye(DIM, 13, dtype=np.float32))


def read_model(root: Path) -> None:
    for name in ("final.mdl", "text.mdl", "chain.mdl", "chain_text.mdl"):
        model = read_model_file(root / name).transition_model
        assert len(model.log_probs) == len(model.transition_id_to_pdf_id)
        assert model.transition_id_to_pdf_id.max() < model.num_pdfs
    for name in ("tree", "text_tree"):
        assert read_context_tree(root / name).num_pdfs > 0
    read_topology(root / "topo")
    read_questions(root / "questions.qst")
    read_gmm_model_dir(root)
    describe(root)


def make_networks(root: Path) -> None:
    write_nnet1(root / "final.nnet", small_network())
    write_nnet1(root / "text.nnet", small_network(), binary=False)


def read_networks(root: Path) -> None:
    for name in ("final.nnet", "text.nnet"):
        for component in read_nnet1(root / name):
            assert all(np.isfinite(array).all() for array in component.arrays)
        describe(root / name)


def make_lattices(root: Path) -> None:
    lattice_bytes(root / "lat.ark")
    (root / "lat.1.gz").write_bytes(gzip.compress(b"u1 " + COMPACT + b"u2 " + COMPACT, mtime=0))


def score(root: Path) -> None:
    words = {word_id: f"W{word_id}" for word_id in range(30)}
    texts = ScoringTexts({"u1": ["W7"], "u2": ["W9"]}, words)
    for name in ("lat.ark", "lat.1.gz"):
        for scores in score_lattices(root / name, texts, [ScoringPoint(10, 0.5), ScoringPoint(7, 0.0)]):
            assert len(scores.hypothesis_at) == 2


def make_fsts(root: Path) -> None:
    make_language(root)
    for name in ("dict", "mono", "lang/phones"):
        for path in (root / name).iterdir():
            path.unlink()
    (root / "HCLG.fst.gz").write_bytes(gzip.compress((root / "graph/HCLG.fst").read_bytes(), mtime=0))


def read_fsts(root: Path) -> None:
    """The arrays alone, which is quick."""
    for path in [*sorted(root.rglob("*.fst")), root / "HCLG.fst.gz"]:
        with decompressed_graph(path) as plain:
            fst = read_openfst(plain, what="a transducer", fix="make it again")
        if fst.num_arcs:
            assert fst.arcs["next_state"].min() >= 0
            assert fst.arcs["next_state"].max() < fst.num_states
            assert (fst.arcs["cost"] > -np.inf).all()
        assert fst.arc_offsets[-1] == fst.num_arcs
        assert -1 <= fst.start < max(fst.num_states, 1)


def make_language(root: Path) -> None:
    """Dictionary, lang directory with a grammar, monophones, graph."""
    lang = make_lang(root)
    (root / "lm.arpa").write_text(ARPA)
    grammar = make_grammar(root / "lm.arpa", root / "lang/words.txt", backoff_id=lang.word_ids["#0"])
    assert grammar.write(str(root / "lang/G.fst"))
    write_monophones(root / "mono", lang)
    make_graph_dir(root / "lang", None, root / "mono", root / "graph", SCALES)


def read_lang(root: Path) -> None:
    read_lang_dir(root / "lang")
    describe(root / "lang")


def compile_transcripts(root: Path) -> None:
    lang, model = read_lang_dir(root / "lang"), read_transition_model(root / "mono/final.mdl")
    compiler = TrainingGraphCompiler(read_context_tree(root / "mono/tree"), model, lang)
    for words in (["TO", "A"], ["TOOTH"], ["NOT", "THERE"]):
        compiler.compile(words)


def make_graph(root: Path, *, with_arpa: bool = False) -> None:
    arpa = root / "lm.arpa" if with_arpa else None
    make_graph_dir(root / "lang", arpa, root / "mono", root / "new_graph", SCALES)


def decode(root: Path) -> None:
    graph_dir = root / "graph"
    model = read_transition_model(root / "mono/final.mdl")
    describe(graph_dir)
    with decompressed_graph(find_graph_file(graph_dir)) as fst_file:
        check_graph(graph_dir, fst_file, model)
        graph = load_graph(fst_file)
    loglikes = np.random.default_rng(0).normal(size=(12, model.num_pdfs)).astype(np.float32)
    decode_utterance(graph, loglikes, model.transition_id_to_pdf_id, SEARCH)


def make_dict(root: Path) -> None:
    write_dict(root / "dict")
    (root / "lm.arpa").write_text(ARPA)
    (root / "lm.arpa.gz").write_bytes(gzip.compress(ARPA.encode(), mtime=0))


def read_dict(root: Path) -> None:
    read_dict_dir(root / "dict")
    describe(root / "dict")
    prepare_lang(root / "dict", root / "lang", LangOptions("<UNK>"))
    read_lang_dir(root / "lang")


def read_language_models(root: Path) -> None:
    for name in ("lm.arpa", "lm.arpa.gz"):
        read_arpa(root / name)


TARGETS = [
    Target("gmm_dir", make_model, read_model),
    Target("nnet1", make_networks, read_networks),
    Target("lattice_scores", make_lattices, score),
    Target("fst", make_fsts, read_fsts, damaged="**/*.fst*"),
    Target("lang_dir", make_language, read_lang, damaged="lang/**/*"),
    Target("training_graphs", make_language, compile_transcripts, damaged="lang/L.fst"),
    Target("training_graph_models", make_language, compile_transcripts, damaged="mono/*"),
    Target("make_graph", make_language, make_graph, damaged="lang/*.fst"),
    Target("make_graph_of_arpa", make_language, partial(make_graph, with_arpa=True), damaged="lm.arpa"),
    Target("decode", make_language, decode, damaged="graph/**/*"),
    Target("dict_dir", make_dict, read_dict, damaged="dict/*"),
    Target("arpa", make_dict, read_language_models, damaged="lm.*"),
]
