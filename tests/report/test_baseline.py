"""Paired bootstrap of every system against the baseline."""

from typing import Any

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.report.baseline import compare_with_baseline
from hybrid_kd.report.collect import find_systems
from hybrid_kd.scoring.compare import compare_directories
from hybrid_kd.scoring.options import CompareOptions
from tests.report.experiment import FakeExperiment


def test_it_says_what_compare_says(experiment: FakeExperiment) -> None:
    hard, soft = experiment.add_system("hard_s0"), experiment.add_system("si")
    for system, wrong in ((hard, 2), (soft, 1)):
        experiment.decode(system, "decode_dt", "dt05_simu", wrong=wrong)
    base, other = compare_with_baseline(experiment.exp, find_systems(experiment.exp), "hard_s0")
    assert base.decodes[0].against_baseline is None
    against = other.decodes[0].against_baseline
    assert against is not None
    assert (against.baseline, against.difference, against.relative) == ("hard_s0", -25.0, -50.0)
    assert (against.low, against.high, against.num_groups) == (-25.0, -25.0, 3)
    printed = compare_directories(CompareOptions(hard / "decode_dt", soft / "decode_dt"))
    assert f"p-value: {against.p_value:.4f} (two-sided, {against.num_replicates} replicates of 3" in printed


@pytest.mark.parametrize(
    "other", [{"beam": 15.0}, {"acoustic_scale": 0.2}, {"logit_scale": 2.0}, {"max_utts": 4}]
)
def test_other_decodings_are_not_compared(experiment: FakeExperiment, other: dict[str, Any]) -> None:
    hard, soft = experiment.add_system("hard_s0"), experiment.add_system("si")
    experiment.decode(hard, "decode_dt", "dt05_simu", wrong=1)
    experiment.decode(soft, "decode_dt", "dt05_simu", wrong=2, **other)
    _, system = compare_with_baseline(experiment.exp, find_systems(experiment.exp), "hard_s0")
    assert system.decodes[0].against_baseline is None


def test_a_set_tuned_elsewhere_is_compared_with_one_tuned_alike(experiment: FakeExperiment) -> None:
    hard, soft = experiment.add_system("hard_s0"), experiment.add_system("si")
    dt = experiment.decode(hard, "decode_dt", "dt05_simu", wrong=1)
    experiment.decode(hard, "decode_et", "et05_simu", wrong=1, tune_on=dt)
    experiment.decode(soft, "decode_et", "et05_simu", wrong=2)
    _, system = compare_with_baseline(experiment.exp, find_systems(experiment.exp), "hard_s0")
    assert system.decodes[0].against_baseline is None


def test_another_reference_is_an_error(experiment: FakeExperiment) -> None:
    hard, soft = experiment.add_system("hard_s0"), experiment.add_system("si")
    experiment.decode(hard, "decode_dt", "dt05_simu", wrong=1)
    out = experiment.decode(soft, "decode_dt", "dt05_simu", wrong=2)
    scores = out / "scoring" / "per_utt.jsonl"
    scores.write_text(scores.read_text().replace('"reference": "ONE TWO', '"reference": "ONE ONE', 1))
    with pytest.raises(HybridKdError, match=r"si/decode_dt, utterance .*: reference 'ONE ONE"):
        compare_with_baseline(experiment.exp, find_systems(experiment.exp), "hard_s0")


def test_a_score_without_its_point_is_an_error(experiment: FakeExperiment) -> None:
    for name in ("hard_s0", "si"):
        out = experiment.decode(experiment.add_system(name), "decode_dt", "dt05_simu", wrong=1)
    score = read_json(out / "score.json")
    score["lm_weight"] = None
    write_json(out / "score.json", score)
    with pytest.raises(HybridKdError, match=r"si/decode_dt/score\.json: no LM weight and insertion penalty"):
        compare_with_baseline(experiment.exp, find_systems(experiment.exp), "hard_s0")


def test_a_baseline_may_go_by_its_other_name_but_must_be_there(experiment: FakeExperiment) -> None:
    experiment.add_system("hard_s0")
    (experiment.exp / "base").symlink_to("hard_s0")
    systems = find_systems(experiment.exp)
    assert compare_with_baseline(experiment.exp, systems, "base") == systems
    with pytest.raises(HybridKdError, match=r"no finished system 'hard' in .*\n  fix: .* one of hard_s0"):
        compare_with_baseline(experiment.exp, systems, "hard")
    assert compare_with_baseline(experiment.exp, [], "hard") == []
