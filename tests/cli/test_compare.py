"""``hybrid-kd compare``."""

import json
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from hybrid_kd.scoring.utterance_scores import score_utterance, utterance_scores_to_lines


def write_scored(path: Path, hypotheses: dict[str, str], *, reference: str = "A B C") -> Path:
    scores = [
        score_utterance(utt_id, reference.split(), [words.split()]) for utt_id, words in hypotheses.items()
    ]
    (path / "scoring").mkdir(parents=True)
    (path / "scoring/per_utt.jsonl").write_text("".join(utterance_scores_to_lines(scores)))
    (path / "scoring/inputs.json").write_text(json.dumps({"points": ["4_0.0"]}))
    (path / "score.json").write_text(json.dumps({"lm_weight": 4, "word_ins_penalty": 0.0}))
    return path


def test_the_report_tells_difference_interval_and_p_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [f"s_u{index}_{noise}_SIMU" for index in range(10) for noise in ("BUS", "STR")]
    a = write_scored(tmp_path / "a", dict.fromkeys(ids, "A X Y"))
    b = write_scored(tmp_path / "b", dict.fromkeys(ids, "A B Y"))
    assert main(["compare", str(a), str(b), "--seed", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"A {a}: WER 66.67 % [ 40 / 60 ] at 4_0.0",
        f"B {b}: WER 33.33 % [ 20 / 60 ] at 4_0.0",
        "  BUS        A  66.67 %  B  33.33 %",
        "  STREET     A  66.67 %  B  33.33 %",
        "difference B - A: -33.33 % absolute, -50.00 % relative",
        "95 % interval of the difference: [-33.33, -33.33]",
        "p-value: 0.0002 (two-sided, 10000 replicates of 10 clean utterances with all their environments)",
    ]


def test_other_utterances_or_references_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write_scored(tmp_path / "a", {"u1": "A", "u2": "B"})
    b = write_scored(tmp_path / "b", {"u1": "A", "u3": "B"})
    c = write_scored(tmp_path / "c", {"u1": "A", "u2": "B"}, reference="A B")
    assert main(["compare", str(a), str(b)]) == 1
    assert f"{b}, utterance 'u2': other utterances than {a}: 2 and 2" in capsys.readouterr().err
    assert main(["compare", str(a), str(c)]) == 1
    assert f"{c}, utterance 'u1': reference 'A B', in {a} 'A B C'" in capsys.readouterr().err


def test_an_unscored_directory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write_scored(tmp_path / "a", {"u1": "A"})
    assert main(["compare", str(a), str(tmp_path / "b")]) == 1
    assert "not scored yet\n  fix: run `hybrid-kd score` on it first" in capsys.readouterr().err


def test_replicates_out_of_range_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write_scored(tmp_path / "a", {"u1": "A"})
    assert main(["compare", str(a), str(a), "--num-replicates", "0"]) == 1
    assert "--num-replicates: 0 is out of range" in capsys.readouterr().err
