"""Training graphs: Kaldi's alignments are paths of them, and other transcripts' are not."""

from pathlib import Path

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.context_tree import read_context_tree
from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import to_arrays
from hybrid_kd.graph.lang_dir import read_lang_dir
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from tests.graph.languages import accepts, best_path, make_lang
from tests.graph.monophones import write_monophones

pytestmark = pytest.mark.numerical


def compiler_of(experiment: Path) -> TrainingGraphCompiler:
    return TrainingGraphCompiler(
        read_context_tree(experiment / "exp/tri3b/tree"),
        read_transition_model(experiment / "exp/tri3b_ali_dt05_simu/final.mdl"),
        read_lang_dir(experiment / "data/lang_test"),
    )


@pytest.fixture(scope="module")
def compiler(shared: Path) -> TrainingGraphCompiler:
    return compiler_of(shared / "kaldi-an4")


def golden_alignments(shared: Path) -> dict[str, list[int]]:
    lines = (shared / "kaldi-an4/golden/ali.txt").read_text().splitlines()
    return {utt_id: list(map(int, ali)) for utt_id, *ali in (line.split() for line in lines)}


def golden_text(shared: Path) -> dict[str, list[str]]:
    lines = (shared / "kaldi-an4/golden/text").read_text().splitlines()
    return {utt_id: words for utt_id, *words in (line.split() for line in lines)}


def test_kaldis_alignments_are_paths_of_their_transcripts(
    shared: Path, compiler: TrainingGraphCompiler
) -> None:
    text = golden_text(shared)
    for utt_id, ali in golden_alignments(shared).items():
        graph = compiler.compile(text[utt_id])
        path = kaldifst.compose(kaldifst.make_linear_acceptor(ali), graph)
        _, words, cost = best_path(path)
        assert words == compiler.lang.ids_of_words(text[utt_id])
        assert cost == pytest.approx(
            np.log(2) * (len(words) + 1), abs=0.01
        )  # silence, or none, at each border


def test_kaldis_alignments_are_no_paths_of_other_transcripts(
    shared: Path, compiler: TrainingGraphCompiler
) -> None:
    text = golden_text(shared)
    for utt_id, ali in golden_alignments(shared).items():
        assert not accepts(compiler.compile(text[utt_id][:-1]), ali)
        assert not accepts(compiler.compile([*text[utt_id], "YES"]), ali)


@pytest.mark.parametrize("name", ["kaldi-an4", "kaldi-libri5k"])
def test_a_sets_alignments_are_paths_of_its_transcripts(shared: Path, name: str) -> None:
    experiment = shared / name
    compiler = compiler_of(experiment)
    text = read_data_dir(experiment / "data/dt05_simu", needs_feats=False).text or {}
    alignments = list(read_alignment_dir(experiment / "exp/tri3b_ali_dt05_simu"))[:300:10]
    for utt_id, ali in alignments:
        assert accepts(compiler.compile(text[utt_id]), ali.tolist()), utt_id
    assert len(alignments) == 30


def test_an_alternative_pronunciation_is_another_path(compiler: TrainingGraphCompiler) -> None:
    """A is said AH or EY, each with its own HMMs; the word's transition-ids are those of these phones."""
    graph = to_arrays(compiler.compile(["A"]))
    phones = {
        compiler.lang.phones[phone]
        for phone in compiler.transition_model.transition_id_to_phone[
            graph.ilabels[graph.ilabels > 0]
        ].tolist()
    }
    assert phones == {"SIL", "AH_S", "EY_S"}


def test_a_graph_has_one_self_loop_a_state_and_no_two_arcs_alike(compiler: TrainingGraphCompiler) -> None:
    graph = to_arrays(compiler.compile(["ENTER", "A", "B"]))
    is_loop = graph.sources == graph.next_states
    assert np.bincount(graph.sources[is_loop]).max() == 1
    assert compiler.transition_model.is_self_loop[graph.ilabels[is_loop]].all()
    assert not compiler.transition_model.is_self_loop[graph.ilabels[~is_loop]].any()


def test_an_unknown_word_is_the_oov_word(compiler: TrainingGraphCompiler) -> None:
    graph = compiler.compile(["YES", "PERHAPS"])
    _, words, _ = best_path(graph)
    assert words == [compiler.lang.word_ids["YES"], compiler.lang.oov_id]


def test_an_empty_transcript_is_silence_or_nothing(compiler: TrainingGraphCompiler) -> None:
    graph = to_arrays(compiler.compile([]))
    phones = compiler.transition_model.transition_id_to_phone[graph.ilabels[graph.ilabels > 0]]
    assert set(phones.tolist()) == {compiler.lang.optional_silence}
    assert not graph.olabels.any()


def test_the_same_transcript_gives_the_same_graph(compiler: TrainingGraphCompiler) -> None:
    first, second = (compiler.compile(["ERASE", "A"]).to_str() for _ in range(2))
    assert first == second


def test_monophone_graphs_go_through_a_words_phones(tmp_path: Path) -> None:
    lang = make_lang(tmp_path)
    model = write_monophones(tmp_path / "mono", lang)
    compiler = TrainingGraphCompiler(read_context_tree(tmp_path / "mono/tree"), model, lang)
    ilabels, words, _ = best_path(compiler.compile(["TOOTH"]))
    phones = [
        lang.phones[phone] for phone in model.transition_id_to_phone[[i for i in ilabels if i]].tolist()
    ]
    assert words == [lang.word_ids["TOOTH"]]
    assert phones == ["T_B"] * 3 + ["UW_I"] * 3 + ["TH_E"] * 3


def test_a_tree_of_other_phones_is_refused(shared: Path, tmp_path: Path) -> None:
    experiment = shared / "kaldi-an4"
    lang = make_lang(tmp_path)
    model = write_monophones(tmp_path / "mono", lang)
    compiler = TrainingGraphCompiler(
        read_context_tree(tmp_path / "mono/tree"), model, read_lang_dir(experiment / "data/lang_test")
    )
    with pytest.raises(HybridKdError, match=r"tree and final\.mdl: no HMM for the phones"):
        compiler.compile(["YES"])
