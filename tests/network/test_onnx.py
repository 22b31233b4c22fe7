"""Models as ONNX files, run by onnxruntime."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.decoding.loglikes import pseudo_loglikes
from hybrid_kd.frames.features import join_utterances
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.network.dnn import fold_batch_norm
from hybrid_kd.network.model_dir import AcousticModel, load_model
from hybrid_kd.network.onnx import export_onnx
from hybrid_kd.network.priors import log_priors_from_counts
from tests.decoding.experiment import write_model
from tests.network.test_nnet1 import DIM, PDFS, make_network

COUNTS = np.array([10.5, 0.5, 3.5, 7.5, 0])  # the last pdf is never chosen


def make_model(*networks: torch.nn.Module, logit_scale: float = 1.0) -> AcousticModel:
    """A model of frames that are spliced with the one before."""
    folded = tuple(fold_batch_norm(network) for network in networks)  # type: ignore[arg-type]
    log_priors = torch.from_numpy(log_priors_from_counts(COUNTS))
    return AcousticModel(Path("model"), folded, Splice(1, 0), log_priors, logit_scale)


def run_onnx(path: Path, spliced: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (loglikes,) = session.run(["loglikes"], {"spliced_frames": spliced})
    return np.asarray(loglikes)


MODELS = {
    "sigmoid": [make_network()],
    "relu, batch normalisation": [make_network("relu", batch_norm=True)],
    "ensemble": [make_network(), make_network("relu"), make_network("relu", batch_norm=True)],
}


@pytest.mark.parametrize("logit_scale", [1.0, 3.0])
@pytest.mark.parametrize("networks", MODELS.values(), ids=MODELS)
def test_onnxruntime_gives_the_same_loglikes(
    networks: list[torch.nn.Module], logit_scale: float, tmp_path: Path
) -> None:
    model = make_model(*networks, logit_scale=logit_scale)
    export_onnx(model, tmp_path / "model.onnx")
    spliced = torch.randn(17, DIM, generator=torch.Generator().manual_seed(0))
    expected = pseudo_loglikes(model.logits_of_spliced(spliced), model.log_priors).numpy()
    found = run_onnx(tmp_path / "model.onnx", spliced.numpy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-6)
    assert (found[:, -1] < -1e18).all()


def test_the_file_tells_what_goes_in_and_out(tmp_path: Path) -> None:
    export_onnx(make_model(make_network()), tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert metadata.pop("loglikes").startswith("logit_scale logits - log prior (natural log)")
    assert metadata == {
        "left_context": "1",
        "right_context": "0",
        "feature_dim": "3",
        "num_pdfs": str(PDFS),
        "num_networks": "1",
        "logit_scale": "1.0",
    }
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (given,), (gives,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("spliced_frames", ["frames", DIM])
    assert (gives.name, gives.shape) == ("loglikes", ["frames", PDFS])


def test_kaldis_network_gives_kaldis_loglikes(shared: Path, tmp_path: Path) -> None:
    export_onnx(load_model(write_model(shared, tmp_path / "model")), tmp_path / "model.onnx")
    golden = shared / "kaldi-an4" / "golden"
    expected = dict(read_matrices(f"ark:{golden}/nnet1_loglikes.ark"))
    for utt_id, frames in read_matrices(f"ark:{golden}/fmllr.ark"):
        utterance = join_utterances([utt_id], [frames], left_context=5, right_context=5)
        spliced = utterance.spliced(torch.arange(len(frames))).numpy()
        assert spliced.shape[1] == 440
        found = run_onnx(tmp_path / "model.onnx", spliced)
        np.testing.assert_allclose(found, expected[utt_id], atol=2e-4, rtol=2e-5)
