"""HCLG of Kaldi's lexicon, grammar, tree and model, beside the graph that Kaldi made of them."""

import shutil
from collections import Counter
from itertools import permutations
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.context_tree import read_context_tree
from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.decoding.embedded import decode_utterance
from hybrid_kd.decoding.graph import check_graph, load_graph
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import FstArrays, read_fst, to_arrays
from hybrid_kd.graph.graph_dir import make_graph_dir
from hybrid_kd.graph.hclg import GraphScales
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from tests.graph.languages import make_lang
from tests.graph.monophones import write_monophones

pytestmark = pytest.mark.numerical

QUANTUM = 1 / 1024  # costs are rounded to it before minimisation
ROUNDED_OTHERWISE = 1e-3  # share of states and arcs


@pytest.fixture(scope="module")
def kaldis(shared: Path) -> Path:
    return shared / "kaldi-an4/exp/tri3b/graph"


@pytest.fixture(scope="module")
def ours(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment, out = shared / "kaldi-an4", tmp_path_factory.mktemp("graph") / "graph"
    model_dir = experiment / "exp/tri3b_ali_dt05_simu"  # the tree and the transitions of tri3b
    make_graph_dir(experiment / "data/lang_test", None, model_dir, out, GraphScales())
    return out


def arcs_by_labels(fst: FstArrays) -> Counter[tuple[int, int]]:
    return Counter(zip(fst.ilabels.tolist(), fst.olabels.tolist(), strict=True))


def test_the_graph_has_kaldis_states_and_arcs(kaldis: Path, ours: Path) -> None:
    """A cost between two quanta is rounded to either, and states that differ in it stay apart."""
    theirs, mine = (to_arrays(read_fst(directory / "HCLG.fst", fix="")) for directory in (kaldis, ours))
    assert (theirs.num_states, theirs.num_arcs) == (35412, 87304)
    assert (mine.num_states, mine.num_arcs) == pytest.approx((35412, 87304), rel=ROUNDED_OTHERWISE)
    more, less = (one - other for one, other in permutations(map(arcs_by_labels, (mine, theirs))))
    assert more.total() + less.total() <= ROUNDED_OTHERWISE * theirs.num_arcs
    shares = np.linspace(0, 1, 1001)
    for name in ("costs", "final_costs"):
        ordered = [getattr(fst, name)[np.isfinite(getattr(fst, name))] for fst in (mine, theirs)]
        ours_at, theirs_at = (np.quantile(costs, shares) for costs in ordered)
        np.testing.assert_allclose(ours_at, theirs_at, atol=1.01 * QUANTUM)


def test_best_paths_and_costs_are_kaldis(shared: Path, kaldis: Path, ours: Path) -> None:
    golden = shared / "kaldi-an4/golden"
    pdf_ids = read_transition_model(golden / "final.trans.mdl").transition_id_to_pdf_id
    expected = {
        name: dict(line.split() for line in (golden / f"best_{name}.txt").read_text().splitlines())
        for name in ("lmcost", "accost")
    }
    graphs = [load_graph(directory / "HCLG.fst") for directory in (kaldis, ours)]
    options = SearchOptions(acoustic_scale=0.1, beam=11.0, lattice_beam=2.0)
    utterances = dict(read_matrices(f"ark:{golden}/nnet1_loglikes.ark"))
    for utt_id in (
        "fkdo_an131_BUS_SIMU",
        "mkdb_an316_BUS_SIMU",
        "mkdb_an316_CAF_SIMU",
        "mkdb_an316_STR_SIMU",
    ):
        theirs, mine = (decode_utterance(graph, utterances[utt_id], pdf_ids, options) for graph in graphs)
        assert theirs is not None
        assert mine is not None
        assert mine.best_word_ids == theirs.best_word_ids
        assert mine.best_graph_cost == pytest.approx(theirs.best_graph_cost, abs=1e-3)
        assert mine.best_acoustic_cost == pytest.approx(theirs.best_acoustic_cost, abs=0.1)
        assert mine.best_graph_cost == pytest.approx(float(expected["lmcost"][utt_id]), abs=1e-3)
        assert mine.best_acoustic_cost == pytest.approx(float(expected["accost"][utt_id]), abs=0.1)


def test_the_other_files_are_kaldis(kaldis: Path, ours: Path) -> None:
    names = [str(file.relative_to(kaldis)) for file in kaldis.rglob("*") if file.is_file()]
    for name in sorted(set(names) - {"HCLG.fst"}):
        assert (ours / name).read_bytes() == (kaldis / name).read_bytes(), name


def test_the_decoder_accepts_the_graph(shared: Path, ours: Path) -> None:
    model = read_transition_model(shared / "kaldi-an4/golden/final.trans.mdl")
    num_arcs = check_graph(ours, ours / "HCLG.fst", model).num_arcs
    assert num_arcs == pytest.approx(87304, rel=ROUNDED_OTHERWISE)


ARPA = """\\data\\
ngram 1=5

\\1-grams:
-0.6\t</s>
-99\t<s>
-0.6\tTO
-0.6\tTOO
-0.6\tTOOTH

\\end\\
"""


@pytest.fixture
def mono(tmp_path: Path) -> Path:
    """lang/, mono/ and lm.arpa."""
    write_monophones(tmp_path / "mono", make_lang(tmp_path))
    (tmp_path / "lm.arpa").write_text(ARPA)
    return tmp_path


def make_mono_graph(directory: Path, scales: GraphScales | None = None) -> Path:
    out = directory / "graph"
    make_graph_dir(
        directory / "lang", directory / "lm.arpa", directory / "mono", out, scales or GraphScales()
    )
    return out


def test_a_monophone_graph_says_what_its_training_graphs_say(mono: Path) -> None:
    """A path of a transcript's graph is one of the decoding graph, whose words are the transcript's."""
    model = read_transition_model(mono / "mono/final.mdl")
    lang = make_lang(mono)
    compiler = TrainingGraphCompiler(read_context_tree(mono / "mono/tree"), model, lang)
    graph = kaldifst.StdVectorFst(load_graph(make_mono_graph(mono) / "HCLG.fst"))
    kaldifst.arcsort(graph, "ilabel")
    for seed, words in enumerate([["TO"], ["TOOTH", "TOO"], ["TOO", "TO", "TOOTH"]]):
        ok, path = kaldifst.equal_align(compiler.compile(words), 60, seed)
        assert ok
        _, ilabels, _, _ = kaldifst.get_linear_symbol_sequence(path)
        said = kaldifst.compose(kaldifst.make_linear_acceptor(ilabels), graph)
        kaldifst.invert(said)
        for spelled in (words, ["TOO" if word == "TO" else word for word in words]):  # they sound alike
            transcript = kaldifst.make_linear_acceptor(lang.ids_of_words(spelled))
            assert kaldifst.compose(transcript, said).start >= 0
        assert (
            kaldifst.compose(kaldifst.make_linear_acceptor(lang.ids_of_words([*words, "TO"])), said).start < 0
        )


def test_scales_change_costs_only(mono: Path) -> None:
    usual = to_arrays(read_fst(make_mono_graph(mono) / "HCLG.fst", fix=""))
    shutil.rmtree(mono / "graph")
    other = to_arrays(read_fst(make_mono_graph(mono, GraphScales(1.0, 1.0)) / "HCLG.fst", fix=""))
    assert set(usual.ilabels.tolist()) == set(other.ilabels.tolist())
    loops = usual.sources == usual.next_states
    assert usual.costs[loops].max() == pytest.approx(0.1 * -np.log(0.25), rel=1e-4)
    assert other.costs[other.sources == other.next_states].max() == pytest.approx(-np.log(0.25), rel=1e-4)


def test_a_finished_graph_is_not_made_again_nor_overwritten(
    mono: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = make_mono_graph(mono).stat().st_mtime_ns
    with caplog.at_level("INFO"):
        assert make_mono_graph(mono).stat().st_mtime_ns == before
    assert "already done" in caplog.text
    with pytest.raises(HybridKdError, match=r"self_loop_scale was 0.1, is 0.2"):
        make_mono_graph(mono, GraphScales(1.0, 0.2))
    (mono / "lm.arpa").write_text(ARPA.replace("-0.6\tTO\n", "-0.7\tTO\n"))
    with pytest.raises(HybridKdError, match="grammar was"):
        make_mono_graph(mono)


def test_a_model_of_other_phones_is_refused(mono: Path, shared: Path) -> None:
    model_dir = shared / "kaldi-an4/exp/tri3b_ali_dt05_simu"
    with pytest.raises(HybridKdError, match=r"phones.txt: other phones than in"):
        make_graph_dir(mono / "lang", mono / "lm.arpa", model_dir, mono / "graph", GraphScales())
    lang = shared / "kaldi-an4/data/lang_test"
    with pytest.raises(HybridKdError, match=r"final.mdl: the model lacks \d+ of the lexicon's phones"):
        make_graph_dir(lang, None, mono / "mono", mono / "graph", GraphScales())


def test_a_grammar_without_a_word_of_the_lexicon_is_refused(mono: Path) -> None:
    (mono / "lm.arpa").write_text("\\data\\\nngram 1=2\n\n\\1-grams:\n-1\t<s>\n-1\tNOWHERE\n\n\\end\\\n")
    with pytest.raises(
        HybridKdError,
        match=r"lm\.arpa: no word in common with .*words\.txt\n",
    ):
        make_mono_graph(mono)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 0 4 4 1\n0 3.4e38\n", "they have no sentence with a word in common"),  # it is lost on the way
        ("0 1 4 4 -1e30\n1\n", "composed, its costs are too large to be pushed"),
        ("0 1 4 4\n0 1 4 5\n1\n", "FST was not functional -> not determinizable"),
    ],
)
def test_a_grammar_that_cannot_be_composed_is_named(mono: Path, text: str, problem: str) -> None:
    assert kaldifst.compile(text).write(str(mono / "lang/G.fst"))
    with pytest.raises(HybridKdError, match=f"({problem})(.|\n)*fix: "):
        make_graph_dir(mono / "lang", None, mono / "mono", mono / "graph", GraphScales())


@pytest.mark.parametrize("name", ["mono/tree", "mono/final.mdl", "lang/L_disambig.fst", "lm.arpa"])
def test_a_missing_file_is_named(mono: Path, name: str) -> None:
    (mono / name).unlink()
    with pytest.raises(HybridKdError, match=rf"{name}: no such file"):
        make_mono_graph(mono)


def test_a_lang_directory_without_grammar_asks_for_a_language_model(mono: Path) -> None:
    with pytest.raises(HybridKdError, match=r"G.fst: no such file\n  fix: give the language model with --lm"):
        make_graph_dir(mono / "lang", None, mono / "mono", mono / "graph", GraphScales())
