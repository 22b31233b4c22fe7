"""The label store: exact at every planned temperature, refused at any other, whole or absent."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hybrid_kd.distill.label_header import LabelStorePlan, read_label_header, write_label_header
from hybrid_kd.distill.label_store import (
    ARRAYS,
    LabelStore,
    TeacherOutputs,
    _sha256_of_arrays,
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
    [
        ({"version": 99}, "version 99, this program reads 1"),
        ({"surprise": 1}, "unknown key 'surprise'"),
        ({"sha256": 1}, "key 'sha256' is 1"),
        ({"num_pdfs": 0}, "num_pdfs is 0"),
        ({"num_pdfs": 2**15 + 1}, "num_pdfs is 32769"),
        ({"temperatures": [1.0, math.nan, 3.0]}, r"temperatures is \[1\.0, nan, 3\.0\]"),
        ({"temperatures": []}, r"temperatures is \[\]"),
        ({"prune_below": 0.0}, r"prune_below is 0\.0"),
        ({"prune_below": math.nan}, "prune_below is nan"),
        ({"num_frames": -1}, "num_frames is -1"),
        ({"discarded_mass": [0.1]}, r"discarded_mass is \[0\.1\]"),
        ({"uncertainty_rank": -1}, "uncertainty_rank is -1"),
        (None, "not JSON"),
    ],
)
def test_bad_header_is_an_error(tmp_path: Path, change: dict[str, Any] | None, problem: str) -> None:
    """Also where it has no sha256, as those of older versions."""
    path = written(tmp_path / "labels").path / "labels.json"
    content = json.loads(path.read_text()) | (change or {}) | {"header_sha256": None}
    path.write_text("{" if change is None else json.dumps(content))
    with pytest.raises(HybridKdError, match=rf"labels\.json: {problem}"):
        read_label_store(path.parent)


@pytest.mark.parametrize(("old", "new"), [("2.0", "2.5"), ("0.01", "0.03"), ('"def"', '"dee"')])
def test_one_changed_bit_of_the_header_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    path = written(tmp_path / "labels").path / "labels.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    problem = r"labels\.json: is damaged: its content does not match the sha256 in it\n  fix: write"
    with pytest.raises(HybridKdError, match=problem):
        read_label_store(path.parent)


def test_a_header_of_an_older_version_has_no_sha256_and_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "labels").path / "labels.json"
    content = json.loads(path.read_text())
    del content["header_sha256"]
    path.write_text(json.dumps(content))
    assert read_label_store(path.parent).header.temperatures == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (("logits.float32", 3, math.nan), "holds NaN or infinity"),
        (("log_z.float32", -1, math.inf), "holds NaN or infinity"),
        (("pdf_ids.int16", 3, -1), r"holds what is not a pdf_id \(0 to 59\)"),
        (("pdf_ids.int16", 0, NUM_PDFS), r"holds what is not a pdf_id \(0 to 59\)"),
        (("utt_offsets.int64", 0, 1), "does not rise from 0 to 28"),
        (("utt_offsets.int64", 1, 8), "does not rise from 0 to 28"),
        (("frame_offsets.int64", 3, 0), r"does not rise from 0 to \d+"),
        (("frame_offsets.int64", -1, 3), r"does not rise from 0 to \d+"),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_a_value_that_cannot_be_is_an_error_whoever_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: tuple[str, int, float], problem: str, block: int
) -> None:
    name, index, value = item
    path = written(tmp_path / "labels").path
    array = np.fromfile(path / name, name.partition(".")[2])
    array[index] = value
    array.tofile(path / name)
    write_label_header(path, replace(read_label_header(path), sha256=_sha256_of_arrays(path, 0)))
    monkeypatch.setattr("hybrid_kd.distill.label_store.BLOCK", block)
    with pytest.raises(HybridKdError, match=rf"{name}: {problem}\n  fix: write the labels again"):
        read_label_store(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"u1\nu1\nu3\n", "an utterance comes twice"),
        (b"u1\n\xff\nu3\n", "cannot be read: 'utf-8' codec"),
        (b"u1\n", "1 utterances instead of 3"),
    ],
)
def test_utterances_that_cannot_be_are_named(tmp_path: Path, content: bytes, problem: str) -> None:
    path = written(tmp_path / "labels").path
    (path / "utt_ids").write_bytes(content)
    if b"\xff" not in content:
        write_label_header(path, replace(read_label_header(path), sha256=_sha256_of_arrays(path, 0)))
    with pytest.raises(HybridKdError, match=f"utt_ids: {problem}"):
        read_label_store(path)


def test_other_directory_is_not_a_label_store(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"not a label store: it has no labels.json"):
        read_label_store(tmp_path)
