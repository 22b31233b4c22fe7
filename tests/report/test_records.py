"""results/<experiment>.jsonl: reading, replacing, writing."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.record_file import merge_studies, read_study, write_study
from hybrid_kd.report.records import (
    ITSELF,
    AgainstBaseline,
    DecodeResult,
    DevPosteriors,
    ExampleRecord,
    LabelsRecord,
    LearningCurve,
    Record,
    SetRecord,
    Study,
    SystemResult,
)
from tests.conftest import ROOT


def make_decode(**values: Any) -> DecodeResult:
    """A decoding of dt05_simu."""
    decode = DecodeResult(
        directory="decode_dt05_simu_11_6",
        set_name="dt05_simu",
        is_whole_set=True,
        num_utterances=416,
        decoder="embedded",
        decoder_program="kaldi-decoder LatticeSimpleDecoder",
        decoder_version="0.3.2",
        acoustic_scale=0.1,
        beam=11.0,
        lattice_beam=6.0,
        tuned_on=ITSELF,
        lm_weight=11,
        word_ins_penalty=1.0,
        wer=20.0,
        errors=200,
        words=1000,
        environments={"BUS": 21.0, "STR": 19.0},
        own_best_point="11_1.0",
        own_best_wer=20.0,
        num_partial=0,
        real_time_factor_search=0.05,
        real_time_factor_network=0.01,
        real_time_factor_wall=0.06,
    )
    return replace(decode, **values)


def make_system(name: str, *decodes: DecodeResult, **values: Any) -> SystemResult:
    """A student on reference labels."""
    system = SystemResult(
        experiment="tiny",
        system=name,
        aliases=[],
        kind="network",
        network="440 -> 4 x 512 -> 384, sigmoid",
        parameters=1210752,
        training={"labels": "reference", "seed": 0},
        train_data="tr05_multi",
        dev_data="dt05_simu",
        train_frames=453376,
        epochs=6,
        train_seconds=90.0,
        dev_cross_entropy=1.7,
        dev_frame_accuracy=0.55,
        commit=None,
        uncommitted_changes=None,
        decodes=list(decodes),
    )
    return replace(system, **values)


AGAINST = AgainstBaseline("hard_s0", -1.5, -7.0, -2.5, -0.5, 0.0021, 104, 10000)


SET = SetRecord("dt05_simu", ["a_1_BUS_SIMU", "a_1_STR_SIMU"], [3, 3])
EXAMPLE = ExampleRecord("dt05_simu", "a_1_BUS_SIMU", "ONE TWO", 0, 4, ["SIL", "W"], [0, 1, 1, 0])
LABELS = LabelsRecord(
    *("labels", "teacher", "12ab", "34cd", "tr05_multi", 0.01, 1000),
    *([1.0, 2.0], [0.02, 0.2], [0.5, 0.1], [0.4, 1.1], [0.5, 1.9], 200, [["0z", "z0"], ["11", "aa"]]),
)
CURVE = LearningCurve(
    [3.0, 2.0], [0.1, 0.5], [None, 1.5], [None, 1.6], [None, 1.0], [None, 0.008], [None, True], [None, 9.0]
)
POSTERIORS = DevPosteriors("dt05_simu", 9, 2.0, 0.5, 1.0, 0.1, [4, 5], [0.3, 0.8], [0.2, 0.7], ["0z", "z0"])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    decodes = make_decode(against_baseline=AGAINST), make_decode(errors_by_utterance=[0, 2])
    systems = [make_system("a", *decodes, learning_curve=CURVE, dev_posteriors=POSTERIORS), make_system("b")]
    study = Study(systems, [SET], [LABELS], EXAMPLE)
    write_study(tmp_path / "tiny.jsonl", study)
    assert read_study(tmp_path / "tiny.jsonl") == study
    assert [json.loads(line)["kind"] for line in (tmp_path / "tiny.jsonl").read_text().splitlines()] == [
        *("set", "example", "labels", "network", "network")
    ]


def test_a_system_is_replaced_in_its_place_and_others_stay(tmp_path: Path) -> None:
    kept = Study([make_system("b"), make_system("a"), make_system("gone")], [SET], [LABELS])
    collected = Study([make_system("a", epochs=9), make_system("c")], [SET], [], EXAMPLE)
    merged = merge_studies(kept, collected, path=tmp_path)
    assert [(result.system, result.epochs) for result in merged.systems] == [
        ("b", 6),
        ("a", 9),
        ("gone", 6),
        ("c", 6),
    ]
    assert (merged.sets, merged.labels, merged.example) == ([SET], [LABELS], EXAMPLE)


def test_other_utterances_of_a_set_are_refused(tmp_path: Path) -> None:
    other = Study(sets=[replace(SET, num_words=[3, 4])])
    with pytest.raises(HybridKdError, match=r"x: has other utterances or references in dt05_simu\n  fix: "):
        merge_studies(Study(sets=[SET]), other, path=Path("x"))
    with pytest.raises(HybridKdError, match=r"x: has another example than ExampleRecord"):
        merge_studies(Study(example=EXAMPLE), Study(example=replace(EXAMPLE, utt_id="other")), path=Path("x"))


def test_errors_of_other_utterances_than_the_set_has_are_named(tmp_path: Path) -> None:
    system = make_system("a", make_decode(errors_by_utterance=[0, 2, 1]))
    write_study(tmp_path / "tiny.jsonl", Study([system], [SET]))
    with pytest.raises(
        HybridKdError, match=r"a, decode_dt05_simu_11_6: errors of 3 utterances, 2 of dt05_simu"
    ):
        read_study(tmp_path / "tiny.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": "many"}, "line 2: key 'epochs' is 'many'"),
        ({"colour": 1}, "line 2: unknown key 'colour'"),
        ({"decodes": [{}]}, "line 2: missing key 'acoustic_scale'"),
        ({"decodes": 3}, "line 2: key 'decodes' is 3"),
        ({"decodes": [3]}, "line 2: not a JSON object: 3"),
        ({"learning_curve": {"seconds": [1.0]}}, "line 2: missing key 'accepted'"),
        ({"aliases": [1]}, "line 2: key 'aliases' is 1"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "tiny.jsonl"
    write_study(path, Study([make_system("a"), make_system("b")]))
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps(json.loads(second) | change)}\n")
    with pytest.raises(HybridKdError, match=message):
        read_study(path)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (replace(SET, num_words=[3]), "num_words has 1 items, utt_ids has 2"),
        (replace(EXAMPLE, phones=["a"], phone_ali=[0, 1]), "phone_ali has a row beyond the 1 phones"),
        (replace(LABELS, temperatures=[1.0], entropy=[]), "items, temperatures has 1"),
        (make_system("a", learning_curve=replace(CURVE, accepted=[])), "accepted has 0 items, dev_cross"),
        (make_system("a", dev_posteriors=replace(POSTERIORS, bin_accuracy=[])), "bin_accuracy has 0 items"),
        (
            make_system("a", make_decode(errors_by_utterance=[0, 2], errors_elsewhere={"1_0.0": [1]})),
            "a, decode_dt05_simu_11_6: errors of 1 utterances, 2 of dt05_simu",
        ),
    ],
)
def test_lists_that_do_not_go_along_are_named(tmp_path: Path, record: Record, message: str) -> None:
    lines = [json.dumps({"kind": getattr(each, "kind", "set"), **asdict(each)}) for each in (SET, record)]
    (tmp_path / "tiny.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(HybridKdError, match=message):
        read_study(tmp_path / "tiny.jsonl")


def test_the_committed_results_are_read() -> None:
    for path in (ROOT / "results").glob("*.jsonl"):
        assert read_study(path).systems


def test_a_line_older_than_an_option_of_the_record_is_read(tmp_path: Path) -> None:
    """What has a default may be absent; so lines of networks without uncertainty say nothing of it."""
    path = tmp_path / "tiny.jsonl"
    study = Study([make_system("a", dev_posteriors=POSTERIORS)])
    write_study(path, study)
    assert "uncertainty" not in path.read_text()
    content = json.loads(path.read_text())
    del content["learning_curve"]
    path.write_text(json.dumps(content))
    assert read_study(path) == study


def test_a_line_without_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.jsonl").write_text('{"experiment": "tiny"}\n')
    with pytest.raises(HybridKdError, match="line 1: missing key 'aliases'"):
        read_study(tmp_path / "tiny.jsonl")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"tiny\.jsonl: cannot be read"):
        read_study(tmp_path / "tiny.jsonl")
