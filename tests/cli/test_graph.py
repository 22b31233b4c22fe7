"""``hybrid-kd graph lang | lm | hclg``: from a dictionary and a text to a decoding graph."""

from pathlib import Path

import pytest

from hybrid_kd.cli import graph_hclg, graph_lang, graph_lm
from hybrid_kd.decoding.graph import check_graph
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.lang_dir import read_lang_dir
from tests.graph.languages import write_dict
from tests.graph.monophones import write_monophones

TEXT = "u1_BUS TO TOOTH\nu1_CAF TO TOOTH\nu2_BUS TOO A\nu3_PED NOWHERE TO\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text").write_text(TEXT)
    return tmp_path / "text"


def test_a_dictionary_and_a_text_become_a_graph(
    tmp_path: Path, text: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    lang, arpa, graph = tmp_path / "lang", tmp_path / "lm.arpa.gz", tmp_path / "graph"
    with caplog.at_level("INFO"):
        graph_lang.run(graph_lang.Options(dict=write_dict(tmp_path / "dict"), out=lang, text=text))
        assert "1 words without pronunciation, 1 times in all, become <UNK>: NOWHERE (1)" in caplog.text
        graph_lm.run(graph_lm.Options(text=text, out=arpa, vocab=lang / "words.txt", order=2, measure=text))
        assert "4 utterances, 3 of them no copies" in caplog.text
        assert "1 words are not in the vocabulary, 1 times in all: NOWHERE (1)" in caplog.text
    printed = capsys.readouterr().out
    assert printed.startswith("perplexity ")
    assert printed.endswith("(6 words, 3 sentences, 1 words outside of the vocabulary)\n")
    model = write_monophones(tmp_path / "mono", read_lang_dir(lang))
    for _ in range(2):
        graph_hclg.run(graph_hclg.Options(lang=lang, model=tmp_path / "mono", out=graph, lm=arpa))
    assert check_graph(graph, graph / "HCLG.fst", model).num_arcs > 100


def test_a_finished_language_model_is_not_trained_again_nor_overwritten(
    tmp_path: Path, text: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "lm.arpa"
    options = graph_lm.Options(text=text, out=out)
    graph_lm.run(options)
    before = out.read_bytes()
    with caplog.at_level("INFO"):
        graph_lm.run(options)
    assert "already done" in caplog.text
    with pytest.raises(HybridKdError, match=r"order was 3, is 2"):
        graph_lm.run(graph_lm.Options(text=text, out=out, order=2))
    text.write_text(TEXT + "u4_BUS A\n")
    with pytest.raises(HybridKdError, match=r"text was"):
        graph_lm.run(options)
    assert out.read_bytes() == before


def test_plain_text_has_no_utt_ids(tmp_path: Path, text: Path) -> None:
    graph_lm.run(graph_lm.Options(text=text, out=tmp_path / "lm.arpa", plain=True))
    assert "u1_BUS TO TOOTH" in (tmp_path / "lm.arpa").read_text()


@pytest.mark.parametrize(("name", "value"), [("order", 0), ("order", 10), ("prune", -1.0), ("prune", 1.0)])
def test_options_out_of_range_are_named(tmp_path: Path, text: Path, name: str, value: float) -> None:
    options = graph_lm.Options(text=text, out=tmp_path / "lm.arpa", **{name: value})  # type: ignore[arg-type]
    with pytest.raises(HybridKdError, match=f"--{name}: {value} is out of range"):
        graph_lm.run(options)
