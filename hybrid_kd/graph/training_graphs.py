"""Graphs of transcripts: all ways to say the words, for flat starts and forced alignment.

A graph is min(det(H o C o L o words)) with self-loops, as compile-train-graphs makes it: input labels are
transition-ids, alternative pronunciations and optional silence are in it, costs are the lexicon's only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import named_failure, read_fst, to_arrays, to_fst
from hybrid_kd.graph.hmm import NO_HMM, HmmTable, expand_phones
from hybrid_kd.graph.lang_dir import FIX, LangDir
from hybrid_kd.graph.self_loops import add_self_loops
from hybrid_kd.graph.transition_table import make_transition_table


@dataclass
class TrainingGraphCompiler:
    """Makes graphs for one tree and the transitions of one model; it keeps what several graphs need."""

    tree: ContextTree
    transition_model: TransitionModel
    lang: LangDir

    @cached_property
    def _lexicon(self) -> Any:
        """L.fst, sorted by word."""
        import kaldifst

        symbols = (self.lang.phones, self.lang.words)
        lexicon = read_fst(self.lang.path / "L.fst", fix=FIX, symbols=symbols)
        kaldifst.arcsort(lexicon, "olabel")
        return lexicon

    @cached_property
    def _hmms(self) -> HmmTable:
        return HmmTable(self.tree, make_transition_table(self.transition_model), transition_scale=0.0)

    def compile(self, words: Sequence[str]) -> Any:
        """The graph (kaldifst.StdVectorFst) of a transcript; words without pronunciation become the oov word.

        Raises: HybridKdError if the lexicon has no path for the words, cannot be determinised, or does not
        fit the model.
        Source: Kaldi decoder/training-graph-compiler.cc.
        """
        with named_failure(self.lang.path / "L.fst", fix=FIX):
            return self._compile(words)

    def _compile(self, words: Sequence[str]) -> Any:
        import kaldifst

        transcript = kaldifst.make_linear_acceptor(self.lang.ids_of_words(words))
        phones = kaldifst.compose(self._lexicon, transcript)
        if phones.start < 0:
            problem = f"no path for {' '.join(words)[:200]!r}"
            raise HybridKdError.at(self.lang.path / "L.fst", problem, fix=FIX)
        in_context, windows = kaldifst.compose_context(
            [], self.tree.context_width, self.tree.central_position, phones
        )
        hmm_of_label = np.array([NO_HMM, *(self._hmms.hmm_of_window(window) for window in windows[1:])])
        expanded = expand_phones(to_arrays(in_context), hmm_of_label, self._hmms.hmms)
        graph = to_fst(expanded)
        kaldifst.determinize_star(graph, use_log=True)
        kaldifst.minimize_encoded(graph)
        return to_fst(add_self_loops(to_arrays(graph), self._hmms.transitions, self_loop_scale=0.0))
