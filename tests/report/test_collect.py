"""What finished systems say of themselves."""

import json
from pathlib import Path

import pytest

from hybrid_kd.config import write_yaml
from hybrid_kd.distill.label_header import LabelStoreHeader, write_label_header
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.report.collect import describe_networks, find_system, find_systems
from hybrid_kd.report.record_file import read_json_lines
from hybrid_kd.report.records import ITSELF
from hybrid_kd.report.tables import system_table
from hybrid_kd.scoring.options import ScoreOptions
from hybrid_kd.scoring.score_dir import score_directory
from tests.report.experiment import FakeExperiment


def test_a_system_says_what_it_is(experiment: FakeExperiment) -> None:
    experiment.add_system("hard_s1", seed=1, learning_rate=0.004, losses=(3.0, 2.0, 2.5, 1.5))
    (system,) = find_systems(experiment.exp)
    assert (system.experiment, system.system, system.kind) == ("tiny", "hard_s1", "network")
    assert (system.network, system.parameters) == ("3 -> 1 x 2 -> 4, sigmoid", 20)
    assert system.training == {"labels": "reference", "seed": 1, "learning_rate": 0.004}
    assert (system.train_data, system.dev_data) == ("tr", "dt05_simu")
    assert (system.epochs, system.train_seconds, system.train_frames) == (3, 90.0, 1000)
    assert (system.dev_cross_entropy, system.dev_frame_accuracy) == (1.5, 1 / 1.5)
    assert system.decodes == []


def test_the_network_that_was_kept_is_that_of_the_last_accepted_epoch(experiment: FakeExperiment) -> None:
    experiment.add_system("kept", losses=(3.0, 2.0, 2.5))
    experiment.add_system("never_better", losses=(1.0, 2.0))
    assert [system.dev_cross_entropy for system in find_systems(experiment.exp)] == [2.0, 1.0]


def test_errors_at_points_that_were_not_searched_are_kept(experiment: FakeExperiment) -> None:
    system = experiment.add_system("a")
    out = experiment.decode(system, "decode_dt", "dt05_simu", wrong=1)
    assert find_systems(experiment.exp)[0].decodes[0].errors_elsewhere is None
    data = experiment.add_data("dt05_simu")
    score_directory(ScoreOptions(out, data, experiment.graph, also_at=("1_0.0", "9_0.5")))
    (decode,) = find_systems(experiment.exp)[0].decodes
    assert decode.errors_elsewhere == {"1_0.0": decode.errors_by_utterance}
    assert decode.lm_weight >= 4


def test_a_distilled_system_names_labels_teacher_and_start(experiment: FakeExperiment) -> None:
    labels = experiment.exp / "labels"
    labels.mkdir(parents=True)
    teacher = str(experiment.exp / "teacher")
    write_label_header(
        labels, LabelStoreHeader(1, teacher, "a", "tr", "b", 4, [1.0], 0.01, 1, 9, 20, [0.1], "c")
    )
    experiment.add_system(
        "si", teacher_labels=(labels,), hard_weight=0.1, temperatures="3:2,1", init=experiment.exp / "hard_s0"
    )
    experiment.add_system("sd", teacher=(Path("elsewhere/net"),), mixing="sd", prune_below=0.0)
    sd, si = find_systems(experiment.exp)
    assert si.training == {
        "labels": "si",
        "hard_weight": 0.1,
        "temperatures": "3:2,1",
        "prune_below": 0.01,
        "teacher": "teacher",
        "init": "hard_s0",
        "seed": 0,
    }
    assert sd.training["sd_draw"] == "epoch"
    assert sd.training["teacher"] == "elsewhere/net"


def test_an_ensemble_has_members_and_all_their_parameters(experiment: FakeExperiment) -> None:
    members = [experiment.add_system(f"t{seed}", seed=seed) for seed in (0, 1)]
    experiment.add_ensemble("teacher", members)
    teacher = find_systems(experiment.exp)[-1]
    assert teacher.kind == "ensemble"
    assert teacher.training == {"ensemble_of": ["t0", "t1"]}
    assert (teacher.network, teacher.parameters) == ("2 of 3 -> 1 x 2 -> 4, sigmoid", 40)
    assert (teacher.epochs, teacher.dev_cross_entropy) == (None, None)


def test_a_link_is_another_name_of_a_system(experiment: FakeExperiment) -> None:
    experiment.add_system("t0")
    (experiment.exp / "teacher").symlink_to("t0")
    (experiment.exp / "gone").symlink_to("nowhere")
    assert [(system.system, system.aliases) for system in find_systems(experiment.exp)] == [
        ("t0", ["teacher"])
    ]
    for name in ("t0", "teacher"):
        found = find_system(experiment.exp / name)
        assert (found.system, found.aliases) == ("t0", ["teacher"])


def test_what_is_not_finished_or_no_system_is_left_out(
    experiment: FakeExperiment, caplog: pytest.LogCaptureFixture
) -> None:
    (experiment.add_system("begun") / "final.safetensors").unlink()
    write_json(experiment.exp / "labels" / "labels.json", {})
    caplog.set_level("INFO")
    assert find_systems(experiment.exp) == []
    assert "begun: not finished, left out" in caplog.text


def test_decodings_are_told_by_their_content(experiment: FakeExperiment) -> None:
    system = experiment.add_system("s")
    dt = experiment.decode(system, "decode_dt", "dt05_simu", wrong=1, beam=11.0, lattice_beam=6.0)
    experiment.decode(system, "decode_et", "et05_simu", wrong=2, tune_on=dt, beam=11.0, lattice_beam=6.0)
    experiment.decode(system, "beams_15_10/decode", "dt05_simu", wrong=1, max_utts=4)
    (system / "decode_unscored").mkdir()
    part, dev, test = find_systems(experiment.exp)[0].decodes
    assert (part.directory, part.is_whole_set, part.num_utterances) == ("beams_15_10/decode", False, 4)
    assert (dev.set_name, dev.tuned_on, dev.is_whole_set, dev.num_utterances) == (
        "dt05_simu",
        ITSELF,
        True,
        12,
    )
    assert (dev.wer, dev.errors, dev.words, dev.own_best_point) == (25.0, 12, 48, "4_0.0")
    assert (dev.decoder, dev.decoder_version, dev.beam, dev.lattice_beam) == ("embedded", "0.3.2", 11, 6)
    assert dev.environments == {"BUS": 25.0, "CAF": 25.0, "PED": 25.0, "STR": 25.0}
    assert dev.real_time_factor_search == pytest.approx(0.5 / 12)
    assert (test.set_name, test.tuned_on, test.wer) == ("et05_simu", "dt05_simu", 50.0)


def test_a_moved_experiment_still_knows_what_it_was_tuned_on(experiment: FakeExperiment) -> None:
    system = experiment.add_system("s")
    dt = experiment.decode(system, "dt", "dt05_simu", wrong=1)
    experiment.decode(system, "et", "et05_simu", wrong=2, tune_on=dt)
    moved = experiment.exp.rename(experiment.root / "moved")
    assert find_systems(moved)[0].decodes[1].tuned_on == "dt05_simu"


def test_a_score_of_another_network_is_refused(experiment: FakeExperiment) -> None:
    system = experiment.add_system("s")
    experiment.decode(system, "decode_dt", "dt05_simu", wrong=1)
    (system / "final.mdl").write_text("another\n")
    with pytest.raises(HybridKdError, match=r"decode_dt: not decoded with the network of .*s\n  fix: decode"):
        find_systems(experiment.exp)


def test_a_score_of_older_lattices_is_refused(experiment: FakeExperiment) -> None:
    out = experiment.decode(experiment.add_system("s"), "decode_dt", "dt05_simu", wrong=1)
    write_json(out / "decode.json", read_json(out / "decode.json") | {"num_partial": 3})
    with pytest.raises(HybridKdError, match="decode_dt: decoded again since it was scored"):
        find_systems(experiment.exp)


def test_a_point_that_is_no_longer_the_best_of_dt_is_refused(experiment: FakeExperiment) -> None:
    system = experiment.add_system("s")
    dt = experiment.decode(system, "dt", "dt05_simu", wrong=1)
    experiment.decode(system, "et", "et05_simu", wrong=2, tune_on=dt)
    only_good = [int(name != "9_0.5") for name in read_json(dt / "scoring/inputs.json")["points"]]
    now = {
        "hypotheses": ["ONE TWO ONE TWO", ""],
        "errors": [[0, 0, 0], [0, 4, 0]],
        "hypothesis_at": only_good,
    }
    scores = dt / "scoring/per_utt.jsonl"
    scores.write_text("".join(json.dumps(each | now) + "\n" for each in read_json_lines(scores)))
    with pytest.raises(HybridKdError, match=r"et: scored at 4_0\.0, the best of .*dt is 9_0\.5"):
        find_systems(experiment.exp)


def test_a_point_is_known_by_all_sets_that_it_was_chosen_on(experiment: FakeExperiment) -> None:
    system = experiment.add_system("s")
    dt = [experiment.decode(system, f"dt{index}", f"dt05_{index}", wrong=index) for index in (0, 1)]
    et = experiment.decode(system, "et", "et05_simu", wrong=2)
    score_directory(
        ScoreOptions(et, experiment.add_data("et05_simu"), experiment.graph, tune_on=tuple(dt), penalties="1")
    )
    decode = find_systems(experiment.exp)[0].decodes[2]
    assert (decode.tuned_on, decode.lm_weight, decode.word_ins_penalty) == ("dt05_0+dt05_1", 4, 1.0)
    score = read_json(et / "score.json")
    write_json(et / "score.json", score | {"searched": None, "tuned_on": str(dt[0])})  # of an earlier version
    with pytest.raises(HybridKdError, match=r"et: scored at 4_1\.0, the best of .*dt0 is 4_0\.0"):
        find_systems(experiment.exp)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.jsonl", "{", r"train\.jsonl: line 1 is not JSON"),
        ("train.jsonl", "[]", r"train\.jsonl: line 1 is not a JSON object"),
        ("train.jsonl", "{}", r"s: its config\.yaml or train\.jsonl lacks 'epoch'"),
        ("train.jsonl", "", r"train\.jsonl: no accepted epoch"),
        ("config.yaml", "train_data: x", r"its config\.yaml or train\.jsonl lacks"),
        ("config.yaml", "[", r"config\.yaml: not YAML"),
        ("provenance.json", "", r"provenance\.json: not JSON"),
        ("final.safetensors", "junk", r"final\.safetensors: not a network of hybrid_kd"),
        ("decode_dt/score.json", "{}", r"decode_dt/score\.json: it lacks 'decoding'"),
        ("decode_dt/score.json", "junk", r"decode_dt/score\.json: not JSON"),
    ],
)
def test_a_broken_file_is_named(experiment: FakeExperiment, name: str, content: str, message: str) -> None:
    system = experiment.add_system("s")
    experiment.decode(system, "decode_dt", "dt05_simu", wrong=1)
    (system / name).write_text(content)
    with pytest.raises(HybridKdError, match=message):
        find_systems(experiment.exp)


def test_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="none: no such directory"):
        find_systems(tmp_path / "none")


def test_the_header_of_a_network_without_shapes_is_an_error(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"shapes": "[{}]"}}).encode()
    (tmp_path / "net").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(HybridKdError, match="not a network of hybrid_kd: 'hidden_layers'"):
        describe_networks(tmp_path / "net")


def test_an_imported_network_stands_among_the_systems_once_it_is_scored(experiment: FakeExperiment) -> None:
    path = experiment.exp / "kaldi_nnet1"
    experiment.add_network(path, 1)
    write_yaml(path / "config.yaml", {"nnet": "kaldi/final.nnet", "feature_transform": None, "ali": "ali"})
    assert find_systems(experiment.exp) == []
    experiment.decode(path, "decode_dt05_simu_13_8", "dt05_simu", wrong=1)
    (system,) = find_systems(experiment.exp)
    assert (system.kind, system.training) == ("network", {"imported_from": "kaldi/final.nnet"})
    assert (system.train_data, system.epochs, system.dev_cross_entropy) == (None, None, None)
    assert system.decodes[0].wer == 25.0
    assert "by Kaldi, imported from kaldi/final.nnet" in "\n".join(system_table([system]))
