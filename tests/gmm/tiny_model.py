"""A model of three phones, and alignments and frames for it."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np

from hybrid_kd.archives.topology import NO_PDF, Topology, TopologyEntry, TopologyState
from hybrid_kd.archives.transition_model import TransitionModel, initial_transition_model
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.tree_building import monophone_tree

SILENCE, SPEECH = 1, (2, 3)
END = TopologyState(NO_PDF, NO_PDF, ())


def tiny_topology() -> Topology:
    """Phone 1 has two states of which the second can be skipped, phones 2 and 3 have three in a row."""
    silence = (
        TopologyState(0, 0, ((0, 0.5), (1, 0.25), (2, 0.25))),
        TopologyState(1, 1, ((1, 0.5), (2, 0.5))),
        END,
    )
    speech = tuple(TopologyState(state, state, ((state, 0.75), (state + 1, 0.25))) for state in range(3))
    return Topology((TopologyEntry((SILENCE,), silence), TopologyEntry(SPEECH, (*speech, END))))


def tiny_model() -> TransitionModel:
    """Eight pdfs: two of phone 1, three each of the others."""
    topology = tiny_topology()
    return initial_transition_model(topology, monophone_tree([(1,), (2,), (3,)], topology))


def align(
    model: TransitionModel, phones: Sequence[int], durations: Sequence[int], *, reordered: bool = True
) -> np.ndarray:
    """An alignment in which each state of each phone takes ``durations`` (cyclic) frames."""
    ids = []
    in_turn = cycle(durations)
    for phone in phones:
        for state in range(2 if phone == SILENCE else 3):
            loop, forward = _transition_ids(model, phone, state)
            loops = [loop] * (next(in_turn) - 1)
            ids += [forward, *loops] if reordered else [*loops, forward]
    return np.array(ids, np.int32)


def _transition_ids(model: TransitionModel, phone: int, hmm_state: int) -> tuple[int, int]:
    """The self-loop and the transition to the next state."""
    states_of = model.topology.states_by_phone()
    transition_id = 1
    for row_phone, row_state, *_ in model.triples.tolist():
        if (row_phone, row_state) == (phone, hmm_state):
            return transition_id, transition_id + 1
        transition_id += len(states_of[row_phone][row_state].transitions)
    raise AssertionError("no such state")


def random_gmm(seed: int, *, dim: int = 4, sizes: Sequence[int] = (3, 1, 2)) -> StackedGmm:
    """Pdfs with so many Gaussians each."""
    generator = np.random.default_rng(seed)
    num_gaussians = sum(sizes)
    weights = np.concatenate([generator.dirichlet(np.full(size, 5.0)) for size in sizes])
    return StackedGmm.from_parts(
        np.repeat(np.arange(len(sizes), dtype=np.int64), sizes),
        weights,
        generator.normal(0, 2, (num_gaussians, dim)),
        generator.uniform(0.3, 2, (num_gaussians, dim)),
        num_pdfs=len(sizes),
    )


def sample(gmm: StackedGmm, pdf_ali: np.ndarray, seed: int) -> np.ndarray:
    """One frame from each of these pdfs."""
    generator = np.random.default_rng(seed)
    gaussians = [
        generator.choice(
            np.arange(*gmm.pdf_offsets[pdf : pdf + 2]),
            p=gmm.weights[slice(*gmm.pdf_offsets[pdf : pdf + 2])],
        )
        for pdf in pdf_ali
    ]
    noise = generator.normal(size=(len(pdf_ali), gmm.dim))
    frames = gmm.means[gaussians] + noise * np.sqrt(gmm.variances[gaussians])
    return frames.astype(np.float32)
