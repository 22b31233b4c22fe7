"""Kneser-Ney training, pruning and ARPA files."""

import gzip
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.arpa import read_arpa, write_arpa
from hybrid_kd.graph.kneser_ney import discounts_of_counts, train_kneser_ney
from hybrid_kd.graph.language_model import LanguageModelOptions, make_language_model
from hybrid_kd.graph.ngram import (
    NgramModel,
    fit_of_text,
    log10_probs_of_ngrams,
    log10_probs_of_tokens,
)
from hybrid_kd.graph.ngram_counts import (
    BOS,
    EOS,
    NONE,
    count_ngrams,
    make_vocabulary,
    read_sentences,
    read_vocabulary,
    tokenize,
)
from hybrid_kd.graph.ngram_pruning import prune_ngrams
from tests.graph.languages import DAMAGED_GZIP
from tests.graph.ngram_sums import histories, total_probability

SENTENCES = st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=30)


def train(sentences: list[list[str]], order: int, words: str = "abcde") -> NgramModel:
    vocabulary = make_vocabulary(list(words))
    return train_kneser_ney(tokenize(sentences, vocabulary), vocabulary, order=order)


def probability(model: NgramModel, ngram: str) -> float:
    """Of the last word of ``ngram`` after the others."""
    numbers = [model.vocabulary.numbers[word] for word in ngram.split()]
    return float(10 ** log10_probs_of_ngrams(model, np.array([numbers]))[0])


def test_a_small_model_is_what_pencil_and_paper_give() -> None:
    """Texts: a b / a c / a b b. Bigrams: <s>a 3, ab 2, ac 1, bb 1, b</s> 2, c</s> 1; as suffixes: a 1 (<s>),
    b 2 (a, b), c 1, </s> 2 (b, c), 6 in all. n1 = 3, n2 = 2 for bigrams: Y = 3 / 7, n4 = 0: plain, D = Y;
    unigrams n1 = 2, n2 = 2: Y = 2 / 6, n3 = 0: plain.
    """
    model = train([["a", "b"], ["a", "c"], ["a", "b", "b"]], 2, "abcd")
    one, two = 1 / 3, 3 / 7
    left = 4 * one / 6  # four words were discounted
    unigram = {
        word: (count - one) / 6 + left / 5 for word, count in {"a": 1, "b": 2, "c": 1, "</s>": 2}.items()
    }
    unigram["d"] = left / 5
    for word, expected in unigram.items():
        assert probability(model, word) == pytest.approx(expected)
    assert probability(model, "a b") == pytest.approx((2 - two) / 3 + 2 * two / 3 * unigram["b"])
    assert probability(model, "a a") == pytest.approx(2 * two / 3 * unigram["a"])
    assert probability(model, "<s> a") == pytest.approx((3 - two) / 3 + two / 3 * unigram["a"])
    assert probability(model, "d b") == pytest.approx(unigram["b"])


@settings(max_examples=60)
@given(SENTENCES, st.integers(1, 4), st.sampled_from([0.0, 1e-4, 1e-2, 0.1, 0.9]))
def test_probabilities_sum_to_one_after_every_history(
    sentences: list[list[str]], order: int, prune: float
) -> None:
    model = train(sentences, order)
    model = prune_ngrams(model, threshold=prune) if prune else model
    for history in [*histories(model), (BOS,), (2, 3, 4), (6, 6)]:
        assert total_probability(model, history) == pytest.approx(1)


def test_ngrams_after_the_start_keep_their_counts_and_others_count_contexts() -> None:
    tables = count_ngrams(tokenize([["a", "b"], ["a", "b"]], make_vocabulary(["a", "b"])), 4, 3)
    bigrams = list(
        zip(tables[1].contexts.tolist(), tables[1].words.tolist(), tables[1].counts.tolist(), strict=True)
    )
    assert bigrams == [(BOS, 2, 2), (2, 3, 2), (3, EOS, 2)]
    assert tables[1].from_start.tolist() == [True, False, False]
    assert tables[2].contexts.tolist() == [0, 1]
    assert tables[2].suffixes.tolist() == [1, 2]


def test_words_outside_of_the_vocabulary_break_ngrams() -> None:
    vocabulary = make_vocabulary(["a", "b"])
    tokens = tokenize([["a", "x", "b", "x"]], vocabulary)
    assert tokens.words.tolist() == [BOS, 2, NONE, 3, NONE, EOS]
    assert tokens.strangers == {"x": 2}
    tables = count_ngrams(tokens, len(vocabulary), 3)
    assert tables[1].words.tolist() == [2]
    assert not len(tables[2].words)


def test_sentence_symbols_in_a_text_are_no_words() -> None:
    tokens = tokenize([["<s>", "a", "</s>"]], make_vocabulary(["a"]))
    assert tokens.words.tolist() == [BOS, NONE, 2, NONE, EOS]


def test_modified_discounts_are_chen_and_goodmans() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [50, 20, 10, 6, 3])
    y = 50 / 90
    expected = [0, 1 - 2 * y * 20 / 50, 2 - 3 * y * 10 / 20, 3 - 4 * y * 6 / 10]
    np.testing.assert_allclose(discounts_of_counts(counts, name="x"), expected)


@pytest.mark.parametrize(
    ("counts", "expected", "kind"), [([1, 1, 1, 2], 0.6, "plain"), ([2, 2, 4], 0.5, "few counts")]
)
def test_small_texts_get_one_discount_and_the_log_says_so(
    counts: list[int], expected: float, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        discounts = discounts_of_counts(np.array(counts), name="2-grams")
    np.testing.assert_allclose(discounts[1:], expected)
    assert f"({kind})" in caplog.text


def test_pruning_raises_the_training_texts_perplexity_by_little() -> None:
    sentences = [[*"abcab"], [*"abd"], [*"bca"], [*"abcd"], [*"dab"]] * 3 + [[*"acb"], [*"ddd"]]
    model = train(sentences, 3)
    tokens = tokenize(sentences, model.vocabulary)
    pruned = prune_ngrams(model, threshold=0.005)
    sizes = [[len(table.words) for table in each.tables] for each in (model, pruned)]
    assert 0 < sizes[1][2] < sizes[0][2]
    ratio = fit_of_text(pruned, tokens).perplexity / fit_of_text(model, tokens).perplexity
    assert 1 < ratio < 1.15


def test_all_is_pruned_down_to_unigrams() -> None:
    assert prune_ngrams(train([[*"abc"], [*"ab"]], 3), threshold=100.0).order == 1


def test_perplexity_counts_sentence_ends_and_no_strangers() -> None:
    model = train([["a", "b"], ["a", "c"]], 2)
    tokens = tokenize([["a", "x", "b"]], model.vocabulary)
    fit = fit_of_text(model, tokens)
    log10_probs = log10_probs_of_tokens(model, tokens)
    assert np.isnan(log10_probs[[0, 2]]).all()
    assert log10_probs[1] == pytest.approx(math.log10(probability(model, "<s> a")))
    assert log10_probs[3] == pytest.approx(math.log10(probability(model, "b")))
    assert (fit.num_words, fit.num_sentences, fit.num_strangers) == (3, 1, 1)
    assert fit.perplexity == pytest.approx(10 ** (-np.nansum(log10_probs) / 3))


@settings(max_examples=30)
@given(SENTENCES, st.integers(1, 3))
def test_a_text_has_the_product_of_its_ngrams_probabilities(sentences: list[list[str]], order: int) -> None:
    model = train(sentences, order)
    tokens = tokenize([["a", "b", "e", "a"]], model.vocabulary)
    words = tokens.words.tolist()
    expected = [
        log10_probs_of_ngrams(model, np.array([words[max(0, end - order + 1) : end + 1]]))[0]
        for end in range(1, len(words))
    ]
    np.testing.assert_allclose(log10_probs_of_tokens(model, tokens)[1:], expected)


@pytest.mark.parametrize("name", ["lm.arpa", "lm.arpa.gz"])
def test_an_arpa_file_gives_the_model_back(tmp_path: Path, name: str) -> None:
    model = prune_ngrams(train([[*"abcab"], [*"abd"], [*"bca"], []], 3), threshold=1e-3)
    write_arpa(tmp_path / name, model)
    again = read_arpa(tmp_path / name)
    assert again.vocabulary == model.vocabulary
    for one, other in zip(again.tables, model.tables, strict=True):
        np.testing.assert_array_equal(one.contexts, other.contexts)
        np.testing.assert_array_equal(one.words, other.words)
        np.testing.assert_allclose(one.log10_probs, other.log10_probs, atol=1e-7)
        np.testing.assert_allclose(one.log10_backoffs, other.log10_backoffs, atol=1e-7)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz"):
        write_arpa(tmp_path / name, train([[*"abcab"]], 2))
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


def test_kaldis_language_model_is_read_and_sums_to_one(shared: Path) -> None:
    model = read_arpa(shared / "kaldi-an4/data/lm.arpa.gz")
    assert [len(table.words) for table in model.tables] == [103, 1198, 2877]
    for history in list(histories(model))[::40]:
        if EOS not in history:
            assert total_probability(model, history) == pytest.approx(1, abs=1e-4)


def test_our_model_of_an4_predicts_it_better_than_the_experiments(shared: Path) -> None:
    """It has as many n-grams as that of the experiment; a recording's copies in noise count once."""
    data = shared / "kaldi-an4/data"
    vocabulary = read_vocabulary(data / "vocab")
    sentences = read_sentences(data / "tr05_multi/text", name_of=lambda utt_id: utt_id.rsplit("_", 2)[0])
    model = train_kneser_ney(tokenize(sentences, vocabulary), vocabulary, order=3)
    tokens = tokenize(read_sentences(data / "dt05_simu/text", name_of=str), vocabulary)
    kaldis = read_arpa(data / "lm.arpa.gz")
    assert [len(t.words) for t in model.tables] == [len(t.words) for t in kaldis.tables]
    assert fit_of_text(model, tokens).perplexity < 16.2 < fit_of_text(kaldis, tokens).perplexity


ARPA = """\\data\\
ngram 1=3
ngram 2=1

\\1-grams:
-99\t<s>\t-0.1
-0.3\t</s>
-0.3\ta

\\2-grams:
-0.2\t<s> a

\\end\\
"""


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("\\end\\", "", r"\\data\\ or \\end\\ is missing"),
        ("ngram 2=1", "ngram 2=2", r"\[3, 1\] n-grams where \\data\\ announces \[3, 2\]"),
        ("-0.2\t<s> a", "-0.2\t<s> b", r"'b'"),
        ("-0.2\t<s> a", "-0.2\t<s>", r"among the 2-grams"),
        ("-0.2\t<s> a", "x\t<s> a", r"could not convert"),
        ("-0.3\t</s>", "</s>", r"'</s>' among the 1-grams"),
        ("-0.3\t</s>", "-0.3\tb", r"the unigrams lack </s>"),
        ("-0.3\t</s>", "-0.3\ta", r"the unigrams lack </s>"),
    ],
)
def test_a_damaged_arpa_file_is_named(tmp_path: Path, old: str, new: str, match: str) -> None:
    (tmp_path / "lm.arpa").write_text(ARPA)
    assert read_arpa(tmp_path / "lm.arpa").order == 2
    (tmp_path / "lm.arpa").write_text(ARPA.replace(old, new))
    with pytest.raises(HybridKdError, match=match):
        read_arpa(tmp_path / "lm.arpa")


@pytest.mark.parametrize("damage", DAMAGED_GZIP)
def test_a_damaged_gzip_file_is_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "lm.arpa.gz").write_bytes(DAMAGED_GZIP[damage](gzip.compress(ARPA.encode())))
    with pytest.raises(HybridKdError, match=rf"lm.arpa.gz: .*the gzip data is {damage}"):
        read_arpa(tmp_path / "lm.arpa.gz")


def test_an_arpa_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_bytes(ARPA.encode().replace(b"\ta", b"\t\xff"))
    with pytest.raises(HybridKdError, match=r"lm.arpa: not an ARPA language model: 'utf-8' codec can't"):
        read_arpa(tmp_path / "lm.arpa")


def test_a_words_txt_serves_as_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("<eps> 0\nB 1\nA 2\n#0 3\n<s> 4\n</s> 5\n")
    assert read_vocabulary(tmp_path / "words.txt").words == ("<s>", "</s>", "A", "B")


def test_a_vocabulary_without_words_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocab").write_text("<s>\n\n")
    with pytest.raises(HybridKdError, match="vocab: it holds no word"):
        read_vocabulary(tmp_path / "vocab")


def test_copies_of_an_utterance_count_once(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("u1_BUS a b\nu1_CAF a b\nu2_BUS a b\nu3_BUS\n")
    named = read_sentences(tmp_path / "text", name_of=lambda utt_id: utt_id[:2])
    assert named == [["a", "b"], ["a", "b"], []]
    assert read_sentences(tmp_path / "text")[0] == ["u1_BUS", "a", "b"]


@pytest.mark.parametrize("content", [b"", b"\n", b"u1\nu2\n"])
def test_a_text_without_words_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(HybridKdError, match="text: it holds no words"):
        read_sentences(tmp_path / "text", name_of=str)


def test_a_text_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="text: cannot be read"):
        read_sentences(tmp_path / "text")
    (tmp_path / "text").write_bytes(b"a\xff\n")
    with pytest.raises(HybridKdError, match="text: line 1 is not UTF-8"):
        read_sentences(tmp_path / "text")


def test_copies_by_speed_are_counted_in_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "text").write_text("a_1 X Y\nsp0.9-a_1 X Y\nsp1.1-a_1 X Y\n")
    assert len(read_sentences(tmp_path / "text", name_of=lambda utt_id: utt_id)) == 3
    assert "text: 2 copies at another speed or volume, such as 'sp0.9-a_1', count as new text" in caplog.text


def test_a_text_without_a_word_of_the_vocabulary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a b c\n")
    (tmp_path / "vocab").write_text("A\nB\n")
    with pytest.raises(HybridKdError, match=r"text: no word in common with .*vocab\n  fix: write both in"):
        make_language_model(
            tmp_path / "text", tmp_path / "vocab", tmp_path / "lm.arpa", LanguageModelOptions(2), name_of=None
        )
    assert not (tmp_path / "lm.arpa").exists()
