"""What a phonetic decision tree is built from: a Gaussian's statistics by phone in context and pdf class.

Axes: events = pairs of a window of phones and a pdf class that occur; columns of ``events`` are the tree's
keys, the pdf class first, then the positions of the window. ``sums`` hold, in 1 + 2 dim columns, the number
of frames, the sums of the frames and the sums of their squares: Gaussians are merged by adding rows.
Source: Kaldi hmm/tree-accu.cc, tree/clusterable-classes.cc.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, Integer

from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.gmm.phone_segments import PhoneTable, make_phone_table, phone_windows, split_to_phones

NOT_ASKED = -1  # the context of a context-independent phone: no question may ask for it
VARIANCE_FLOOR = 0.01
LOG_2PI = float(np.log(2 * np.pi))
CHUNK_FRAMES = 20_000

Utterances = Iterable[tuple[Float32[np.ndarray, "_ _"], Integer[np.ndarray, " _"]]]  # frames, transition_ali


@dataclass(frozen=True)
class TreeStatistics:
    """The events, ascending and unique, and their statistics."""

    context_width: int
    central_position: int
    events: Int64[np.ndarray, "events keys"]
    sums: Float64[np.ndarray, "events columns"]

    @property
    def num_frames(self) -> float:
        """How many frames there are."""
        return float(self.sums[:, 0].sum())

    def values(self, key: int) -> Int64[np.ndarray, " events"]:
        """Each event's value of a tree's key: the pdf class (-1) or a position in the window."""
        return self.events[:, key + 1]

    def __getitem__(self, which: np.ndarray) -> "TreeStatistics":
        return TreeStatistics(self.context_width, self.central_position, self.events[which], self.sums[which])


def accumulate_tree_statistics(
    utterances: Utterances,
    model: TransitionModel,
    *,
    context_independent_phones: Iterable[int],
    context_width: int = 3,
    central_position: int = 1,
) -> TreeStatistics:
    """Sum the frames of each phone in context, from (frames, transition_ali) of each utterance.

    Of context-independent phones (a lang directory's phones/context_indep.int) the context is not recorded.
    Statistics of parts of a corpus are joined by `join_tree_statistics`; for the same bits whatever the
    number of processes, the parts must be the same.

    Raises: ValueError for an alignment that does not consist of whole phones (see `split_to_phones`), or of
    another length than the frames.
    """
    table = make_phone_table(model)
    alone = np.zeros(table.phones.max() + 1, bool)
    for phone in context_independent_phones:
        alone[phone : phone + 1] = True  # none of a phone that the model lacks
    parts = [
        _sum_by_event(np.concatenate(events), np.concatenate(frames))
        for events, frames in _chunks(utterances, table, alone, (context_width, central_position))
    ]
    events, sums = _join(parts, 1 + context_width)
    return TreeStatistics(context_width, central_position, events, sums)


def join_tree_statistics(parts: Sequence[TreeStatistics]) -> TreeStatistics:
    """Add the statistics of parts of a corpus."""
    width, central = parts[0].context_width, parts[0].central_position
    assert all((part.context_width, part.central_position) == (width, central) for part in parts)
    events, sums = _join([(part.events, part.sums) for part in parts], 1 + width)
    return TreeStatistics(width, central, events, sums)


def sum_by_pdf(statistics: TreeStatistics, tree: ContextTree) -> Float64[np.ndarray, "pdfs columns"]:
    """The sums (frames; sums; sums of squares) of each of the tree's pdfs; a pdf without frames has zeros.

    Raises: KeyError where the tree has no answer for an event.
    """
    pdf_ids = map_events(statistics, tree)
    sums = np.zeros((tree.num_pdfs, statistics.sums.shape[1]))
    np.add.at(sums, pdf_ids, statistics.sums)
    return sums


def map_events(statistics: TreeStatistics, tree: ContextTree) -> Int64[np.ndarray, " events"]:
    """The pdf_id of each event.

    Raises: KeyError where the tree has no answer.
    """
    answers = [tree.pdf_id(window, pdf_class) for pdf_class, *window in statistics.events.tolist()]
    return np.array(answers, np.int64)


def gaussian_objective(
    sums: Float64[np.ndarray, "*groups columns"], *, variance_floor: float = VARIANCE_FLOOR
) -> Float[np.ndarray, "*groups"]:
    """Each group's log-likelihood under its own Gaussian: -0.5 n (sum_d log v_d + dim log 2 pi).

    The variances are maximum-likelihood ones, floored; the term -0.5 n dim is left out, as Kaldi does. A
    group without frames has 0.

    Source: Kaldi tree/clusterable-classes.cc, GaussClusterable::Objf.
    """
    dim = (sums.shape[-1] - 1) // 2
    counts = sums[..., 0]
    scale = 1.0 / np.where(counts > 0, counts, 1.0)[..., None]
    variances = sums[..., 1 + dim :] * scale - (sums[..., 1 : 1 + dim] * scale) ** 2
    log_variances = np.log(np.maximum(variances, variance_floor)).sum(axis=-1)
    return np.where(counts > 0, -0.5 * counts * (log_variances + LOG_2PI * dim), 0.0)


def _chunks(
    utterances: Utterances, table: PhoneTable, alone: np.ndarray, context: tuple[int, int]
) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Events and frames of some utterances at a time."""
    events: list[np.ndarray] = []
    frames: list[np.ndarray] = []
    for utterance, transition_ali in utterances:
        if len(utterance) != len(transition_ali):
            raise ValueError(f"{len(transition_ali)} aligned frames, the features have {len(utterance)}")
        events.append(_events(transition_ali, table, alone, context))
        frames.append(utterance)
        if sum(map(len, frames)) >= CHUNK_FRAMES:
            yield events, frames
            events, frames = [], []
    if frames:
        yield events, frames


def _events(
    transition_ali: Integer[np.ndarray, " frames"],
    table: PhoneTable,
    alone: np.ndarray,
    context: tuple[int, int],
) -> Int64[np.ndarray, "frames keys"]:
    """Each frame's pdf class and window of phones."""
    width, central = context
    segments = split_to_phones(transition_ali, table)
    windows = phone_windows(segments.phones, context_width=width, central_position=central).copy()
    others = np.arange(width) != central
    windows[np.ix_(alone[segments.phones], others)] = NOT_ASKED
    windows = np.repeat(windows, np.diff(segments.bounds), axis=0)
    return np.column_stack([table.pdf_classes[transition_ali].astype(np.int64), windows])


def _sum_by_event(
    events: Int64[np.ndarray, "frames keys"], frames: Float32[np.ndarray, "frames dim"]
) -> tuple[Int64[np.ndarray, "events keys"], Float64[np.ndarray, "events columns"]]:
    values = frames.astype(np.float64)
    return _add_equal(events, np.column_stack([np.ones(len(frames)), values, values**2]))


def _join(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], num_keys: int
) -> tuple[Int64[np.ndarray, "events keys"], Float64[np.ndarray, "events columns"]]:
    if not parts:
        return np.zeros((0, num_keys), np.int64), np.zeros((0, 1))
    events, sums = zip(*parts, strict=True)
    return _add_equal(np.concatenate(events), np.concatenate(sums))


def _add_equal(
    events: Int64[np.ndarray, "rows keys"], sums: Float64[np.ndarray, "rows columns"]
) -> tuple[Int64[np.ndarray, "events keys"], Float64[np.ndarray, "events columns"]]:
    """Add the rows of equal events; the result is in the events' lexical order."""
    order = np.lexsort(events.T[::-1])
    events = events[order]
    starts = np.flatnonzero(np.append(True, (events[1:] != events[:-1]).any(axis=1)))
    return events[starts], np.add.reduceat(sums[order], starts, axis=0)
