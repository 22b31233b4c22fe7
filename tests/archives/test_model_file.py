"""Model files: what Kaldi wrote is written back to the same bytes."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.matrices import read_matrix, write_matrix
from hybrid_kd.archives.model_file import write_model_file
from hybrid_kd.archives.transition_model import make_transition_model, read_model_file
from tests.archives.test_transition_model import chain_binary


@pytest.mark.parametrize(
    "name",
    [
        "kaldi-an4/exp/tri3b/final.mdl",
        "kaldi-an4/exp/tri3b/final.alimdl",
        "kaldi-an4/exp/tri3b_ali_dt05_simu/final.mdl",
        "kaldi-libri5k/exp/tri3b/final.mdl",
    ],
)
def test_kaldis_model_is_written_back_to_the_same_bytes(shared: Path, tmp_path: Path, name: str) -> None:
    write_model_file(tmp_path / "final.mdl", read_model_file(shared / name))
    assert (tmp_path / "final.mdl").read_bytes() == (shared / name).read_bytes()


def test_kaldis_matrix_is_written_back_to_the_same_bytes(shared: Path, tmp_path: Path) -> None:
    file = shared / "kaldi-an4/exp/tri3b/final.mat"
    write_matrix(tmp_path / "final.mat", read_matrix(str(file)))
    assert (tmp_path / "final.mat").read_bytes() == file.read_bytes()


def test_a_double_matrix_keeps_its_precision(tmp_path: Path) -> None:
    write_matrix(tmp_path / "m", np.array([[1 / 3]]))
    assert (tmp_path / "m").read_bytes() == b"\0BDM \4\1\0\0\0\4\1\0\0\0" + np.float64(1 / 3).tobytes()


def test_a_chain_model_is_written_back_to_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "chain").write_bytes(chain_binary())
    write_model_file(tmp_path / "out", read_model_file(tmp_path / "chain"))
    assert (tmp_path / "out").read_bytes() == chain_binary()


def test_a_model_is_made_of_topology_triples_and_probabilities(shared: Path) -> None:
    model = read_model_file(shared / "kaldi-an4/exp/tri3b/final.mdl").transition_model
    made = make_transition_model(model.topology, model.triples, model.log_probs)
    np.testing.assert_array_equal(made.transition_id_to_pdf_id, model.transition_id_to_pdf_id)
    with pytest.raises(ValueError, match="3115 log probabilities for 3116 transition-ids"):
        make_transition_model(model.topology, model.triples, model.log_probs[:-1])
