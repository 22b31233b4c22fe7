"""The printed report in the form of CHiME-4's script."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.decoding.summary import read_summary
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.report import base_name, by_kind, format_report
from hybrid_kd.scoring.tuning import POINTS
from hybrid_kd.scoring.utterances import clean_utterance, environment, kind
from hybrid_kd.scoring.word_errors import ErrorTable
from tests.decoding.experiment import write_decode_json

RESULT = {"tuned_on_itself": True, "tuned_on": ["exp/dt"], "decode_dir": "exp/dt", "decoding": None}
AT_11 = ScoringPoint(11, 0.0)


def table_of(utt_ids: list[str], substitutions: list[int]) -> ErrorTable:
    errors = np.zeros((len(utt_ids), 42, 3), np.int64)
    errors[:, :, 2] = np.array(substitutions)[:, None]
    return ErrorTable(tuple(utt_ids), errors, np.full(len(utt_ids), 10), np.zeros(len(utt_ids), bool), POINTS)


def test_ids_tell_environment_kind_and_clean_utterance() -> None:
    assert environment("F05_442C020A_BUS_REAL") == "BUS"
    assert environment("F01_22GC010A_STR.CH5_SIMU") == "STR"
    assert environment("BUSTER_STRONG_PEDAL") is None
    assert (kind("F05_442C020A_CAF_REAL"), kind("1272-128104-0000")) == ("real", None)
    assert (
        clean_utterance("F05_442C020A_BUS_REAL") == clean_utterance("F05_442C020A_PED_SIMU") == "F05_442C020A"
    )
    assert clean_utterance("1272-128104-0000") == "1272-128104-0000"


def test_the_lines_are_those_of_the_recipe() -> None:
    table = table_of([f"s_u_{name}_SIMU" for name in ("BUS", "CAF", "PED", "STR")], [1, 2, 3, 4])
    lines = format_report("dt05_simu", table, AT_11, RESULT, None).splitlines()
    assert lines[1] == "best overall dt05 WER 25.00% (language model weight = 11)"
    assert lines[2] == " (insertion penalty weight = 0.0)"
    assert lines[4] == (
        "dt05_simu WER: 25.00% (Average), 10.00% (BUS), 20.00% (CAFE), 30.00% (PEDESTRIAN), 40.00% (STREET)"
    )
    assert lines[-1] == "exp/dt: tuned on the set itself"


def test_simulated_and_real_utterances_have_a_line_each() -> None:
    table = table_of(["s_u_BUS_REAL", "s_u_BUS_SIMU"], [1, 2])
    report = format_report("dt05_multi", table, AT_11, RESULT, None)
    assert "best overall dt05 WER 15.00%" in report
    assert "dt05_simu WER: 20.00% (Average), 20.00% (BUS)\n" in report
    assert "dt05_real WER: 10.00% (Average), 10.00% (BUS)\n" in report


def test_data_without_environments_has_an_average_only() -> None:
    report = format_report("test_clean", table_of(["u1", "u2"], [0, 1]), AT_11, RESULT, None)
    assert "test_clean WER: 5.00% (Average)\n" in report
    assert "BUS" not in report


def test_a_point_from_elsewhere_is_not_called_best() -> None:
    result = RESULT | {"tuned_on_itself": False, "decode_dir": "exp/et"}
    lines = format_report("et05_simu", table_of(["s_u_BUS_SIMU"], [1]), AT_11, result, None).splitlines()
    assert lines[1] == "overall et05 WER 10.00% (language model weight = 11)"
    assert lines[-1] == "exp/et: tuned on exp/dt"


def test_the_decoder_is_named(tmp_path: Path) -> None:
    write_decode_json(tmp_path)
    report = format_report("x", table_of(["u1"], [1]), AT_11, RESULT, read_summary(tmp_path))
    assert report.endswith("; kaldi-decoder 0.3.2, beams 13/8")


@pytest.mark.parametrize(
    ("name", "base"), [("dt05_simu", "dt05"), ("dt05_multi", "dt05"), ("dev_clean", "dev_clean")]
)
def test_the_base_of_a_set_name(name: str, base: str) -> None:
    assert base_name(name) == base


def test_a_set_of_one_kind_keeps_its_name() -> None:
    assert list(by_kind("mini", ["a_BUS_SIMU", "b_BUS_SIMU"])) == ["mini"]
