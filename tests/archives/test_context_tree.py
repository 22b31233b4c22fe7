"""Trees against what Kaldi wrote, and against enemies."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.context_tree import (
    MAX_DEPTH,
    ConstantEvent,
    ContextTree,
    EventMap,
    SplitEvent,
    TableEvent,
    read_context_tree,
    write_context_tree,
)
from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.archives.topology import read_topology, topology_to_text
from hybrid_kd.archives.transition_model import initial_transition_model, read_transition_model
from hybrid_kd.errors import HybridKdError

SMALL = ContextTree(
    3,
    1,
    TableEvent(
        1,
        (
            None,
            SplitEvent(-1, frozenset([0]), ConstantEvent(0), ConstantEvent(1)),
            SplitEvent(
                0, frozenset([0, 1]), ConstantEvent(2), SplitEvent(2, frozenset(), *[ConstantEvent(3)] * 2)
            ),
        ),
    ),
)
SMALL_TEXT = """ContextDependency 3 1 ToPdf TE 1 3 ( NULL SE -1 [ 0 ]
{ CE 0 CE 1 }
SE 0 [ 0 1 ]
{ CE 2 SE 2 [ ]
{ CE 3 CE 3 }
}
)
EndContextDependency """


def tree_file(shared: Path, name: str) -> Path:
    return shared / name / "exp" / "tri3b" / "tree"


@pytest.mark.parametrize(("name", "num_pdfs"), [("kaldi-an4", 384), ("kaldi-libri5k", 1987)])
def test_kaldis_tree_is_written_back_to_the_same_bytes(
    shared: Path, tmp_path: Path, name: str, num_pdfs: int
) -> None:
    tree = read_context_tree(tree_file(shared, name))
    assert (tree.context_width, tree.central_position, tree.num_pdfs) == (3, 1, num_pdfs)
    write_context_tree(tmp_path / "tree", tree)
    assert (tmp_path / "tree").read_bytes() == tree_file(shared, name).read_bytes()


def test_kaldis_text_is_the_same_tree(shared: Path) -> None:
    assert read_context_tree(shared / "kaldi-an4/golden/tree.txt") == read_context_tree(
        tree_file(shared, "kaldi-an4")
    )


def test_pdfs_of_windows_in_alignments_are_the_models(shared: Path) -> None:
    """Every window of three phones and every HMM state in it, of the golden alignments."""
    tree = read_context_tree(tree_file(shared, "kaldi-an4"))
    model = read_transition_model(shared / "kaldi-an4/exp/tri3b/final.mdl")
    state_of = {
        id_: (state, pdf_id)
        for id_, (_, state, pdf_id) in enumerate(_triples_by_transition_id(model), start=1)
    }
    num_windows = 0
    for _, ali in read_int_vectors(f"ark:{shared}/kaldi-an4/golden/ali.ark"):
        segments = _split_to_phones(ali.tolist(), model)
        phones = [0, *(int(model.transition_id_to_phone[segment[0]]) for segment in segments), 0]
        for index, segment in enumerate(segments):
            for transition_id in segment:
                hmm_state, pdf_id = state_of[transition_id]
                pdf_class = model.topology.states_by_phone()[phones[index + 1]][hmm_state].forward_pdf_class
                assert tree.pdf_id(phones[index : index + 3], pdf_class) == pdf_id
                num_windows += 1
    assert num_windows == 3624


def _triples_by_transition_id(model) -> list[tuple[int, int, int]]:  # type: ignore[no-untyped-def]
    states = model.topology.states_by_phone()
    return [
        (phone, state, pdf_id)
        for phone, state, pdf_id, _ in model.triples.tolist()
        for _ in states[phone][state].transitions
    ]


def _split_to_phones(ali: list[int], model) -> list[list[int]]:  # type: ignore[no-untyped-def]
    """Kaldi's alignments are reordered: a phone ends after the self-loops that follow its way out."""
    triples = _triples_by_transition_id(model)
    states = model.topology.states_by_phone()
    destinations = [
        destination
        for phone, state, _, _ in model.triples.tolist()
        for destination, _ in states[phone][state].transitions
    ]
    segments: list[list[int]] = [[]]
    left = False
    for id_ in ali:
        phone, _, _ = triples[id_ - 1]
        if left and not model.is_self_loop[id_]:
            segments.append([])
            left = False
        segments[-1].append(id_)
        is_final = destinations[id_ - 1] == len(states[phone]) - 1
        left = left or is_final
    return segments


@pytest.mark.parametrize("name", ["kaldi-an4", "kaldi-libri5k"])
def test_the_model_of_a_tree_has_kaldis_triples(shared: Path, name: str) -> None:
    model = read_transition_model(shared / name / "exp/tri3b/final.mdl")
    topology = read_topology(shared / name / "data/lang_test/topo")
    made = initial_transition_model(topology, read_context_tree(tree_file(shared, name)))
    assert made.triples.tolist() == model.triples.tolist()
    assert made.num_transition_ids == model.num_transition_ids
    assert topology == model.topology


def test_a_topology_is_written_and_read_back(shared: Path, tmp_path: Path) -> None:
    topology = read_topology(shared / "kaldi-an4/data/lang_test/topo")
    (tmp_path / "topo").write_text(topology_to_text(topology))
    assert read_topology(tmp_path / "topo") == topology
    (tmp_path / "topo").write_text("<Topology> </Topology> x")
    with pytest.raises(HybridKdError, match="topo: not a topology: the topology's phones are not unique"):
        read_topology(tmp_path / "topo")


def test_text_and_binary_are_the_same_tree(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(SMALL_TEXT)
    write_context_tree(tmp_path / "binary", SMALL)
    assert read_context_tree(tmp_path / "text") == SMALL == read_context_tree(tmp_path / "binary")


def test_questions_lead_to_pdfs() -> None:
    assert [SMALL.pdf_id([9, 1, 9], pdf_class) for pdf_class in (0, 1)] == [0, 1]
    assert [SMALL.pdf_id([left, 2, 5], 0) for left in (0, 1, 2)] == [2, 2, 3]
    assert SMALL.pdf_ids(1, 0) == (0,)
    assert SMALL.pdf_ids(2, 0) == (2, 3)
    assert SMALL.pdf_ids(0, 0) == ()


def test_a_window_without_a_pdf_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"no pdf for phones \(1, 0, 1\), pdf class 0"):
        SMALL.pdf_id([1, 0, 1], 0)
    with pytest.raises(KeyError, match="no pdf"):
        SMALL.pdf_id([1, 3, 1], 0)
    with pytest.raises(ValueError, match="a window of 2 phones, the tree's is 3"):
        SMALL.pdf_id([1, 1], 0)


KEYS = st.integers(-1, 2)
MAPS: st.SearchStrategy[EventMap] = st.recursive(
    st.builds(ConstantEvent, st.integers(0, 999_999)),
    lambda maps: st.one_of(
        st.builds(
            TableEvent,
            KEYS,
            st.lists(st.none() | maps, max_size=4).map(lambda items: (ConstantEvent(7), *items)),
        ),
        st.builds(SplitEvent, KEYS, st.frozensets(st.integers(0, 300), max_size=5), maps, maps),
    ),
    max_leaves=12,
)


@given(to_pdf=MAPS)
def test_any_tree_is_read_as_it_was_written(
    to_pdf: EventMap, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any_tree"
    write_context_tree(path, ContextTree(3, 1, to_pdf))
    assert read_context_tree(path).to_pdf == to_pdf


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    write_context_tree(tmp_path / "binary", SMALL)
    path = tmp_path / "t"
    for content in ((tmp_path / "binary").read_bytes(), SMALL_TEXT.encode()):
        for length in range(len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(HybridKdError, match="t: not a tree: "):
                read_context_tree(path)


@pytest.mark.parametrize("opening", ["TE 1 1 ( ", "SE 0 [ ] { "])
def test_depth_is_bounded(tmp_path: Path, opening: str) -> None:
    (tmp_path / "t").write_text("ContextDependency 3 1 ToPdf " + opening * 100_000)
    with pytest.raises(HybridKdError, match=f"more than {MAX_DEPTH} questions inside each other"):
        read_context_tree(tmp_path / "t")


def test_a_tree_as_deep_as_allowed_is_read(tmp_path: Path) -> None:
    to_pdf: EventMap = ConstantEvent(0)
    for _ in range(MAX_DEPTH):
        to_pdf = SplitEvent(0, frozenset([1]), ConstantEvent(1), to_pdf)
    write_context_tree(tmp_path / "t", ContextTree(3, 1, to_pdf))
    assert read_context_tree(tmp_path / "t").pdf_id([2, 1, 1], 0) == 0


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("3 1 ToPdf", "3 3 ToPdf", "a context of 3 phones, of which 3 is the central one"),
        ("3 1 ToPdf", "1000 1 ToPdf", "a context of 1000 phones"),
        ("TE 1 3", "TE 3 3", "a question about position 3 of 3 phones"),
        ("TE 1 3", "TE -2 3", "a question about position -2"),
        ("TE 1 3", "TE 1 -3", "a table of -3 subtrees"),
        ("TE 1 3", "TE 1 2000000000", "truncated or of wrong size"),
        ("CE 2", "CE -2", "pdf_id -2 is out of range"),
        ("CE 2", "CE 2000000", "pdf_id 2000000 is out of range"),
        ("CE 2", "NULL", "a question without an answer"),
        ("[ 0 1 ]", "[ 0 x ]", "expected a value or ], found 'x'"),
        ("EndContextDependency", "EndContextDependency x", "not a tree: something follows where it ends"),
        ("ContextDependency 3", "ContextTree 3", "expected ContextDependency, found 'ContextTree'"),
    ],
)
def test_a_wrong_tree_is_an_error(tmp_path: Path, old: str, new: str, problem: str) -> None:
    (tmp_path / "t").write_text(SMALL_TEXT.replace(old, new, 1))
    with pytest.raises(HybridKdError, match=problem):
        read_context_tree(tmp_path / "t")


def test_a_tree_without_a_pdf_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("ContextDependency 3 1 ToPdf TE 1 1 ( NULL ) EndContextDependency ")
    with pytest.raises(HybridKdError, match="the tree is empty"):
        read_context_tree(tmp_path / "t")
