"""GMM-HMM systems of our own stand beside the networks once they are scored."""

from pathlib import Path

import pytest

from hybrid_kd.archives.model_file import write_model_file
from hybrid_kd.archives.transition_model import ModelFile
from hybrid_kd.config import write_yaml
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import write_json
from hybrid_kd.report.gmm_systems import find_gmm_systems
from hybrid_kd.report.records import ITSELF
from hybrid_kd.report.results_md import section
from tests.gmm.experiment import random_gmm
from tests.gmm.tiny_model import tiny_model
from tests.report.experiment import FakeExperiment


def add_gmm(experiment: FakeExperiment, name: str, **options: object) -> Path:
    path = experiment.exp / name
    write_yaml(path / "config.yaml", {"data": "data/mfcc/tr05_multi", "num_gauss": 12, **options})
    write_json(path / "provenance.json", {"commit": "abc", "inputs": {"data": "d"}})
    gmm = random_gmm(sizes=(1, 2, 1, 2, 1, 2, 1, 2))
    write_model_file(path / "final.mdl", ModelFile(tiny_model(), gmm.to_am()))
    return path


def test_a_scored_gmm_is_a_system(experiment: FakeExperiment) -> None:
    add_gmm(experiment, "tri2b", ali="exp/tiny/tri1_ali", num_leaves=8)
    path = add_gmm(experiment, "tri3b", ali="exp/tiny/tri2b_ali", num_leaves=8)
    dt = experiment.decode(path, "decode_dt05_simu", "dt05_simu", wrong=1, acoustic_scale=0.083333)
    experiment.decode(path, "decode_et05_simu", "et05_simu", wrong=2, tune_on=dt, acoustic_scale=0.083333)
    for decode_dir in path.glob("decode_*"):  # as `gmm decode-fmllr` has it: no part of a set
        write_yaml(decode_dir / "config.yaml", {"beam": 13.0})
    (system,) = find_gmm_systems(experiment.exp)
    assert (system.experiment, system.system, system.kind) == ("tiny", "tri3b", "GMM-HMM")
    assert system.network == "GMM-HMM, 12 Gaussians, 8 pdfs"
    assert (system.parameters, system.epochs, system.dev_data) == (None, None, None)
    assert system.training == {"init": "tri2b_ali", "num_leaves": 8, "num_gauss": 12}
    assert (system.train_data, system.commit, system.inputs) == ("tr05_multi", "abc", {"data": "d"})
    assert [(d.set_name, d.tuned_on, d.wer, d.is_whole_set) for d in system.decodes] == [
        ("dt05_simu", ITSELF, 25.0, True),
        ("et05_simu", "dt05_simu", 50.0, True),
    ]
    text = "\n".join(section([system]))
    assert (
        "| tri3b | from tri2b_ali, num leaves 8, num gauss 12 | GMM-HMM, 12 Gaussians, 8 pdfs | - |" in text
    )
    assert "| tri3b | embedded 0.3.2 | 13/8 | 0.083333 | 4, 0.0 | 25.00 | - | 50.00 | - |" in text
    assert "Trained on" not in text


def test_a_score_of_another_gmm_is_refused(experiment: FakeExperiment) -> None:
    path = add_gmm(experiment, "mono")
    experiment.decode(path, "decode_dt05_simu", "dt05_simu", wrong=1)
    assert find_gmm_systems(experiment.exp)[0].training == {"num_gauss": 12}
    (path / "tree").write_text("another\n")
    with pytest.raises(HybridKdError, match=r"decode_dt05_simu: not decoded with the network of .*mono\n"):
        find_gmm_systems(experiment.exp)


def test_networks_alignments_and_links_are_no_gmm_systems(experiment: FakeExperiment) -> None:
    network = experiment.add_system("hard_s0")
    experiment.decode(network, "decode_dt05_simu", "dt05_simu", wrong=1)
    path = add_gmm(experiment, "mono")
    experiment.decode(path, "decode_dt05_simu", "dt05_simu", wrong=1)
    (experiment.exp / "first").symlink_to("mono")
    assert [system.system for system in find_gmm_systems(experiment.exp)] == ["mono"]
