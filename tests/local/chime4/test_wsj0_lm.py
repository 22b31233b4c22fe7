"""WSJ0's language model: the disc's form; pruning by weighted difference beside a plain computation."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.arpa import read_arpa, write_arpa
from hybrid_kd.graph.kneser_ney import train_kneser_ney
from hybrid_kd.graph.ngram import NgramModel, spelled_ngrams
from hybrid_kd.graph.ngram_counts import make_vocabulary, tokenize
from local.chime4.fake_lm import compress
from local.chime4.weighted_difference import prune_by_weighted_difference
from local.chime4.wsj0_lm import read_disc_lm, without_impossible, write_pruned_trigram
from tests.graph.ngram_sums import histories, total_probability
from tests.local.chime4.conftest import ARPA

Ngram = tuple[str, ...]


@pytest.mark.parametrize("pack", [compress, gzip.compress, bytes], ids=["compress", "gzip", "plain"])
def test_the_model_is_found_below_the_explanation(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "tcb05cnp.z"
    path.write_bytes(pack(ARPA.encode()))
    model = read_disc_lm(path)
    assert [len(table.words) for table in model.tables] == [5, 5, 3]
    assert [len(table.words) for table in without_impossible(model).tables] == [5, 4, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", r"it holds no line \data\ "[:-1]),
        (b"\x1f\x9d\x90", "cannot be decompressed"),
        (gzip.compress(ARPA.encode())[:-20], "cannot be decompressed"),
        (ARPA.replace("ngram 2=5", "ngram 2=6").encode(), "not an ARPA language model"),
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "tcb05cnp.z"
    path.write_bytes(content)
    if content == b"\x1f\x9d\x90":  # an empty file in compress's form
        message = "it holds no line"
    with pytest.raises(HybridKdError, match="copy the file from the WSJ0 disc again") as caught:
        read_disc_lm(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="cannot be read"):
        read_disc_lm(tmp_path / "tcb05cnp.z")


def test_compress_writes_what_gzip_reads_at_any_length(tmp_path: Path) -> None:
    path = tmp_path / "tcb05cnp.z"
    for length in (1, 246, 247, 248, 1000):
        filler = ("x" * length + "\n").encode()
        path.write_bytes(compress(filler + ARPA.encode()))
        assert len(read_disc_lm(path).vocabulary) == 5


def drawn_model(seed: int) -> NgramModel:
    """A trigram model of a few hundred words, Zipf-distributed."""
    generator = np.random.default_rng(seed)
    words = [f"w{number}" for number in range(20)]
    vocabulary = make_vocabulary(words)
    weights = 1 / np.arange(1, 21)
    sentences = [list(generator.choice(words, 6, p=weights / weights.sum())) for _ in range(80)]
    return train_kneser_ney(tokenize(sentences, vocabulary), vocabulary, order=3)


def as_dicts(model: NgramModel) -> tuple[dict[Ngram, float], dict[Ngram, float]]:
    """log10 probabilities and backoffs by spelled n-gram."""
    probs: dict[Ngram, float] = {}
    backoffs: dict[Ngram, float] = {}
    for number, table in enumerate(model.tables):
        for row, spelled in enumerate(spelled_ngrams(model, number).tolist()):
            ngram = tuple(model.vocabulary.words[word] for word in spelled)
            probs[ngram] = table.log10_probs[row]
            backoffs[ngram] = table.log10_backoffs[row]
    return probs, backoffs


def log10_prob(ngram: Ngram, probs: dict[Ngram, float], backoffs: dict[Ngram, float]) -> float:
    if ngram in probs:
        return probs[ngram]
    return backoffs.get(ngram[:-1], 0.0) + log10_prob(ngram[1:], probs, backoffs)


def pruned_plainly(model: NgramModel, threshold: float) -> tuple[dict[Ngram, float], dict[Ngram, float]]:
    """Context by context, by the definition."""
    probs, backoffs = as_dicts(model)
    for order in (2, 3):
        for context in sorted({ngram[:-1] for ngram in probs if len(ngram) == order}):
            history = sum(probs[context[:end]] for end in range(1, order) if context[:end] != ("<s>",))
            kept_sum = lower_sum = 0.0
            for ngram in [ngram for ngram in probs if ngram[:-1] == context]:
                lower = log10_prob(ngram[1:], probs, backoffs)
                weighted = 10 ** (history + probs[ngram]) * (probs[ngram] - backoffs[context] - lower)
                if weighted > threshold:
                    kept_sum, lower_sum = kept_sum + 10 ** probs[ngram], lower_sum + 10**lower
                else:
                    for longer in [other for other in probs if other[:order] == ngram]:
                        del probs[longer]
            backoffs[context] = math.log10((1 - kept_sum) / (1 - lower_sum))
    return probs, backoffs


@pytest.mark.parametrize("threshold", [0.0, 1e-4, 1e-3])
def test_pruning_is_what_its_definition_says(threshold: float) -> None:
    """In the plain computation one context is done after the other, from the bigrams up."""
    model = drawn_model(0)
    expected_probs, expected_backoffs = pruned_plainly(model, threshold)
    probs, backoffs = as_dicts(prune_by_weighted_difference(model, threshold=threshold))
    assert probs.keys() == expected_probs.keys()
    assert (len(probs) < sum(len(table.words) for table in model.tables)) == (threshold > 0)
    np.testing.assert_allclose(
        [probs[key] for key in probs], [expected_probs[key] for key in probs], atol=1e-9
    )
    np.testing.assert_allclose(
        [backoffs[key] for key in probs], [expected_backoffs[key] for key in probs], atol=1e-9
    )


def test_probabilities_sum_to_one_after_pruning() -> None:
    pruned = prune_by_weighted_difference(drawn_model(1), threshold=1e-3)
    assert pruned.tables[2].words.size
    for history in histories(pruned):
        assert total_probability(pruned, history) == pytest.approx(1, abs=1e-6)


def test_a_context_that_leaves_nothing_over_is_scaled(tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_text(
        "\\data\\\nngram 1=3\nngram 2=2\n\n\\1-grams:\n-99 <s> -1\n-0.30103 </s>\n-0.30103 A -0.1\n\n"
        "\\2-grams:\n-0.30103 <s> A\n-0.0001 A </s>\n\n\\end\\\n"
    )
    model = read_arpa(tmp_path / "lm.arpa")
    assert as_dicts(prune_by_weighted_difference(model, threshold=0))[0]["A", "</s>"] == pytest.approx(
        -0.0001
    )
    model.tables[1].log10_probs[:] = [-0.30103, 0.001]
    scaled = as_dicts(prune_by_weighted_difference(model, threshold=0))[0]["A", "</s>"]
    assert scaled == pytest.approx(math.log10(0.999999), abs=1e-9)


def test_what_is_written_is_the_pruned_model(tmp_path: Path) -> None:
    write_arpa(tmp_path / "lm.arpa", drawn_model(2))
    (tmp_path / "tcb05cnp.z").write_bytes(compress((tmp_path / "lm.arpa").read_bytes()))
    pruned = write_pruned_trigram(tmp_path / "tcb05cnp.z", tmp_path / "out.arpa.gz", threshold=1e-3)
    again = read_arpa(tmp_path / "out.arpa.gz")
    assert [len(table.words) for table in again.tables] == [len(table.words) for table in pruned.tables]
