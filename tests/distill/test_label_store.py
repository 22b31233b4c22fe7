"""The label store: exact at every planned temperature, refused at any other, whole or absent."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_kd.distill.label_store import (
    ARRAYS,
    LabelStore,
    LabelStorePlan,
    TeacherOutputs,
    read_label_store,
    write_label_store,
)
from hybrid_kd.distill.labels import prune_and_renormalise, survives_pruning, temper
from hybrid_kd.distill.teachers import StoredTeacher, Wanted, tempered_posteriors
from hybrid_kd.distill.views import match_view, view_of_store
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import join_utterances
from tests.distill.test_labels import dense, random_logits

NUM_PDFS = 60
PLAN = LabelStorePlan("teacher", "abc", "data", "def", NUM_PDFS, (1.0, 2.0, 3.0), 0.01)
UTTERANCES = {
    "u1": random_logits(7, NUM_PDFS),
    "u2": 0.05 * random_logits(1, NUM_PDFS),
    "u3": 2 * random_logits(20, NUM_PDFS),
}


def written(path: Path, plan: LabelStorePlan = PLAN) -> LabelStore:
    write_label_store(path, (TeacherOutputs(*item) for item in UTTERANCES.items()), plan)
    return read_label_store(path)


def test_stored_labels_are_those_of_the_full_softmax_at_every_planned_temperature(tmp_path: Path) -> None:
    store = written(tmp_path / "labels")
    logits = torch.cat(list(UTTERANCES.values()))
    for temperature in PLAN.temperatures:
        ragged = tempered_posteriors(store, temperature, prune_below=0.01)
        ours = np.zeros((len(logits), NUM_PDFS), np.float32)
        frames = np.repeat(np.arange(len(logits)), np.diff(ragged.offsets))
        ours[frames, ragged.pdf_ids] = ragged.posteriors
        expected = dense(prune_and_renormalise(temper(logits, temperature), prune_below=0.01), NUM_PDFS)
        np.testing.assert_allclose(ours, expected.numpy(), atol=1e-6)


def test_minibatches_of_a_store_are_those_of_a_running_teacher(tmp_path: Path) -> None:
    """In the order of a training set that leaves out an utterance and has the others the other way round."""
    store = written(tmp_path / "labels")
    utt_ids = ["u3", "u1"]
    inputs = join_utterances(
        utt_ids,
        [np.zeros((len(UTTERANCES[utt_id]), 2), np.float32) for utt_id in utt_ids],
        left_context=1,
        right_context=1,
    )
    teacher = StoredTeacher(
        store, match_view(inputs, view_of_store(store)).row_of_frame, 0.01, torch.device("cpu")
    )
    frame_index = torch.tensor([26, 0, 3, 20, 19])
    posteriors = teacher.at_temperature(2.0).of_frames(frame_index, Wanted()).posteriors
    assert posteriors is not None
    stored = dense(posteriors, NUM_PDFS)
    logits = torch.cat([UTTERANCES[utt_id] for utt_id in utt_ids])[frame_index]
    running = dense(prune_and_renormalise(temper(logits, 2.0), prune_below=0.01), NUM_PDFS)
    torch.testing.assert_close(stored, running, atol=1e-6, rtol=1e-5)


def test_a_higher_threshold_than_the_stores_is_exact_too(tmp_path: Path) -> None:
    ragged = tempered_posteriors(written(tmp_path / "labels"), 1.0, prune_below=0.2)
    expected = prune_and_renormalise(temper(torch.cat(list(UTTERANCES.values())), 1.0), prune_below=0.2)
    assert len(ragged.posteriors) == (expected.posteriors > 0).sum()


def test_discarded_mass_is_that_of_the_pruned_states(tmp_path: Path) -> None:
    header = written(tmp_path / "labels").header
    logits = torch.cat(list(UTTERANCES.values()))
    for temperature, mass in zip(header.temperatures, header.discarded_mass, strict=True):
        log_posteriors = temper(logits, temperature)
        lost = log_posteriors.exp().masked_fill(survives_pruning(log_posteriors, 0.01), 0.0)
        assert mass == pytest.approx(lost.sum(dim=1).mean().item(), abs=1e-6)


def test_entries_of_a_frame_fall(tmp_path: Path) -> None:
    store = written(tmp_path / "labels")
    for begin, end in zip(store.frame_offsets[:-1], store.frame_offsets[1:], strict=True):
        assert (np.diff(store.logits[begin:end]) <= 0).all()


def test_unplanned_temperature_is_an_error(tmp_path: Path) -> None:
    store = written(tmp_path / "labels")
    with pytest.raises(HybridKdError, match=r"no labels at temperature 4, only at 1,2,3") as caught:
        tempered_posteriors(store, 4.0, prune_below=0.01)
    assert "--temperatures 1,2,3,4" in str(caught.value)


def test_lower_threshold_than_the_stores_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"pruned below 0.01, but --prune-below is 0"):
        tempered_posteriors(written(tmp_path / "labels"), 1.0, prune_below=0.0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"prune_below": 0.0}, "every state of every frame"),
        ({"num_pdfs": 40_000}, "40000 pdfs do not fit 16 bits"),
        ({"temperatures": (0.0,)}, "each at least 0.01"),
        ({"temperatures": ()}, "give one or more"),
    ],
)
def test_what_cannot_be_stored_is_an_error(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    with pytest.raises(HybridKdError, match=problem):
        written(tmp_path / "labels", LabelStorePlan(**vars(PLAN) | change))
    assert not (tmp_path / "labels").exists()


def test_a_store_whose_writing_fails_leaves_nothing(tmp_path: Path) -> None:
    def utterances() -> Iterator[TeacherOutputs]:
        yield from (TeacherOutputs(*item) for item in UTTERANCES.items())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_label_store(tmp_path / "labels", utterances(), PLAN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ARRAYS)
def test_truncated_or_missing_file_is_an_error(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "labels").path / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HybridKdError, match=rf"{name}: holds \d+ bytes instead of \d+"):
        read_label_store(path.parent)
    path.unlink()
    with pytest.raises(HybridKdError, match=f"{name}: is absent"):
        read_label_store(path.parent)


@pytest.mark.parametrize("name", ["utt_ids", *ARRAYS])
def test_a_flipped_byte_is_an_error(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "labels").path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(HybridKdError, match=r"labels: is damaged: its sha256 is not that of labels\.json"):
        read_label_store(path.parent)


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"version": 99}, "version 99"), ({"surprise": 1}, "not a label store's header"), (None, "not JSON")],
)
def test_bad_header_is_an_error(tmp_path: Path, change: dict[str, int] | None, problem: str) -> None:
    path = written(tmp_path / "labels").path / "labels.json"
    path.write_text("{" if change is None else json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(HybridKdError, match=problem):
        read_label_store(path.parent)


def test_other_directory_is_not_a_label_store(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"not a label store: it has no labels.json"):
        read_label_store(tmp_path)
