"""``hybrid-kd forward`` against Kaldi's nnet-forward."""

import subprocess
import sys
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.cli.main import main
from tests.decoding.experiment import SHORT_UTTS, golden_features, write_data, write_model

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def arguments(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    directory, features = tmp_path_factory.mktemp("forward"), golden_features(shared)
    model = write_model(shared, directory / "student")
    data = write_data(shared, directory / "data", {utt_id: features[utt_id] for utt_id in SHORT_UTTS})
    return ["forward", "--model", str(model), "--data", str(data)]


def test_loglikes_are_kaldis(arguments: list[str], shared: Path, tmp_path: Path) -> None:
    assert main([*arguments, f"ark:{tmp_path}/loglikes.ark"]) == 0
    expected = dict(read_matrices(f"ark:{shared}/kaldi-an4/golden/nnet1_loglikes.ark"))
    found = {}
    with kaldi_native_io.SequentialFloatMatrixReader(f"ark:{tmp_path}/loglikes.ark") as reader:
        for utt_id, matrix in reader:
            found[utt_id] = np.array(matrix)
    assert list(found) == list(SHORT_UTTS)
    for utt_id in SHORT_UTTS:
        # Five float32 layers of up to 512 products a sum, values up to 30; a prior left out moves them by 4.
        np.testing.assert_allclose(found[utt_id], expected[utt_id], atol=3e-4)


def test_log_posteriors_are_normalised(arguments: list[str], tmp_path: Path) -> None:
    assert main([*arguments, "--output", "log-posteriors", f"ark:{tmp_path}/post.ark"]) == 0
    for _, matrix in read_matrices(f"ark:{tmp_path}/post.ark"):
        np.testing.assert_allclose(np.exp(matrix).sum(axis=1), 1, rtol=1e-5)


def test_logits_are_scaled_before_anything_else(arguments: list[str], tmp_path: Path) -> None:
    def forward(output: str, scale: str) -> dict[str, np.ndarray]:
        archive = f"ark:{tmp_path}/{output}_{scale}.ark"
        assert main([*arguments, "--output", output, "--logit-scale", scale, archive]) == 0
        return dict(read_matrices(archive))

    logits, loglikes, sharp = forward("logits", "1"), forward("loglikes", "1"), forward("loglikes", "3")
    posteriors = forward("log-posteriors", "3")
    for utt_id in SHORT_UTTS:
        log_priors = logits[utt_id] - loglikes[utt_id]
        np.testing.assert_allclose(sharp[utt_id], 3 * logits[utt_id] - log_priors, atol=1e-4)
        np.testing.assert_allclose(np.exp(posteriors[utt_id]).sum(axis=1), 1, rtol=1e-5)
        assert (posteriors[utt_id].argmax(axis=1) == logits[utt_id].argmax(axis=1)).all()


def test_a_logit_scale_of_0_is_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--logit-scale", "0", f"ark:{tmp_path}/loglikes.ark"]) == 1
    assert "--logit-scale: 0.0 is out of range" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_standard_output_holds_the_archive_and_nothing_else(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hybrid_kd", *arguments, "ark:-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert main([*arguments, f"ark:{tmp_path}/loglikes.ark"]) == 0
    assert done.stdout == (tmp_path / "loglikes.ark").read_bytes()
    assert b"done 3, left out 0" in done.stderr
