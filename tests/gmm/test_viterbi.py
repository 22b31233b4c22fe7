"""Forced alignment: Kaldi's own alignments as the oracle, and what happens where there is no path."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.gmm.model_dir import GmmModelDir, read_gmm_model_dir
from hybrid_kd.gmm.phone_segments import make_phone_table, split_to_phones
from hybrid_kd.gmm.viterbi import (
    AlignmentGraph,
    align_equally,
    align_utterance,
    make_alignment_graph,
    min_frames,
)
from hybrid_kd.graph.lang_dir import read_lang_dir
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from hybrid_kd.graph.transition_table import transition_costs
from tests.decoding.experiment import golden_features, golden_lines
from tests.gmm.experiment import golden_alignments, lang_dir

pytestmark = pytest.mark.numerical

UTT_ID = "mkdb_an316_PED_SIMU"


@pytest.fixture(scope="module")
def kaldi(shared: Path) -> GmmModelDir:
    return read_gmm_model_dir(shared / "kaldi-an4/exp/tri3b")


@pytest.fixture(scope="module")
def graphs(shared: Path, kaldi: GmmModelDir) -> dict[str, AlignmentGraph]:
    compiler = TrainingGraphCompiler(kaldi.tree, kaldi.model, read_lang_dir(lang_dir(shared)))
    text = {utt_id: words for utt_id, *words in (line.split() for line in golden_lines(shared, "text"))}
    return {
        utt_id: make_alignment_graph(compiler.compile(words), kaldi.model) for utt_id, words in text.items()
    }


def frames_under_the_alignments_transforms(shared: Path) -> dict[str, np.ndarray]:
    """Golden frames are under the transforms of decoding; Kaldi aligned under others."""
    decoded = dict(read_matrices(f"ark:{shared}/kaldi-an4/golden/trans.ark"))
    aligned: dict[str, np.ndarray] = {}
    for job in (1, 2):
        aligned |= read_matrices(f"ark:{shared}/kaldi-an4/exp/tri3b_ali_dt05_simu/trans.{job}")
    frames = {}
    for utt_id, adapted in golden_features(shared).items():
        speaker = utt_id.partition("_")[0]
        before, after = decoded[speaker].astype(np.float64), aligned[speaker].astype(np.float64)
        plain = np.linalg.solve(before[:, :40], (adapted - before[:, 40]).T).T
        frames[utt_id] = (plain @ after[:, :40].T + after[:, 40]).astype(np.float32)
    return frames


def test_alignments_are_kaldis(shared: Path, kaldi: GmmModelDir, graphs: dict[str, AlignmentGraph]) -> None:
    """Kaldi's features were dithered, so that some frames at the borders of states differ: 0.2 %."""
    pdf_ids = kaldi.model.transition_id_to_pdf_id
    costs, same, total = transition_costs(kaldi.model), 0, 0
    for utt_id, frames in frames_under_the_alignments_transforms(shared).items():
        path = align_utterance(graphs[utt_id], kaldi.gmm, frames, costs)
        assert path is not None
        same += int((pdf_ids[path.transition_ali] == pdf_ids[golden_alignments(shared)[utt_id]]).sum())
        total += len(frames)
    assert same / total > 0.99


def test_no_path_scores_above_the_best(
    shared: Path, kaldi: GmmModelDir, graphs: dict[str, AlignmentGraph]
) -> None:
    frames, costs = golden_features(shared)[UTT_ID], transition_costs(kaldi.model)
    path = align_utterance(graphs[UTT_ID], kaldi.gmm, frames, costs)
    assert path is not None

    def score(transition_ali: np.ndarray) -> float:
        pdf_ali = kaldi.model.transition_id_to_pdf_id[transition_ali]
        loglikes = kaldi.gmm.loglikes(frames)[np.arange(len(frames)), pdf_ali]
        return float(loglikes.sum() - costs[transition_ali].sum() / 0.1)

    assert path.loglike == pytest.approx(score(path.transition_ali), abs=100)  # the lexicon's costs
    assert score(path.transition_ali) >= score(golden_alignments(shared)[UTT_ID])
    for seed in range(3):
        equal = align_equally(graphs[UTT_ID], len(frames), seed=seed)
        assert equal is not None
        assert score(path.transition_ali) > score(equal)


def test_equal_alignments_are_whole_phones_of_like_lengths(
    kaldi: GmmModelDir, graphs: dict[str, AlignmentGraph]
) -> None:
    alignment = align_equally(graphs[UTT_ID], 308, seed=7)
    assert alignment is not None
    assert len(alignment) == 308
    assert len(split_to_phones(alignment, make_phone_table(kaldi.model)).phones) >= 17
    states = np.cumsum(~kaldi.model.is_self_loop[alignment])
    lengths = np.bincount(states)[1:]
    assert lengths.max() - lengths.min() <= lengths.max() / 2


def test_too_few_frames_have_no_alignment(
    shared: Path, kaldi: GmmModelDir, graphs: dict[str, AlignmentGraph]
) -> None:
    graph, frames = graphs[UTT_ID], golden_features(shared)[UTT_ID]
    least = min_frames(graph)
    costs = transition_costs(kaldi.model)
    assert align_equally(graph, least - 1, seed=0) is None
    assert align_utterance(graph, kaldi.gmm, frames[: least - 1], costs) is None
    assert align_utterance(graph, kaldi.gmm, frames[:least], costs, retry_beam=1e6) is not None


def test_a_narrow_beam_is_widened_once(
    shared: Path, kaldi: GmmModelDir, graphs: dict[str, AlignmentGraph]
) -> None:
    frames, costs = golden_features(shared)[UTT_ID][:120], transition_costs(kaldi.model)
    path = align_utterance(graphs[UTT_ID], kaldi.gmm, frames, costs, beam=0.01, retry_beam=1000.0)
    assert path is not None
    assert path.was_retried
    assert align_utterance(graphs[UTT_ID], kaldi.gmm, frames, costs, beam=0.01, retry_beam=0.02) is None


def test_frames_that_are_not_finite_have_no_alignment(
    shared: Path, kaldi: GmmModelDir, graphs: dict[str, AlignmentGraph]
) -> None:
    frames = golden_features(shared)[UTT_ID].copy()
    frames[3, 5] = np.nan
    assert align_utterance(graphs[UTT_ID], kaldi.gmm, frames, transition_costs(kaldi.model)) is None
