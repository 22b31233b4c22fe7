"""A monophone tree and model for any lang directory: pdf-ids in the order of phones' sets and pdf classes."""

from pathlib import Path

from hybrid_kd.archives.context_tree import (
    ConstantEvent,
    ContextTree,
    EventMap,
    TableEvent,
    write_context_tree,
)
from hybrid_kd.archives.transition_model import (
    TransitionModel,
    initial_transition_model,
    transition_model_to_bytes,
)
from hybrid_kd.graph.lang_dir import LangDir


def monophone_tree(lang: LangDir) -> ContextTree:
    """All phones of a set share their pdfs."""
    states = lang.topology.states_by_phone()
    answers: list[EventMap | None] = [None] * (max(states) + 1)
    pdf_id = 0
    for phones in lang.sets:
        num_classes = len(states[phones[0]]) - 1
        classes = tuple(ConstantEvent(pdf_id + pdf_class) for pdf_class in range(num_classes))
        pdf_id += num_classes
        for phone in phones:
            answers[phone] = TableEvent(-1, classes)
    return ContextTree(1, 0, TableEvent(0, tuple(answers)))


def write_monophones(directory: Path, lang: LangDir) -> TransitionModel:
    """tree and final.mdl (transitions only)."""
    directory.mkdir()
    tree = monophone_tree(lang)
    model = initial_transition_model(lang.topology, tree)
    write_context_tree(directory / "tree", tree)
    (directory / "final.mdl").write_bytes(b"\0B" + transition_model_to_bytes(model))
    return model
