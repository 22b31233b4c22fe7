"""Forced alignment: the best path through an utterance's training graph, by kaldi-decoder's FasterDecoder.

The graph's labels are renumbered to the transition_ids that occur in it, so that log-likelihoods are
computed and laid out for these only. Transition probabilities are added to the scores, not to the graph:
each arc that has a label consumes one frame, so that the paths and their costs are the same.
Source: Kaldi gmmbin/gmm-align-compiled.cc, decoder/decoder-wrappers.cc (AlignUtteranceWrapper).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, Int64

from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.graph.fst_arrays import to_arrays, to_fst

ACOUSTIC_SCALE = 0.1
BEAM, RETRY_BEAM = 10.0, 40.0
EQUAL_ALIGN_RETRIES = 10


@dataclass(frozen=True)
class AlignmentGraph:
    """A training graph whose input label i stands for ``transition_ids[i - 1]``."""

    fst: Any  # kaldifst.StdVectorFst
    transition_ids: Int32[np.ndarray, " labels"]
    pdf_ids: Int64[np.ndarray, " pdfs"]  # that occur in it, ascending
    pdf_of_label: Int64[np.ndarray, " labels"]  # an index into pdf_ids


@dataclass(frozen=True)
class ViterbiPath:
    """The best path; ``loglike`` is the sum over frames, scores and costs together, divided by the scale."""

    transition_ali: Int32[np.ndarray, " frames"]
    loglike: float
    was_retried: bool


def make_alignment_graph(graph: Any, model: TransitionModel) -> AlignmentGraph:
    """Renumber the labels of a training graph (kaldifst.StdVectorFst, labelled with transition_ids)."""
    arrays = to_arrays(graph)
    labels, ilabels = np.unique(np.append(arrays.ilabels, 0), return_inverse=True)  # 0 stays 0
    fst = to_fst(replace(arrays, ilabels=ilabels[:-1].astype(np.int32)))
    transition_ids = labels[1:].astype(np.int32)
    pdf_ids, pdf_of_label = np.unique(model.transition_id_to_pdf_id[transition_ids], return_inverse=True)
    return AlignmentGraph(fst, transition_ids, pdf_ids.astype(np.int64), pdf_of_label.astype(np.int64))


def align_utterance(
    graph: AlignmentGraph,
    gmm: StackedGmm,
    frames: Float32[np.ndarray, "frames dim"],
    costs: Float32[np.ndarray, " transition_ids_and_0"],
    *,
    beam: float = BEAM,
    retry_beam: float = RETRY_BEAM,
) -> ViterbiPath | None:
    """Align frames to a graph; ``costs`` are each transition's (`graph.transition_table.transition_costs`).

    What finds no way to the end within the beam is tried once more with ``retry_beam``; None if that fails.
    """
    from kaldi_decoder import DecodableCtc, FasterDecoder, FasterDecoderOptions

    loglikes = gmm.loglikes(frames, pdf_ids=graph.pdf_ids) * np.float32(ACOUSTIC_SCALE)
    scores = loglikes.take(graph.pdf_of_label, axis=1)
    scores -= costs[graph.transition_ids]
    if not np.isfinite(scores).all():
        return None
    for used_beam in (beam, retry_beam):
        decoder = FasterDecoder(graph.fst, FasterDecoderOptions(beam=used_beam))
        decoder.decode(DecodableCtc(scores))
        if decoder.reached_final():
            return _path(decoder, graph, was_retried=used_beam != beam)
    return None


def min_frames(graph: AlignmentGraph) -> int:
    """The least number of frames that a path through the graph takes."""
    import kaldifst

    arrays = to_arrays(graph.fst)
    steps = replace(
        arrays,
        costs=(arrays.ilabels > 0).astype(np.float32),
        final_costs=np.where(np.isfinite(arrays.final_costs), 0, arrays.final_costs).astype(np.float32),
    )
    _, labels, _, _ = kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(to_fst(steps)))
    return len(labels)


def _path(decoder: Any, graph: AlignmentGraph, *, was_retried: bool) -> ViterbiPath | None:
    import kaldifst

    _, best_path = decoder.get_best_path()
    _, labels, _, cost = kaldifst.get_linear_symbol_sequence(best_path)
    transition_ali = graph.transition_ids[np.array(labels, np.int64) - 1]
    return ViterbiPath(transition_ali, -(cost.value1 + cost.value2) / ACOUSTIC_SCALE, was_retried)


def align_equally(
    graph: AlignmentGraph, num_frames: int, *, seed: int
) -> Int32[np.ndarray, " frames"] | None:
    """A random path whose states share the frames as equally as can be; None if there are too few frames.

    Source: Kaldi fstext/fstext-utils-inl.h, EqualAlign.
    """
    import kaldifst

    done, path = kaldifst.equal_align(
        graph.fst, length=num_frames, rand_seed=seed % 2**31, num_retries=EQUAL_ALIGN_RETRIES
    )
    if not done:
        return None
    _, labels, _, _ = kaldifst.get_linear_symbol_sequence(path)
    return graph.transition_ids[np.array(labels, np.int64) - 1] if len(labels) == num_frames else None
