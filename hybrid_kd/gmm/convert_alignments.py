"""Alignments of one model as alignments of another tree: the same phones, HMM states and times.

Source: Kaldi bin/convert-ali.cc; hmm/hmm-utils.cc, ConvertAlignment.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Int32

from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.gmm.phone_segments import PhoneTable, make_phone_table, phone_windows, split_to_phones
from hybrid_kd.graph.transition_table import TransitionTable, make_transition_table


@dataclass
class AlignmentConverter:
    """Maps transition_ids in their context of phones; it keeps what it has found."""

    old_model: TransitionModel
    new_model: TransitionModel
    new_tree: ContextTree
    _found: dict[tuple[int, ...], int] = field(default_factory=dict)

    @cached_property
    def _phone_table(self) -> PhoneTable:
        return make_phone_table(self.old_model)

    @cached_property
    def _old(self) -> TransitionTable:
        return make_transition_table(self.old_model)

    @cached_property
    def _new(self) -> TransitionTable:
        return make_transition_table(self.new_model)

    def convert(self, transition_ali: Int32[np.ndarray, " frames"]) -> Int32[np.ndarray, " frames"]:
        """The alignment's transition_ids under the new model and tree.

        Raises: ValueError if it does not consist of whole phones, or the models' topologies differ.
        """
        segments = split_to_phones(transition_ali, self._phone_table)
        windows = phone_windows(
            segments.phones,
            context_width=self.new_tree.context_width,
            central_position=self.new_tree.central_position,
        )
        keys = np.column_stack([np.repeat(windows, np.diff(segments.bounds), axis=0), transition_ali])
        unique, where = np.unique(keys, axis=0, return_inverse=True)
        new_ids = [self._new_id(tuple(key)) for key in unique.tolist()]
        return np.array(new_ids, np.int32)[where.reshape(-1)]

    def _new_id(self, key: tuple[int, ...]) -> int:
        if key not in self._found:
            *window, old_id = key
            self._found[key] = self._find(tuple(window), old_id)
        return self._found[key]

    def _find(self, window: tuple[int, ...], old_id: int) -> int:
        old_state = int(self._old.state_of_id[old_id])
        phone, hmm_state, *_ = self.old_model.triples[old_state - 1].tolist()
        try:
            state = self.new_model.topology.states_by_phone()[phone][hmm_state]
            forward = self.new_tree.pdf_id(window, state.forward_pdf_class)
            self_loop = self.new_tree.pdf_id(window, state.self_loop_pdf_class)
            new_state = self._new.state_of_triple[phone, hmm_state, forward, self_loop]
        except (KeyError, IndexError) as error:
            raise ValueError(f"the new tree or topology has no state for {window}: {error}") from error
        return int(self._new.first_id[new_state]) + old_id - int(self._old.first_id[old_state])
