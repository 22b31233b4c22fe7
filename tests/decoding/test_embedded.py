"""The embedded decoder against Kaldi's latgen-faster-mapped."""

import contextlib
import gzip
from pathlib import Path
from typing import Any

import kaldifst
import numpy as np
import pytest

from hybrid_kd.archives.lattices import read_lattices
from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.decoding.embedded import EmbeddedDecoder, decode_utterance, open_lattice_archive
from hybrid_kd.decoding.graph import load_graph
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.scoring.best_paths import ScoringPoint, best_paths
from tests.decoding.experiment import SHORT_UTTS, golden_lines

pytestmark = pytest.mark.numerical

FLOAT32_SUM = 5e-5  # a path's cost is a float32 sum over some 300 frames, whose order is the build's


@pytest.fixture(scope="module")
def transition_model(shared: Path) -> TransitionModel:
    return read_transition_model(shared / "kaldi-an4/golden/final.trans.mdl")


@pytest.fixture(scope="module")
def words(shared: Path) -> dict[int, str]:
    return read_symbol_table(shared / "kaldi-an4/exp/tri3b/graph/words.txt")


@pytest.fixture(scope="module")
def graph(shared: Path) -> Any:
    return load_graph(shared / "kaldi-an4/exp/tri3b/graph/HCLG.fst")


@pytest.fixture(scope="module")
def decoder(graph: Any, transition_model: TransitionModel, words: dict[int, str]) -> EmbeddedDecoder:
    return EmbeddedDecoder(graph, transition_model.transition_id_to_pdf_id, words, SearchOptions())


@pytest.fixture(scope="module")
def loglikes(shared: Path) -> dict[str, np.ndarray]:
    return dict(read_matrices(f"ark:{shared}/kaldi-an4/golden/nnet1_loglikes.ark"))


@pytest.fixture(scope="module")
def costs(shared: Path) -> dict[str, tuple[float, float]]:
    """Kaldi's graph and acoustic cost of the best path at LM weight 10."""
    graph_costs, acoustic_costs = (
        dict(line.split() for line in golden_lines(shared, name))
        for name in ("best_lmcost.txt", "best_accost.txt")
    )
    return {utt_id: (float(graph_costs[utt_id]), float(acoustic_costs[utt_id])) for utt_id in graph_costs}


def test_words_and_costs_of_every_golden_utterance_are_kaldis(
    graph: Any,
    transition_model: TransitionModel,
    words: dict[int, str],
    loglikes: dict[str, np.ndarray],
    costs: dict[str, tuple[float, float]],
    shared: Path,
) -> None:
    for line in golden_lines(shared, "latgen_words.txt"):
        utt_id, *expected = line.split()
        options = SearchOptions(0.1, 11.0, 4.0)
        decoded = decode_utterance(graph, loglikes[utt_id], transition_model.transition_id_to_pdf_id, options)
        assert decoded is not None
        assert not decoded.partial
        assert [words[word_id] for word_id in decoded.best_word_ids] == expected
        found = decoded.best_graph_cost, decoded.best_acoustic_cost
        np.testing.assert_allclose(found, costs[utt_id], rtol=FLOAT32_SUM)


def test_lattices_give_kaldis_words_at_every_golden_weight(
    decoder: EmbeddedDecoder,
    loglikes: dict[str, np.ndarray],
    costs: dict[str, tuple[float, float]],
    shared: Path,
    tmp_path: Path,
) -> None:
    utterances = ((utt_id, loglikes[utt_id]) for utt_id in SHORT_UTTS)
    reported: list[str] = []
    stats = decoder.decode_job(utterances, tmp_path / "lat.1.gz", tmp_path / "log", reported.append)
    assert (stats.num_done, stats.num_frames, stats.partial, stats.left_out) == (3, 3 * 308, [], {})
    assert reported == list(SHORT_UTTS)
    lattices = dict(read_lattices(tmp_path / "lat.1.gz"))
    points = ScoringPoint(8, 0.0), ScoringPoint(12, 0.0), ScoringPoint(10, 0.5), ScoringPoint(10, 0.0)
    paths = dict(zip(lattices, best_paths(list(lattices.values()), points), strict=True))
    for column, name in enumerate(("lmwt8", "lmwt12", "lmwt10_wip0.5")):
        for utt_id, *word_ids in map(str.split, golden_lines(shared, f"best_path_{name}.words.int")):
            if utt_id in SHORT_UTTS:
                path = paths[utt_id][column]
                assert path is not None
                assert path.word_ids == tuple(map(int, word_ids))
    for utt_id in SHORT_UTTS:
        path = paths[utt_id][3]
        assert path is not None
        np.testing.assert_allclose((path.graph_cost, path.acoustic_cost), costs[utt_id], rtol=FLOAT32_SUM)


def test_lattices_are_what_openfst_reads(
    graph: Any, transition_model: TransitionModel, loglikes: dict[str, np.ndarray], tmp_path: Path
) -> None:
    options = SearchOptions(0.1, 9.0, 3.0)
    utt_id = SHORT_UTTS[0]
    decoded = decode_utterance(graph, loglikes[utt_id], transition_model.transition_id_to_pdf_id, options)
    assert decoded is not None
    (tmp_path / "lat").write_bytes(decoded.lattice)
    lattice = kaldifst.Lattice.read(str(tmp_path / "lat"))
    with open_lattice_archive(tmp_path / "lat.gz") as archive:
        archive.write(utt_id.encode() + b" " + decoded.lattice)
    ((key, ours),) = read_lattices(tmp_path / "lat.gz")
    assert (key, ours.num_states) == (utt_id, lattice.num_states)


def test_an_interrupted_archive_is_not_there(tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), open_lattice_archive(tmp_path / "lat.1.gz") as archive:
        archive.write(b"u1 ")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_same_lattices_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with open_lattice_archive(tmp_path / name) as archive:
            archive.write(b"u1 lattice")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"u1 lattice"


def two_step_graph() -> Any:
    """Two frames in a row (pdfs 0 and 1, transition-ids 1 and 2), then the end; word 1 on the first arc."""
    fst = kaldifst.StdVectorFst()
    for _ in range(3):
        fst.add_state()
    fst.start = 0
    fst.add_arc(0, kaldifst.StdArc(1, 1, 0.5, 1))
    fst.add_arc(1, kaldifst.StdArc(2, 0, 0.25, 2))
    fst.set_final(2, 0.125)
    return fst


TRANSITION_ID_TO_PDF_ID = np.array([-1, 0, 1], np.int32)


def test_costs_are_graph_costs_and_unscaled_acoustic_costs() -> None:
    loglikes = np.array([[3.0, -9.0], [-9.0, 5.0]], np.float32)
    decoded = decode_utterance(
        two_step_graph(), loglikes, TRANSITION_ID_TO_PDF_ID, SearchOptions(0.5, 10.0, 5.0)
    )
    assert decoded is not None
    assert decoded.best_word_ids == (1,)
    assert decoded.best_graph_cost == pytest.approx(0.875)
    assert decoded.best_acoustic_cost == pytest.approx(-8.0)
    assert not decoded.partial


def test_a_search_that_reaches_no_final_state_is_partial() -> None:
    loglikes = np.array([[3.0, -9.0]], np.float32)  # one frame, the graph wants two
    decoded = decode_utterance(two_step_graph(), loglikes, TRANSITION_ID_TO_PDF_ID, SearchOptions())
    assert decoded is not None
    assert decoded.partial
    assert decoded.best_word_ids == (1,)


def test_a_search_without_a_path_gives_nothing() -> None:
    loglikes = np.zeros((3, 2), np.float32)  # three frames, the graph ends after two
    assert decode_utterance(two_step_graph(), loglikes, TRANSITION_ID_TO_PDF_ID, SearchOptions()) is None


def test_partial_and_failed_utterances_are_counted(tmp_path: Path) -> None:
    decoder = EmbeddedDecoder(two_step_graph(), TRANSITION_ID_TO_PDF_ID, {1: "A"}, SearchOptions())
    utterances = ((f"u{frames}", np.zeros((frames, 2), np.float32)) for frames in (1, 2, 3))
    stats = decoder.decode_job(utterances, tmp_path / "lat.1.gz", tmp_path / "log", lambda _: None)
    assert (stats.num_done, stats.num_frames, stats.partial) == (2, 3, ["u1"])
    assert stats.left_out == {"u3": "no path through the graph"}
    assert [utt_id for utt_id, _ in read_lattices(tmp_path / "lat.1.gz")] == ["u1", "u2"]


def test_loglikes_of_another_number_of_pdfs_are_refused() -> None:
    with pytest.raises(ValueError, match="log-likelihoods of 3 pdfs, the model has 2"):
        decode_utterance(
            two_step_graph(), np.zeros((2, 3), np.float32), TRANSITION_ID_TO_PDF_ID, SearchOptions()
        )
