"""WERs of CHiME-4 systems: Kaldi's lines, its choice of the LM weight, and its directories."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.report import recipe_lines
from hybrid_kd.scoring.word_errors import ErrorTable, pool
from local.chime4.calc_wers import Options, best_of_dt05, calc_wers, run
from tests.conftest import ROOT
from tests.decoding.experiment import golden_lines, write_kaldi_decode_dir
from tests.scoring.crossings import BEST_OF_BOTH, REAL, SIMU, Right, write_crossings
from tests.scoring.test_kaldi_scores import write_kaldi_scored

AT_11 = ScoringPoint(11, 0.0)
# egs/chime4/s5_1ch/RESULTS, DNN sMBR
PUBLISHED = """best overall dt05 WER 15.17% (language model weight = 11)
-------------------
dt05_simu WER: 15.67% (Average), 14.09% (BUS), 18.97% (CAFE), 12.76% (PEDESTRIAN), 16.89% (STREET)
-------------------
dt05_real WER: 14.67% (Average), 18.97% (BUS), 15.28% (CAFE), 9.88% (PEDESTRIAN), 14.56% (STREET)
-------------------
et05_simu WER: 24.13% (Average), 19.65% (BUS), 27.57% (CAFE), 23.14% (PEDESTRIAN), 26.17% (STREET)
-------------------
et05_real WER: 27.68% (Average), 40.40% (BUS), 28.95% (CAFE), 24.25% (PEDESTRIAN), 17.13% (STREET)
-------------------"""
# Errors and words of BUS, CAF, PED and STR from which these rates follow.
COUNTS = {
    "dt05_simu": [(955, 6780), (1286, 6780), (865, 6780), (1145, 6780)],
    "dt05_real": [(1286, 6780), (1036, 6780), (670, 6780), (987, 6780)],
    "et05_simu": [(1052, 5354), (1476, 5354), (1239, 5354), (1401, 5354)],
    "et05_real": [(2163, 5354), (1549, 5351), (1298, 5352), (917, 5352)],
}


def table_of(set_name: str) -> ErrorTable:
    kind = set_name[-4:].upper()
    errors = np.zeros((4, 1, 3), np.int64)
    errors[:, 0, 2] = [count for count, _ in COUNTS[set_name]]
    words = np.array([words for _, words in COUNTS[set_name]])
    utt_ids = tuple(f"F05_u_{name}_{kind}" for name in ("BUS", "CAF", "PED", "STR"))
    return ErrorTable(utt_ids, errors, words, np.zeros(4, bool), (AT_11,))


def test_the_lines_are_those_of_the_published_results() -> None:
    lines = []
    for part in ("dt05", "et05"):
        table = pool([table_of(f"{part}_real"), table_of(f"{part}_simu")])
        lines += recipe_lines(f"{part}_multi", table, AT_11, is_best=part == "dt05")
    ours = {" (insertion penalty weight = 0.0)", "overall et05 WER 25.91% (language model weight = 11)"}
    kaldis = [line for line in lines if line not in ours]
    assert "\n".join(kaldis[:6] + kaldis[7:]) == PUBLISHED
    assert len(lines) == len(kaldis) + 3


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Four sets, decoded and not scored."""
    for set_name, rights in (
        ("dt05_simu", SIMU),
        ("dt05_real", REAL),
        ("et05_simu", SIMU),
        ("et05_real", REAL),
    ):
        write_crossings(tmp_path / "si", set_name, rights, name=f"decode_{set_name}_13_8")
    return tmp_path / "si"


RESULTS = """decode_*_13_8; kaldi-decoder 0.3.2, beams 13/8
-------------------
best overall dt05 WER 20.00% (language model weight = 9)
 (insertion penalty weight = 0.0)
-------------------
dt05_simu WER: 50.00% (Average), 100.00% (BUS), 0.00% (CAFE)
-------------------
dt05_real WER: 0.00% (Average), 0.00% (BUS), 0.00% (CAFE), 0.00% (PEDESTRIAN)
-------------------
overall et05 WER 20.00% (language model weight = 9)
 (insertion penalty weight = 0.0)
-------------------
et05_simu WER: 50.00% (Average), 100.00% (BUS), 0.00% (CAFE)
-------------------
et05_real WER: 0.00% (Average), 0.00% (BUS), 0.00% (CAFE), 0.00% (PEDESTRIAN)
-------------------
"""


def test_all_sets_stand_at_the_weight_that_is_best_on_both_development_sets(system: Path) -> None:
    # Of 9 and 10, which are equal, Kaldi's `sort` puts wer_10 first.
    at_10 = RESULTS.replace("weight = 9", "weight = 10")
    assert BEST_OF_BOTH == 9
    assert calc_wers(Options((system,))).split("\n\n")[1] == f"{system}/{at_10}"
    assert calc_wers(Options((system,), max_lm_weight=9)).split("\n\n")[1] == f"{system}/{RESULTS}"


def test_the_first_block_says_what_was_searched(system: Path) -> None:
    options = Options((system,), min_lm_weight=5, penalties="0,0.5")
    head = "# LM weights 5 to 15, insertion penalties 0,0.5: the best of dt05_simu and dt05_real together\n"
    assert calc_wers(options).startswith(head)


def test_of_equal_points_the_first_by_name_is_taken_as_by_sort() -> None:
    points = tuple(ScoringPoint(weight, 0.0) for weight in (9, 10, 4))
    table = ErrorTable(("u",), np.ones((1, 3, 3), np.int64), np.array([9]), np.array([False]), points)
    assert best_of_dt05(table, points, "exp") == ScoringPoint(10, 0.0)


def test_a_directory_of_systems_gives_a_block_for_each_way_of_decoding(
    system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exp = system.parent
    shutil.copytree(system, exp / "hard_s0")
    for name in ("decode_dt05_simu_11_6", "decode_dt05_real_11_6", "decode_dt05_real_11_6.si"):
        shutil.copytree(system / f"{name[:16]}_13_8", exp / "hard_s0" / name)
    (exp / "teacher").symlink_to("hard_s0")
    out = exp / "RESULTS"
    run(Options((exp,), out))
    text = capsys.readouterr().out
    assert out.read_text() == text
    titles = [block.partition(";")[0] for block in text.split("\n\n")[1:]]
    assert titles == [
        f"{exp}/{name}" for name in ("hard_s0/decode_*_11_6", "hard_s0/decode_*_13_8", "si/decode_*_13_8")
    ]
    assert "et05" not in text.split("\n\n")[1]


def write_kaldi_system(path: Path, *, weights: range = range(5, 18)) -> Path:
    """decode_tgpr_5k_<set>_noisy as CHiME-4's local/score.sh leaves it."""
    for part in ("dt05", "et05"):
        for kind, rights in (("simu", SIMU), ("real", REAL)):
            hypotheses = {
                f"scoring/{weight}.tra": [
                    f"{utt_id} {_word(right, weight)}" for utt_id, right in rights.items()
                ]
                for weight in weights
            }
            references = [f"{utt_id} YES" for utt_id in rights]
            write_kaldi_scored(path / f"decode_tgpr_5k_{part}_{kind}_noisy", references, hypotheses)
    return path


def _word(right: Right, weight: int) -> int:
    side, threshold = right
    return 1 if (weight > threshold) == (side == "above") else 2


def test_directories_that_kaldi_scored_give_the_same(tmp_path: Path, system: Path) -> None:
    graph = system / "graph"
    kaldi = write_kaldi_system(tmp_path / "tri4a")
    block = calc_wers(Options((kaldi,), graph=graph)).split("\n\n")[1]
    lines = calc_wers(Options((system,))).split("\n\n")[1].splitlines()
    assert block.splitlines() == [f"{kaldi}/decode_tgpr_5k_*_noisy", *lines[1:]]
    with pytest.raises(HybridKdError, match=r"noisy: Kaldi left word-ids .*\n  fix: give --graph"):
        calc_wers(Options((kaldi,)))


def test_weights_that_kaldi_did_not_score_at_are_not_searched(tmp_path: Path, system: Path) -> None:
    kaldi = write_kaldi_system(tmp_path / "tri4a", weights=range(11, 14))
    assert "(language model weight = 13)" in calc_wers(Options((kaldi,), graph=system / "graph"))
    with pytest.raises(
        HybridKdError, match=r"noisy: its development sets are scored at none of 4_0\.0, 5_0\.0"
    ):
        calc_wers(Options((kaldi,), graph=system / "graph", max_lm_weight=5))
    (kaldi / "decode_tgpr_5k_et05_real_noisy/scoring/13.tra").unlink()
    with pytest.raises(HybridKdError, match=r"et05_real_noisy: not scored at 13_0\.0, the best of dt05"):
        calc_wers(Options((kaldi,), graph=system / "graph"))


def test_lattices_that_kaldi_did_not_score_are_scored(shared: Path, tmp_path: Path) -> None:
    decoded = write_kaldi_decode_dir(shared, tmp_path / "nnet1/decode_tgpr_5k_dt05_simu_noisy")
    graph = shared / "kaldi-an4/exp/tri3b/graph"
    with pytest.raises(
        HybridKdError, match=r"neither scored by Kaldi nor decoded .*\n  fix: give --data and"
    ):
        calc_wers(Options((decoded.parent,)))
    data = tmp_path / "data/dt05_simu_noisy"
    data.mkdir(parents=True)
    for name in ("text", "utt2spk", "spk2utt"):
        shutil.copyfile(shared / "kaldi-an4/golden" / name, data / name)
    text = calc_wers(Options((decoded.parent,), data=tmp_path / "data", graph=graph))
    assert "\ndt05_simu WER: " in text
    num_words = sum(len(line.split()) - 1 for line in golden_lines(shared, "text"))
    assert num_words == 72
    wers = {100 * errors / num_words for errors in range(num_words)}
    assert any(f"best overall dt05 WER {wer:.2f}%" in text for wer in wers)


def test_what_is_missing_is_named(tmp_path: Path, system: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(
        HybridKdError, match=r"none: no decode_\*dt05_real\* or decode_\*dt05_simu\* directory"
    ):
        calc_wers(Options((tmp_path / "none",)))
    shutil.rmtree(system / "decode_dt05_real_13_8")
    assert "\ndt05_simu WER: " in calc_wers(Options((system,)))
    assert (
        "decode_*_13_8; kaldi-decoder 0.3.2, beams 13/8: of the development sets only dt05_simu"
        in caplog.text
    )
    shutil.rmtree(system / "decode_dt05_simu_13_8")
    with pytest.raises(
        HybridKdError, match=r"no development set was decoded so\n  fix: decode dt05_real and"
    ):
        calc_wers(Options((system,)))


def test_the_script_checks_its_arguments_and_writes_the_results(system: Path) -> None:
    def call(*args: str) -> subprocess.CompletedProcess[str]:
        script = ["local/chime4/score.sh", *args]
        return subprocess.run(
            script, cwd=ROOT, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False
        )

    assert "Usage: local/chime4/score.sh [options] <system-dir>" in call().stderr
    assert f"no such directory {system}/none" in call(f"{system}/none").stderr
    assert "no such file here/words.txt" in call("--graph", "here", str(system)).stderr
    failed = call(str(system.parent / "si/graph"))
    assert (failed.returncode, "local.chime4.calc_wers: " in failed.stderr) == (1, True)
    done = call("--out", f"{system}/RESULTS", "--max-lm-weight", "9", str(system))
    assert done.returncode == 0, done.stderr
    assert (system / "RESULTS").read_text().endswith(f"\n\n{system}/{RESULTS}")
