"""``hybrid-kd info`` on what the front end and Kaldi's recipes write: models, lang, graphs, features."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.matrices import open_matrix_writer
from hybrid_kd.cli import graph_hclg, graph_lm
from hybrid_kd.frontend.cmvn import write_cmvn
from hybrid_kd.gmm.training_state import CHECKPOINT
from hybrid_kd.graph.lang_dir import read_lang_dir
from hybrid_kd.run_record import RunRecord
from tests.cli.test_info import info
from tests.decoding.experiment import write_texts
from tests.graph.languages import make_lang
from tests.graph.monophones import write_monophones

AN4 = "kaldi-an4"
PROVENANCE = {
    "argv": ["hybrid-kd", "gmm", "sat", "--out", "a b"],
    "version": "1.2",
    "commit": "0123456789abcdef",
}
MADE_BY = "  made by: hybrid-kd gmm sat --out 'a b' (version 1.2, commit 0123456789ab)\n"


def record(directory: Path) -> None:
    RunRecord(directory, directory / "provenance.json", PROVENANCE, {}).write()


def test_a_gmm_of_kaldis(capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    text = info(capsys, shared / AN4 / "exp/tri3b")
    assert "tri3b: GMM model directory\n  transition model: 384 pdfs, 3116 transition-ids" in text
    assert "  GMMs: 6007 Gaussians over 40 coefficients\n" in text
    assert "  tree: 384 pdfs, 1 phones of context to the left, 1 to the right\n" in text
    assert "  features: MFCC, CMVN of means, splicing -3..3, final.mat 40 x 91, fMLLR\n" in text
    assert "  final.alimdl, for frames without fMLLR:\n    transition model: 384 pdfs" in text


def test_a_gmm_directory_that_holds_alignments(
    capsys: pytest.CaptureFixture[str], shared: Path, tmp_path: Path
) -> None:
    for name in ("final.mdl", "tree", "final.occs"):
        shutil.copyfile(shared / AN4 / "exp/tri3b" / name, tmp_path / name)
    (tmp_path / "cmvn_opts").write_text("--norm-vars=true\n")
    (tmp_path / "ali.1.gz").write_bytes(gzip.compress(b"u 2 4\n"))
    (tmp_path / "num_jobs").write_text("1\n")
    record(tmp_path)
    text = info(capsys, tmp_path)
    assert f"{tmp_path}: alignment directory: 1 jobs\n" in text
    assert "  features: MFCC, CMVN of means and variances, deltas to order 2\n" in text
    assert text.endswith(MADE_BY)
    (tmp_path / "config.yaml").write_text("num_gauss: 6000\n")
    assert "GMM model directory with its alignments: 1 jobs\n  alignments: 1 entry" in info(capsys, tmp_path)


def test_a_tree_of_another_model_is_an_error(
    capsys: pytest.CaptureFixture[str], shared: Path, tmp_path: Path
) -> None:
    shutil.copyfile(shared / AN4 / "exp/tri3b/final.mdl", tmp_path / "final.mdl")
    write_monophones(tmp_path / "mono", make_lang(tmp_path))
    shutil.copyfile(tmp_path / "mono/tree", tmp_path / "tree")
    error = info(capsys, tmp_path, status=1)
    assert f"{tmp_path}/tree: tree of " in error
    assert " pdfs, final.mdl has 384\n  fix: copy tree and final.mdl of one training" in error


def test_a_gmm_in_training(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_monophones(tmp_path / "mono", make_lang(tmp_path))
    (tmp_path / "mono/final.mdl").unlink()
    (tmp_path / "mono/cmvn_opts").write_text("\n")
    assert "mono: GMM model directory\n  no final.mdl\n  tree: " in info(capsys, tmp_path / "mono")
    (tmp_path / "mono" / CHECKPOINT).touch()
    assert "  no final.mdl: the training is not finished\n" in info(capsys, tmp_path / "mono")


def test_a_dictionary(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_lang(tmp_path)
    text = info(capsys, tmp_path / "dict")
    assert "dict: dictionary directory: 5 words, 6 pronunciations\n" in text
    assert "  phones: 5 and 2 of silence, 2 extra questions; optional silence: SIL\n" in text
    (tmp_path / "dict/lexicon.txt").write_text("A B\n")
    assert "line 1: 'A' has the phone 'B'" in info(capsys, tmp_path / "dict", status=1)


def test_a_lang_directory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_lang(tmp_path)
    text = info(capsys, tmp_path / "lang")
    assert "lang: lang directory: 5 words\n" in text
    assert "  phones: 20 and 10 of silence, 4 disambiguation symbols; optional silence: SIL\n" in text
    assert "  words without pronunciation become <UNK>\n" in text
    assert "  topology: 30 phones, 20 of 3 states, 10 of 5 states\n" in text
    assert "  L.fst: transducer: " in text
    assert "  made by: " in text
    (tmp_path / "lang/L.fst").write_bytes(b"")
    assert "L.fst: not a graph" in info(capsys, tmp_path / "lang", status=1)


def test_a_lang_directory_of_kaldis(capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    text = info(capsys, shared / AN4 / "data/lang_test")
    assert "  phones: 132 and 10 of silence, 4 disambiguation symbols; optional silence: SIL\n" in text
    assert "  trees: 35 roots, 11 extra questions\n" in text
    assert "  G.fst: transducer: 1246 states, 5046 arcs" in text


def test_a_graph_and_a_language_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_lang(tmp_path)
    lang, arpa, graph = tmp_path / "lang", tmp_path / "lm.arpa.gz", tmp_path / "graph"
    (tmp_path / "text").write_text("TO TOOTH\nTOO A\n")
    graph_lm.run(graph_lm.Options(text=tmp_path / "text", out=arpa, plain=True, order=2))
    text = info(capsys, arpa)
    assert "lm.arpa.gz: language model: 2-grams, vocabulary of 6\n  1-grams: 6\n  2-grams: 6\n" in text
    write_monophones(tmp_path / "mono", read_lang_dir(lang))
    graph_hclg.run(graph_hclg.Options(lang=lang, model=tmp_path / "mono", out=graph, lm=arpa))
    text = info(capsys, graph)
    assert "graph: graph directory\n  HCLG.fst: transducer: " in text
    assert "  words.txt: 9 symbols\n" in text
    assert "  silence phones: 1:2:3:4:5:6:7:8:9:10\n" in text
    assert "  disambiguation symbols: 4\n" in text
    assert "  made by: " in text
    (graph / "words.txt").write_text("<eps> 0\nA 1\n")
    assert "words.txt: no word 5, which the graph has on its arcs" in info(capsys, graph, status=1)


def test_a_compressed_graph(capsys: pytest.CaptureFixture[str], shared: Path, tmp_path: Path) -> None:
    graph = shared / AN4 / "exp/tri3b/graph"
    with gzip.open(tmp_path / "HCLG.fst.gz", "wb", 1) as file:
        file.write((graph / "HCLG.fst").read_bytes())
    shutil.copyfile(graph / "words.txt", tmp_path / "words.txt")
    assert "  HCLG.fst.gz: transducer: 35412 states, 87304 arcs, " in info(capsys, tmp_path)
    assert "HCLG.fst.gz: transducer: 35412 states" in info(capsys, tmp_path / "HCLG.fst.gz")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("data/lang_test/topo", "topology: 142 phones, 132 of 3 states, 10 of 5 states"),
        ("data/lang_test/words.txt", "symbol table: 107 symbols, '<eps>' to '</s>'"),
        (
            "data/lang_test/L.fst",
            "transducer: 443 states, 707 arcs, input labels to 141, output labels to 103",
        ),
        ("data/lm.arpa.gz", "language model: 3-grams, vocabulary of 103\n  1-grams: 103\n  2-grams: 1198\n"),
        ("exp/tri3b/tree", "tree: 384 pdfs, 1 phones of context to the left, 1 to the right"),
        ("exp/tri3b/questions.qst", "questions of a tree\n  pdf class: 4 sets\n  position 0: "),
        ("golden/tree.txt", "tree: 384 pdfs, 1 phones of context to the left, 1 to the right"),
        (
            "exp/nnet1_student_ce",
            "directory of Kaldi's nnet1\n  final.nnet: nnet1 network: 10 components, 1,210,752",
        ),
        (
            "exp/nnet1_student_ce/final.feature_transform",
            "nnet1 network: 3 components, 891 numbers\n  Splice: 40",
        ),
        ("exp/tri3b/decode_dt05_simu", "decode directory without lattices\n  trans.1: matrices: 4 entries"),
        (
            "exp/tri3b/decode_dt05_simu/",
            "  WER: 23.12 % [554/2396] at best (LM weight and insertion penalty 8_1.0)",
        ),
    ],
)
def test_what_kaldi_made(capsys: pytest.CaptureFixture[str], shared: Path, path: str, words: str) -> None:
    assert words in info(capsys, f"{shared}/{AN4}/{path}")


def test_mfcc(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "mfcc"
    write_texts(data, {"s_1": "ONE", "s_2": "ONE TWO", "t_1": "TWO"})
    with open_matrix_writer(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as write:
        for utt_id in ("s_1", "s_2", "t_1"):
            write(utt_id, np.ones((4, 13), np.float32))
    statistics = {speaker: np.full((2, 14), frames) for speaker, frames in (("s", 8.0), ("t", 4.0))}
    write_cmvn(f"ark,scp:{data}/cmvn.ark,{data}/cmvn.scp", statistics)
    (data / "wav.scp").write_text("".join(f"{utt_id} {utt_id}.wav\n" for utt_id in ("s_1", "s_2", "t_1")))
    RunRecord(data, data / "features.json", PROVENANCE, {}).write()
    text = info(capsys, data)
    assert "mfcc: data directory: 3 utterances of 2 speakers\n  text: 4 words\n" in text
    assert "  audio: 3 recordings (not read)\n" in text
    assert "    frames: 12 in all, 4 an entry\n    coefficients: 13\n" in text
    assert "  CMVN statistics: 2 speakers, 12 frames\n" + MADE_BY in text


def test_a_broken_record_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_lang(tmp_path)
    (tmp_path / "lang/provenance.json").write_text('{"argv": "x"}\n')
    error = info(capsys, tmp_path / "lang", status=1)
    assert "provenance.json: argv or commit is not as hybrid-kd writes it" in error
