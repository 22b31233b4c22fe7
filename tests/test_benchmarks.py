"""The benchmarks run and measure what they say; how fast anything is, no test asserts."""

from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import stacks, training
from benchmarks.reference import measure_decoding, measure_label_store
from benchmarks.training import BareProducts, measure_training, synthetic_frames
from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.json_files import read_json
from hybrid_kd.network.dnn import NetworkShape

pytestmark = pytest.mark.numerical

SMALL = {
    "student": NetworkShape(440, 2, 16, 50),
    "teacher": NetworkShape(440, 2, 16, 50, "relu", batch_norm=True, dropout=0.3),
}


@pytest.fixture
def small_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SYSTEMS", SMALL)
    monkeypatch.setattr(training, "MAX_BATCHES", 2)
    monkeypatch.setattr(stacks, "SYSTEMS", {"student": SMALL["student"]})
    monkeypatch.setattr(stacks, "ASSUMED_FLOPS_PER_S", 1.0)  # the fewest minibatches


@pytest.mark.usefixtures("small_systems")
def test_each_system_is_measured_with_hard_and_stored_labels_students_with_a_head_too() -> None:
    speeds = list(measure_training(minibatch_size=32, num_rounds=1, round_s=0.001))
    expected = [(system, labels) for system in SMALL for labels in ("hard", "stored teacher")]
    expected.insert(2, ("student", "stored teacher, uncertainty head"))
    assert [(speed.system, speed.labels) for speed in speeds] == expected
    assert all(speed.frames_per_s > 0 and speed.share_of_limit > 0 for speed in speeds)


def test_bare_products_are_those_of_a_step() -> None:
    products = BareProducts(NetworkShape(440, 2, 16, 50), 32)
    products.run(1)
    inputs, first, second = products.activations[:3]
    torch.testing.assert_close(first, inputs @ products.weights[0].T)
    torch.testing.assert_close(second, first @ products.weights[1].T)
    torch.testing.assert_close(products.gradients[2], products.gradients[3] @ products.weights[2])
    torch.testing.assert_close(products.weight_gradients[0], products.gradients[1].T @ inputs)


def test_synthetic_frames_are_whole_utterances() -> None:
    frames = synthetic_frames(600, 7)
    assert frames.inputs.utt_offsets.tolist() == [0, 256, 512, 600]
    assert 0 <= frames.pdf_ali.min() <= frames.pdf_ali.max() < 7


@pytest.mark.usefixtures("small_systems")
def test_without_reference_data_their_rows_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYBRID_KD_SHARED", str(tmp_path / "absent"))
    command.run(command.Options(threads=torch.get_num_threads(), quick=True, out=tmp_path / "bench.json"))
    assert "skipped, no reference data" in capsys.readouterr().out
    content = read_json(tmp_path / "bench.json")
    assert len(content["training"]) == 5
    (stack,) = content["stacks"]
    assert (stack["system"], stack["students"]) == ("student", 11)
    assert stack["ratio"] > 0
    assert content["decoding"] is None


def test_label_store_and_decoding_are_measured_on_the_golden_utterances(an4: Path) -> None:
    store = measure_label_store(an4)
    assert store.bytes_per_frame > 6 * store.entries_per_frame + 20
    decoding = measure_decoding(an4, SearchOptions(beam=8.0, lattice_beam=4.0))
    assert decoding.speech_s == pytest.approx(reference_speech_s(an4))
    assert decoding.search_rtf > 0


def reference_speech_s(experiment: Path) -> float:
    matrices = read_matrices(f"ark:{experiment}/golden/nnet1_loglikes.ark")
    return sum(len(matrix) for _, matrix in matrices) / 100
