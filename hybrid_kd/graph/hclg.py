"""The decoding graph HCLG, as Kaldi's utils/mkgraph.sh composes and optimises it.

L is the lexicon, G the grammar, C the context of phones, H the HMMs; input labels are transition-ids, output
labels word-ids. The same programs in the same order give Kaldi's graph, state for state.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.epsilon_removal import remove_epsilons_locally
from hybrid_kd.graph.fst_arrays import FstArrays, to_arrays, to_fst
from hybrid_kd.graph.hmm import NO_HMM, HmmTable, expand_phones, symbol_as_hmm
from hybrid_kd.graph.self_loops import add_self_loops
from hybrid_kd.graph.transition_table import make_transition_table
from hybrid_kd.graph.weight_pushing import push_weights

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GraphScales:
    """Factors of the transition model's log-probabilities, the self-loops' apart."""

    transition_scale: float = 1.0
    self_loop_scale: float = 0.1


@dataclass(frozen=True)
class DecodingGraph:
    """HCLG and the input labels that stood for disambiguation symbols in it (they are gone)."""

    hclg: FstArrays
    disambig_ids: tuple[int, ...]


def compose_lexicon_and_grammar(lexicon: Any, grammar: Any) -> Any:
    """min(det(L o G)), weights pushed; L with disambiguation symbols (kaldifst.StdVectorFst all three).

    Raises: HybridKdError if no sentence of the grammar but the empty one has a pronunciation.
    """
    import kaldifst

    start = time.monotonic()
    kaldifst.arcsort(lexicon, "olabel")
    composed = kaldifst.compose(lexicon, grammar)
    _refuse_wordless(composed)
    kaldifst.determinize_star(composed, use_log=True)
    kaldifst.minimize_encoded(composed)
    pushed = to_fst(push_weights(to_arrays(composed)))
    kaldifst.arcsort(pushed, "ilabel")
    _log("LG", to_arrays(pushed), start)
    return pushed


def _refuse_wordless(fst: Any) -> None:
    """Raises: HybridKdError if no path has a word."""
    if fst.start < 0 or not to_arrays(fst).olabels.any():
        fix = "make the lexicon and the language model of the same words, in the same spelling"
        raise HybridKdError.at("lexicon and grammar", "they have no sentence with a word in common", fix=fix)


def make_decoding_graph(
    lg: Any,
    disambig_phones: Sequence[int],
    tree: ContextTree,
    transition_model: TransitionModel,
    scales: GraphScales,
) -> DecodingGraph:
    """HCLG = self-loops(min(rmeps(det(H o C o LG)))).

    Raises: HybridKdError if the tree or the model lacks a phone of the lexicon.
    """
    import kaldifst

    start = time.monotonic()
    clg, windows = kaldifst.compose_context(
        list(disambig_phones), tree.context_width, tree.central_position, lg
    )
    clg = to_arrays(clg)
    _log("CLG", clg, start)
    hmms = HmmTable(tree, make_transition_table(transition_model), scales.transition_scale)
    num_ids = transition_model.num_transition_ids
    hmm_of_label = np.full(len(windows), NO_HMM)
    num_symbols = 0
    for label, window in enumerate(windows[1:], start=1):
        if len(window) == 1 and window[0] <= 0:
            num_symbols += 1
            hmm_of_label[label] = hmms.add(symbol_as_hmm(num_ids + num_symbols))
        else:
            hmm_of_label[label] = hmms.hmm_of_window(window)
    graph = to_fst(expand_phones(clg, hmm_of_label, hmms.hmms))
    kaldifst.determinize_star(graph, use_log=True)
    _refuse_wordless(graph)
    arrays = to_arrays(graph)
    is_symbol = arrays.ilabels > num_ids
    graph = to_fst(remove_epsilons_locally(replace(arrays, ilabels=np.where(is_symbol, 0, arrays.ilabels))))
    kaldifst.minimize_encoded(graph)
    hclg = add_self_loops(to_arrays(graph), hmms.transitions, self_loop_scale=scales.self_loop_scale)
    _log("HCLG", hclg, start)
    return DecodingGraph(hclg, tuple(range(num_ids + 1, num_ids + num_symbols + 1)))


def _log(name: str, fst: FstArrays, start: float) -> None:
    seconds = time.monotonic() - start
    logger.info("%s: %d states, %d arcs, %.1f s", name, fst.num_states, fst.num_arcs, seconds)
