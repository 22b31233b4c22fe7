"""``hybrid-kd score`` on Kaldi's golden lattices."""

import gzip
import json
import re
from pathlib import Path

import pytest

from hybrid_kd.cli.main import main
from tests.decoding.experiment import (
    golden_lines,
    write_decode_json,
    write_kaldi_decode_dir,
    write_lines,
    write_texts,
)
from tests.scoring.crossings import (
    BEST_OF_BOTH,
    BEST_OF_REAL,
    BEST_OF_SIMU,
    REAL,
    SIMU,
    write_crossings,
)


@pytest.fixture
def data(shared: Path, tmp_path: Path) -> Path:
    text = dict(line.split(maxsplit=1) for line in golden_lines(shared, "text"))
    write_texts(tmp_path / "dt05_simu", text)
    return tmp_path / "dt05_simu"


@pytest.fixture
def graph(shared: Path) -> Path:
    return shared / "kaldi-an4/exp/tri3b/graph"


@pytest.fixture
def decoded(shared: Path, tmp_path: Path) -> Path:
    return write_kaldi_decode_dir(shared, tmp_path / "decode_dt05_simu")


def score(data: Path, graph: Path, decoded: Path, *more: str) -> int:
    return main(["score", "--data", str(data), "--graph", str(graph), str(decoded), *more])


def test_files_are_kaldis_and_the_report_is_on_standard_output(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(data, graph, decoded) == 0
    report = capsys.readouterr().out
    assert len(list(decoded.glob("wer_*"))) == 42
    best = (decoded / "scoring_kaldi/best_wer").read_text().strip()
    match = re.fullmatch(r"%WER (\S+) \[ (\d+) / 72, \d+ ins, \d+ del, \d+ sub \] (\S+wer_(\d+)_(\S+))", best)
    assert match is not None
    assert f"best overall dt05 WER {match[1]}% (language model weight = {match[4]})" in report
    assert Path(match[3]).read_text().splitlines()[1] == best.rpartition(" ")[0]
    result = json.loads((decoded / "score.json").read_text())
    assert (result["tuned_on_itself"], result["total"]["errors"]) == (True, int(match[2]))
    assert sum(counts["errors"] for counts in result["environments"].values()) == int(match[2])
    assert "tuned on the set itself" in report


def test_hypotheses_are_those_of_the_chosen_point(
    shared: Path, data: Path, graph: Path, decoded: Path
) -> None:
    assert score(data, graph, decoded) == 0
    counts = [json.loads(line) for line in (decoded / "scoring/per_utt.jsonl").read_text().splitlines()]
    result = json.loads((decoded / "score.json").read_text())
    names = json.loads((decoded / "scoring/inputs.json").read_text())["points"]
    point = names.index(f"{result['lm_weight']}_{result['word_ins_penalty']:.1f}")
    words = [" ".join([c["utt_id"], c["hypotheses"][c["hypothesis_at"][point]]]) for c in counts]
    assert (decoded / "scoring/hyp.txt").read_text().splitlines() == words
    errors = [c["errors"][c["hypothesis_at"][point]] for c in counts]
    assert sum(map(sum, errors)) == result["total"]["errors"]


def test_the_point_is_taken_from_the_development_set(
    shared: Path, data: Path, graph: Path, decoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_kaldi_decode_dir(shared, tmp_path / "decode_et05_simu")
    assert score(data, graph, other, "--tune-on", str(decoded)) == 1
    assert "per_utt.jsonl: not scored yet" in capsys.readouterr().err
    (decoded / "config.yaml").write_text(f"data: {data}\ngraph: {graph}\n")
    write_decode_json(decoded)
    assert score(data, graph, other, "--tune-on", str(decoded)) == 0
    result, tuned = (json.loads((path / "score.json").read_text()) for path in (other, decoded))
    for name in ("lm_weight", "word_ins_penalty"):
        assert result[name] == tuned[name]
    assert (result["tuned_on"], result["tuned_on_itself"]) == ([str(decoded)], False)
    assert f"tuned on {decoded}" in capsys.readouterr().out


def test_scoring_again_counts_nothing_again(data: Path, graph: Path, decoded: Path) -> None:
    assert score(data, graph, decoded) == 0
    before = (decoded / "scoring/per_utt.jsonl").stat().st_mtime_ns
    assert score(data, graph, decoded) == 0
    assert (decoded / "scoring/per_utt.jsonl").stat().st_mtime_ns == before
    write_lines(data / "text", [f"{line.split()[0]} A" for line in (data / "text").read_text().splitlines()])
    assert score(data, graph, decoded) == 0
    assert (decoded / "scoring/per_utt.jsonl").stat().st_mtime_ns != before


def test_archives_are_scored_in_parallel(
    shared: Path, data: Path, graph: Path, decoded: Path, tmp_path: Path
) -> None:
    content = (shared / "kaldi-an4/golden/lat_compact.ark").read_bytes()
    cut = content.index(b"mkdb_an316_BUS_SIMU ")
    parallel = tmp_path / "parallel"
    parallel.mkdir()
    for job, part in enumerate((content[:cut], content[cut:]), start=1):
        (parallel / f"lat.{job}.gz").write_bytes(gzip.compress(part))
    assert score(data, graph, parallel, "--nj", "4") == 0
    assert score(data, graph, decoded) == 0
    names = {path.name for path in (parallel / "scoring").iterdir()}
    assert names == {"per_utt.jsonl", "inputs.json", "hyp.txt"}
    assert (parallel / "scoring/per_utt.jsonl").read_text() == (decoded / "scoring/per_utt.jsonl").read_text()


def test_utterances_without_a_lattice_are_too_many_here(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = dict(line.split(maxsplit=1) for line in (data / "text").read_text().splitlines())
    write_texts(data, text | {"zzz_1_BUS_SIMU": "A B"})
    assert score(data, graph, decoded) == 1
    assert "too many bad utterances: done 8, left out 1 (1 no lattice)" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["lat.1.gz", "num_jobs"])
def test_an_incomplete_directory_is_an_error(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    (decoded / missing).unlink()
    if missing == "num_jobs":
        (decoded / "num_jobs").write_text("2\n")
    assert score(data, graph, decoded) == 1
    assert "lattices are not complete: lat." in capsys.readouterr().err


def test_damaged_lattices_are_an_error(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (decoded / "lat.1.gz").read_bytes()
    (decoded / "lat.1.gz").write_bytes(content[: len(content) // 2])
    assert score(data, graph, decoded) == 1
    assert "lat.1.gz" in capsys.readouterr().err
    assert not (decoded / "score.json").exists()


def test_words_of_another_graph_are_an_error(
    data: Path, decoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph/words.txt").write_text("<eps> 0\nA 3\n")
    assert score(data, tmp_path / "graph", decoded) == 1
    assert "in words.txt\n  fix: give the --graph that it was decoded with" in capsys.readouterr().err


def test_data_without_text_cannot_be_scored(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "text").unlink()
    assert score(data, graph, decoded) == 1
    assert "it holds no text" in capsys.readouterr().err


@pytest.fixture
def simu(tmp_path: Path) -> Path:
    return write_crossings(tmp_path, "dt05_simu", SIMU)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return write_crossings(tmp_path, "dt05_real", REAL)


def chosen(decode_dir: Path, *more: str) -> tuple[int, float]:
    """Score a directory of crossings and give its LM weight and insertion penalty."""
    root, set_name = decode_dir.parent, decode_dir.name.removeprefix("decode_")
    assert score(root / "data" / set_name, root / "graph", decode_dir, *more) == 0
    result = json.loads((decode_dir / "score.json").read_text())
    return result["lm_weight"], result["word_ins_penalty"]


def test_a_point_chosen_on_two_sets_is_the_best_of_neither(
    simu: Path, real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (chosen(simu), chosen(real)) == ((BEST_OF_SIMU, 0.0), (BEST_OF_REAL, 0.0))
    assert chosen(real, "--tune-on", str(simu), str(real)) == (BEST_OF_BOTH, 0.0)
    result = json.loads((real / "score.json").read_text())
    assert (result["tuned_on"], result["tuned_on_itself"]) == ([str(simu), str(real)], False)
    assert result["own_best"] == {"point": f"{BEST_OF_REAL}_0.0", "wer": 0.0}
    assert f"{real}: tuned on {simu} + {real}" in capsys.readouterr().out
    assert chosen(simu, "--tune-on", str(simu)) == (BEST_OF_SIMU, 0.0)
    assert json.loads((simu / "score.json").read_text())["tuned_on_itself"] is True


def test_sets_that_are_not_scored_yet_are_scored_over_the_same_range(simu: Path, real: Path) -> None:
    wanted = ("--min-lm-weight", "2", "--max-lm-weight", "8", "--penalties", "0")
    assert chosen(real, *wanted, "--tune-on", str(real), str(simu)) == (7, 0.0)
    other = json.loads((simu / "score.json").read_text())
    assert (other["lm_weight"], other["tuned_on_itself"]) == (2, True)
    assert other["searched"] == {"min_lm_weight": 2, "max_lm_weight": 8, "word_ins_penalties": [0.0]}


def test_a_wider_range_counts_more_and_a_narrower_one_nothing_again(
    real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    per_utt = real / "scoring/per_utt.jsonl"
    assert chosen(real, "--max-lm-weight", "6") == (4, 0.0)
    assert f"{real}: the best LM weight, 4, is at the edge of what was tried" in capsys.readouterr().err
    before = per_utt.stat().st_mtime_ns
    assert chosen(real, "--penalties", "0.5") == (7, 0.5)
    assert per_utt.stat().st_mtime_ns == before
    assert chosen(real, "--min-lm-weight", "1", "--max-lm-weight", "3", "--penalties", "-1") == (1, -1.0)
    names = json.loads((real / "scoring/inputs.json").read_text())["points"]
    assert {f"wer_{name}" for name in names} == {path.name for path in real.glob("wer_*")}
    assert len(names) == 42 + 3
    assert chosen(real) == (7, 0.0)
    assert len(list(real.glob("wer_*"))) == 42 + 3


def test_a_set_given_twice_is_an_error(simu: Path, real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, graph = real.parent / "data/dt05_real", real.parent / "graph"
    assert score(data, graph, real, "--tune-on", str(simu), f"{simu}/") == 1
    assert "--tune-on: a directory is given twice\n  fix: give each once" in capsys.readouterr().err


def test_a_set_of_unknown_data_must_be_scored_over_the_range(
    simu: Path, real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chosen(simu) == (BEST_OF_SIMU, 0.0)
    (simu / "config.yaml").unlink()
    assert chosen(real, "--tune-on", str(simu), str(real)) == (BEST_OF_BOTH, 0.0)
    data, graph = real.parent / "data/dt05_real", real.parent / "graph"
    assert score(data, graph, real, "--min-lm-weight", "3", "--tune-on", str(simu)) == 1
    assert "decode_dt05_simu: not scored at 3_0.0\n  fix: score it again, with" in capsys.readouterr().err


def test_an_impossible_range_is_an_error(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(real.parent / "data/dt05_real", real.parent / "graph", real, "--penalties", "a") == 1
    assert "--penalties: 'a' is no number" in capsys.readouterr().err


def add_to(data_dir: Path, utt_ids: list[str]) -> None:
    """Give a data directory more utterances, in C order behind the others."""
    for name, rest in (("text", "A"), ("utt2spk", "zzz")):
        write_lines(
            data_dir / name,
            [*(data_dir / name).read_text().splitlines(), *(f"{utt_id} {rest}" for utt_id in utt_ids)],
        )
    speakers = (data_dir / "spk2utt").read_text().splitlines()
    write_lines(data_dir / "spk2utt", [*speakers, f"zzz {' '.join(utt_ids)}"])


def test_utterances_that_were_not_decoded_are_named_and_counted(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(decoded / "utt_ids", [line.split()[0] for line in (data / "text").read_text().splitlines()])
    assert score(data, graph, decoded) == 0
    before = (decoded / "score.json").read_bytes()
    add_to(data, ["zzz_1_BUS_SIMU"])
    assert score(data, graph, decoded) == 1
    message = capsys.readouterr().err
    assert f"left out 'zzz_1_BUS_SIMU': not decoded ({data} has it)" in message
    assert (
        "done 8, left out 1 (1 not decoded); at most 1 % may be left out\n  fix: give the --data" in message
    )
    assert score(data, graph, decoded, "--max-left-out", "0.2") == 0
    assert json.loads((decoded / "score.json").read_text())["total"] == json.loads(before)["total"]
    (decoded / "config.yaml").write_text("max_utts: 8\n")  # a part was asked for
    write_decode_json(decoded)
    assert score(data, graph, decoded) == 0


def test_a_command_that_is_refused_changes_nothing(
    data: Path, graph: Path, decoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(data, graph, decoded) == 0
    kept = {
        path: path.read_bytes() for path in decoded.rglob("*") if path.is_file() and "log" not in path.parts
    }
    write_texts(tmp_path / "other", {"zzz_1_BUS_SIMU": "A"})
    empty = write_texts_without_words(data, tmp_path / "empty")
    changed = {line.split()[0]: "A" for line in (data / "text").read_text().splitlines()}
    write_texts(tmp_path / "changed", changed)
    nowhere = tmp_path / "nowhere"
    for wrong in (tmp_path / "other", empty, nowhere):
        assert score(wrong, graph, decoded) == 1
    assert score(tmp_path / "changed", graph, decoded, "--tune-on", str(nowhere)) == 1
    assert score(data, graph, decoded, "--max-left-out", "nan") == 1
    assert "--max-left-out: nan is out of range" in capsys.readouterr().err
    now = {
        path: path.read_bytes() for path in decoded.rglob("*") if path.is_file() and "log" not in path.parts
    }
    assert now == kept


def write_texts_without_words(data: Path, path: Path) -> Path:
    write_texts(path, {line.split()[0]: "" for line in (data / "text").read_text().splitlines()})
    return path


@pytest.mark.parametrize("text", ["9999999999", "\u00b2", "two", ""])
def test_a_number_of_jobs_that_is_none_is_an_error(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (decoded / "num_jobs").write_text(text)
    assert score(data, graph, decoded) == 1
    assert f"{decoded}/num_jobs: not a number of jobs" in capsys.readouterr().err


def test_a_list_of_utterances_that_is_not_utf_8_is_an_error(
    data: Path, graph: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (decoded / "utt_ids").write_bytes(b"a\nb\xff\n")
    assert score(data, graph, decoded) == 1
    assert f"{decoded}/utt_ids: line 2 is not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"beam": None}, "missing key 'beam'"),
        ({"beams": 3}, "unknown key 'beams'"),
        ({"partial": "all"}, "key 'partial' is 'all'"),
    ],
)
def test_a_damaged_summary_of_the_decoding_is_named(
    data: Path,
    graph: Path,
    decoded: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, object],
    problem: str,
) -> None:
    write_decode_json(decoded)
    content = json.loads((decoded / "decode.json").read_text()) | changed
    content = {name: value for name, value in content.items() if name == "first_beam" or value is not None}
    (decoded / "decode.json").write_text(json.dumps(content))
    assert score(data, graph, decoded) == 1
    assert f"{decoded}/decode.json: {problem}\n  fix: delete it" in capsys.readouterr().err
