"""Errors of hypotheses that Kaldi's scoring left: those of its lattices at the same points."""

from pathlib import Path

import pytest

from hybrid_kd.archives.lattices import read_lattices
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.kaldi_scores import find_hypotheses, read_kaldi_scores
from hybrid_kd.scoring.utterance_scores import ScoringTexts, score_lattices
from hybrid_kd.scoring.word_errors import error_table
from tests.decoding.experiment import golden_lines, write_lines

AT_8, AT_12, AT_10 = ScoringPoint(8, 0.0), ScoringPoint(12, 0.0), ScoringPoint(10, 0.5)


def write_kaldi_scored(path: Path, references: list[str], files: dict[str, list[str]]) -> Path:
    """What Kaldi's scoring leaves; names as scoring_kaldi/penalty_0.0/8.txt or scoring/8.tra."""
    for name, lines in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        write_lines(path / name, lines)
        write_lines(path / name.split("/")[0] / "test_filt.txt", references)
    return path


@pytest.mark.parametrize("form", ["word-ids", "words"])
def test_errors_are_those_of_the_golden_lattices(shared: Path, tmp_path: Path, form: str) -> None:
    words_file = shared / "kaldi-an4/exp/tri3b/graph/words.txt"
    words = read_symbol_table(words_file)
    golden = {
        point: [line.split() for line in golden_lines(shared, f"best_path_{name}.words.int")]
        for point, name in ((AT_8, "lmwt8"), (AT_12, "lmwt12"), (AT_10, "lmwt10_wip0.5"))
    }
    if form == "word-ids":
        files = {f"scoring/{point.lm_weight}.tra": golden[point] for point in (AT_12, AT_8)}
    else:
        files = {
            f"scoring_kaldi/penalty_{point.word_ins_penalty}/{point.lm_weight}.txt": [
                [utt_id, *(words[int(word_id)] for word_id in ids)] for utt_id, *ids in lines
            ]
            for point, lines in golden.items()
        }
    references = golden_lines(shared, "text")
    joined = {name: [" ".join(line) for line in reversed(lines)] for name, lines in files.items()}
    scores = read_kaldi_scores(write_kaldi_scored(tmp_path, references, joined), words_file)
    points = (AT_8, AT_12) if form == "word-ids" else (AT_8, AT_12, AT_10)
    assert scores.points == points
    texts = ScoringTexts({line.split()[0]: line.split()[1:] for line in references}, words)
    lattices = shared / "kaldi-an4/golden/lat_compact.ark"
    assert sorted(scores.utterances, key=lambda each: each.utt_id) == sorted(
        score_lattices(lattices, texts, points), key=lambda each: each.utt_id
    )
    assert len(scores.utterances) == len(dict(read_lattices(lattices)))


def test_words_that_are_no_speech_do_not_count(tmp_path: Path) -> None:
    files = {"scoring_kaldi/penalty_0.0/9.txt": ["u1 <UNK> A <NOISE>"]}
    scores = read_kaldi_scores(write_kaldi_scored(tmp_path, ["u1 A"], files), None)
    assert error_table(scores).total(ScoringPoint(9, 0.0)).errors == 0


def test_other_files_are_no_hypotheses(tmp_path: Path) -> None:
    files = {"scoring_kaldi/penalty_0.0/9.txt": ["u1 A"], "scoring_kaldi/penalty_0.0/log/best_path.9.log": []}
    (tmp_path / "scoring_kaldi/penalty_0.0/log").mkdir(parents=True)
    assert list(find_hypotheses(write_kaldi_scored(tmp_path, ["u1 A"], files))) == [ScoringPoint(9, 0.0)]
    with pytest.raises(HybridKdError, match="no hypotheses of Kaldi's scoring\n  fix: score it again"):
        read_kaldi_scores(tmp_path / "scoring_kaldi", None)


def test_word_ids_need_words(tmp_path: Path) -> None:
    scored = write_kaldi_scored(tmp_path / "dt", ["u1 A"], {"scoring/9.tra": ["u1 1"]})
    with pytest.raises(HybridKdError, match=r"dt: Kaldi left word-ids .*\n  fix: give --graph"):
        read_kaldi_scores(scored, None)
    write_lines(tmp_path / "words.txt", ["<eps> 0", "B 2"])
    with pytest.raises(HybridKdError, match=r"9\.tra: no word 1 in words\.txt"):
        read_kaldi_scores(scored, tmp_path / "words.txt")


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("scoring_kaldi/penalty_0.0/9.txt", ["u1 A", "u2 A"], r"9\.txt, utterance 'u2': not in .*test_filt"),
        ("scoring_kaldi/penalty_0.0/9.txt", ["u1 A", "u1 A"], r"9\.txt, utterance 'u1': comes twice"),
        ("scoring_kaldi/penalty_0.0/9.txt", ["u1 A", ""], r"9\.txt: line 2 is empty"),
        ("scoring_kaldi/penalty_0.0/9.txt", [], r"too many bad utterances: done 0, left out 1 \(1 no hypoth"),
        ("scoring_kaldi/penalty_x/9.txt", ["u1 A"], r"penalty_x/9\.txt: no insertion penalty: x"),
        ("scoring/9.tra", ["u1 A"], r"9\.tra: not word-ids"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, lines: list[str], message: str) -> None:
    write_lines(tmp_path / "words.txt", ["<eps> 0", "A 1"])
    scored = write_kaldi_scored(tmp_path / "dt", ["u1 A"], {name: lines})
    with pytest.raises(HybridKdError, match=message):
        read_kaldi_scores(scored, tmp_path / "words.txt")
