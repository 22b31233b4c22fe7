"""Alignments carried over to another tree."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.context_tree import read_context_tree
from hybrid_kd.archives.transition_model import initial_transition_model, read_transition_model
from hybrid_kd.gmm.convert_alignments import AlignmentConverter
from hybrid_kd.gmm.tree_building import monophone_tree
from hybrid_kd.graph.lang_dir import read_lang_dir
from tests.gmm.experiment import golden_alignments, lang_dir

pytestmark = pytest.mark.numerical


def test_conversion_to_the_same_tree_changes_nothing(shared: Path) -> None:
    directory = shared / "kaldi-an4/exp/tri3b"
    model, tree = read_transition_model(directory / "final.mdl"), read_context_tree(directory / "tree")
    converter = AlignmentConverter(model, model, tree)
    for alignment in golden_alignments(shared).values():
        np.testing.assert_array_equal(converter.convert(alignment), alignment)


def test_conversion_to_monophones_and_back_comes_out_the_same(shared: Path) -> None:
    directory = shared / "kaldi-an4/exp/tri3b"
    model, tree = read_transition_model(directory / "final.mdl"), read_context_tree(directory / "tree")
    lang = read_lang_dir(lang_dir(shared))
    mono_tree = monophone_tree(lang.sets, lang.topology)
    mono = initial_transition_model(lang.topology, mono_tree)
    there, back = AlignmentConverter(model, mono, mono_tree), AlignmentConverter(mono, model, tree)
    for alignment in golden_alignments(shared).values():
        converted = there.convert(alignment)
        np.testing.assert_array_equal(mono.is_self_loop[converted], model.is_self_loop[alignment])
        np.testing.assert_array_equal(
            mono.transition_id_to_phone[converted], model.transition_id_to_phone[alignment]
        )
        np.testing.assert_array_equal(back.convert(converted), alignment)


def test_half_a_phone_is_not_converted(shared: Path) -> None:
    directory = shared / "kaldi-an4/exp/tri3b"
    model, tree = read_transition_model(directory / "final.mdl"), read_context_tree(directory / "tree")
    alignment = next(iter(golden_alignments(shared).values()))
    with pytest.raises(ValueError, match="phone"):
        AlignmentConverter(model, model, tree).convert(alignment[:-1])
