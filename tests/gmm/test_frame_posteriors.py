"""Posteriors between alignments, lattices and statistics."""

from itertools import pairwise

import numpy as np
import pytest

from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.gmm.frame_posteriors import (
    ali_to_posteriors,
    posteriors_to_pdfs,
    weight_silence,
    weighted_chunks,
)
from tests.gmm.tiny_model import SILENCE, align, tiny_model

pytestmark = pytest.mark.numerical

MODEL = tiny_model()


def lists(posteriors: Posteriors) -> list[list[tuple[int, float]]]:
    bounds = posteriors.offsets.tolist()
    pairs = list(zip(posteriors.ids.tolist(), posteriors.values.tolist(), strict=True))
    return [pairs[start:end] for start, end in pairwise(bounds)]


def make_posteriors(frames: list[list[tuple[int, float]]]) -> Posteriors:
    pairs = [pair for frame in frames for pair in frame]
    return Posteriors(
        np.cumsum([0, *map(len, frames)]),
        np.array([pair[0] for pair in pairs], np.int32),
        np.array([pair[1] for pair in pairs], np.float32),
    )


def test_an_alignment_has_weight_one_in_each_frame() -> None:
    assert lists(ali_to_posteriors(np.array([4, 5], np.int32))) == [[(4, 1.0)], [(5, 1.0)]]


def test_silence_is_scaled_and_a_weight_of_zero_removes_it() -> None:
    posteriors = make_posteriors([[(1, 0.75), (6, 0.25)], [(3, 1.0)], [(7, 1.0)]])
    scaled = weight_silence(posteriors, MODEL, [SILENCE], 0.5)
    assert lists(scaled) == [[(1, 0.375), (6, 0.25)], [(3, 0.5)], [(7, 1.0)]]
    without = weight_silence(posteriors, MODEL, [SILENCE], 0.0)
    assert lists(without) == [[(6, 0.25)], [], [(7, 1.0)]]


def test_transition_ids_of_a_pdf_are_added() -> None:
    posteriors = make_posteriors([[(7, 0.5), (2, 0.25), (6, 0.125), (1, 0.125)], [], [(4, 1.0)]])
    assert lists(posteriors_to_pdfs(posteriors, MODEL)) == [[(0, 0.375), (2, 0.625)], [], [(1, 1.0)]]


def test_a_transition_id_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="transition-id 99 is not of this model"):
        posteriors_to_pdfs(make_posteriors([[(99, 1.0)]]), MODEL)


def test_utterances_are_joined_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    utterances = []
    for phones in ([2], [3, 1], [1]):
        ali = align(MODEL, phones, [2, 1])
        frames = np.full((len(ali), 2), len(phones), np.float32)
        utterances.append((frames, posteriors_to_pdfs(ali_to_posteriors(ali), MODEL)))
    (whole,) = weighted_chunks(utterances)
    assert whole.frame_indices.tolist() == list(range(len(whole.frames)))
    assert whole.pdf_ids.tolist() == [pdf for _, part in utterances for pdf in part.ids.tolist()]
    monkeypatch.setattr("hybrid_kd.gmm.frame_posteriors.CHUNK_FRAMES", 6)
    chunks = list(weighted_chunks(utterances))
    assert len(chunks) == 2
    np.testing.assert_array_equal(np.concatenate([chunk.frames for chunk in chunks]), whole.frames)
    assert list(weighted_chunks([])) == []


def test_features_of_another_length_are_refused() -> None:
    posteriors = make_posteriors([[(1, 1.0)]])
    with pytest.raises(ValueError, match="1 frames of posteriors, 2 of features"):
        list(weighted_chunks([(np.zeros((2, 3), np.float32), posteriors)]))


@pytest.mark.parametrize("pairs", [[(1, 0.5), (1, 0.5)], [(2, 0.5), (1, 0.5)]])
def test_pdf_ids_must_ascend_within_a_frame(pairs: list[tuple[int, float]]) -> None:
    with pytest.raises(ValueError, match="do not ascend"):
        list(weighted_chunks([(np.zeros((1, 3), np.float32), make_posteriors([pairs]))]))
