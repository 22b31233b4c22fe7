"""G.fst beside Kaldi's, and ARPA files that are not what they should be."""

import dataclasses
import gzip
import logging
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.fst_arrays import read_fst, to_arrays
from hybrid_kd.graph.grammar import make_grammar
from tests.graph.languages import DAMAGED_GZIP

pytestmark = pytest.mark.numerical

ARPA = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1\t</s>
-99\t<s>\t-0.3
-1\tYES\t-0.2
-1\tPERHAPS\t-0.1

\\2-grams:
-0.5\t<s> PERHAPS
-0.3\t<s> YES

\\end\\
"""


def test_the_grammar_is_kaldis_arc_for_arc(shared: Path) -> None:
    data = shared / "kaldi-an4/data"
    ours = to_arrays(make_grammar(data / "lm.arpa.gz", data / "lang_test/words.txt", backoff_id=104))
    kaldis = to_arrays(read_fst(data / "lang_test/G.fst", fix=""))
    for field in dataclasses.fields(kaldis):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(kaldis, field.name))


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("<eps> 0\nNO 1\nYES 2\n#0 3\n<s> 4\n</s> 5\n")
    return path


def test_ngrams_with_words_that_the_lexicon_lacks_are_named(
    tmp_path: Path, words: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lm.arpa").write_text(ARPA)
    with caplog.at_level(logging.WARNING):
        grammar = make_grammar(tmp_path / "lm.arpa", words, backoff_id=3)
    assert "left out 2 n-grams with 1 words that words.txt lacks (PERHAPS)" in caplog.text
    assert set(to_arrays(grammar).ilabels.tolist()) == {2, 3}


@pytest.mark.parametrize(
    "content",
    ["", "no model", ARPA.replace("\\end\\", ""), ARPA.replace("-0.3\t<s> YES", "-0.3\tYES")],
)
def test_what_is_no_arpa_file_is_named(tmp_path: Path, words: Path, content: str) -> None:
    """The library would end the process."""
    (tmp_path / "lm.arpa").write_text(content)
    with pytest.raises(HybridKdError, match=r"lm.arpa: not an ARPA language model"):
        make_grammar(tmp_path / "lm.arpa", words, backoff_id=3)


@pytest.mark.parametrize("damage", DAMAGED_GZIP)
def test_a_damaged_gzip_file_is_named(tmp_path: Path, words: Path, damage: str) -> None:
    (tmp_path / "lm.arpa.gz").write_bytes(DAMAGED_GZIP[damage](gzip.compress(ARPA.encode())))
    with pytest.raises(HybridKdError, match=rf"lm.arpa.gz: .*the gzip data is {damage}"):
        make_grammar(tmp_path / "lm.arpa.gz", words, backoff_id=3)


def test_a_probability_beyond_float32_is_named(tmp_path: Path, words: Path) -> None:
    (tmp_path / "lm.arpa").write_text(ARPA.replace("-0.3\t<s> YES", "3e38\t<s> YES"))
    with pytest.raises(
        HybridKdError, match=r"lm.arpa: as a transducer, state . of . has an arc .* cost -inf"
    ):
        make_grammar(tmp_path / "lm.arpa", words, backoff_id=3)


def test_a_missing_file_is_named(tmp_path: Path, words: Path) -> None:
    with pytest.raises(HybridKdError, match=r"lm.arpa: cannot be read: .*No such file"):
        make_grammar(tmp_path / "lm.arpa", words, backoff_id=3)


def test_a_grammar_in_another_case_is_refused(tmp_path: Path, words: Path) -> None:
    (tmp_path / "lm.arpa").write_text(ARPA.replace("YES", "yes").replace("PERHAPS", "perhaps"))
    with pytest.raises(HybridKdError, match=r"lm\.arpa: no word in common with .*words\.txt\n  fix: write"):
        make_grammar(tmp_path / "lm.arpa", words, backoff_id=3)


def test_ngrams_without_their_history_are_counted(
    tmp_path: Path, words: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arpa = ARPA.replace("ngram 2=2", "ngram 2=2\nngram 3=1")
    (tmp_path / "lm.arpa").write_text(arpa.replace("\\end", "\\3-grams:\n-0.2\tYES YES YES\n\n\\end"))
    with caplog.at_level(logging.WARNING):
        make_grammar(tmp_path / "lm.arpa", words, backoff_id=3)
    assert "lm.arpa: left out 1 n-grams whose history is not in the model" in caplog.text
