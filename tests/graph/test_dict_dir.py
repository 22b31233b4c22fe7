"""Dictionary directories: what is read and what is refused."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.dict_dir import Pronunciation, read_dict_dir
from tests.graph.languages import write_dict


def test_a_dictionary_is_read(tmp_path: Path) -> None:
    dictionary = read_dict_dir(write_dict(tmp_path))
    assert dictionary.lexicon[1] == Pronunciation("TO", 1.0, ("T", "UW"))
    assert dictionary.nonsilence_phones == (("AH", "EY"), ("T",), ("TH",), ("UW",))
    assert dictionary.optional_silence == "SIL"
    assert dictionary.extra_questions == (("SIL", "SPN"), ("T", "TH"))


def test_extra_questions_may_be_missing(tmp_path: Path) -> None:
    assert read_dict_dir(write_dict(tmp_path, extra_questions="")).extra_questions == ()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"lexicon": ""}, r"lexicon.txt: cannot be read: No such file"),
        ({"lexicon": "\n"}, r"lexicon.txt: empty"),
        ({"lexicon": "TO T UW\nTOE T OW\n"}, r"line 2: 'TOE' has the phone 'OW', which no phone list has"),
        ({"lexicon": "TO\n"}, r"line 1: 'TO' has no pronunciation"),
        ({"lexicon": "TO T UW\nTO T  UW\n"}, r"line 2: 'TO T UW' comes twice"),
        ({"lexicon": "<s> T\n"}, r"'<s>' cannot be a word"),
        ({"lexicon": "#0 T\n"}, r"'#0' cannot be a word"),
        ({"lexiconp": "TO T UW\n"}, r"lexiconp.txt: line 1: 'T' is not a probability"),
        ({"lexiconp": "TO 1.5 T UW\n"}, r"'1.5' is not a probability in \(0, 1\]"),
        ({"lexiconp": "TO\n"}, r"'nothing' is not a probability"),
        ({"silence_phones": ""}, r"silence_phones.txt: cannot be read"),
        ({"nonsilence_phones": "\n"}, r"nonsilence_phones.txt: empty"),
        ({"nonsilence_phones": "AH EY\nT\nTH\nUW\nSIL\n"}, r"phone 'SIL' comes twice"),
        ({"nonsilence_phones": "AH EY\nT\nTH\nUW\nT_B\n"}, r"phone 'T_B' comes twice \(word positions"),
        ({"nonsilence_phones": "AH EY\nT\nTH\nUW\n#1\n"}, r"'#1' cannot be a phone's name"),
        ({"optional_silence": "T\n"}, r"optional_silence.txt: expected one phone of silence_phones.txt"),
        ({"optional_silence": "SIL SPN\n"}, r"found 'SIL SPN'"),
        ({"extra_questions": "T OW\n"}, r"extra_questions.txt: phones that no phone list has: OW"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, str], match: str) -> None:
    with pytest.raises(HybridKdError, match=match):
        read_dict_dir(write_dict(tmp_path, **changes))


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="nowhere: no such directory"):
        read_dict_dir(tmp_path / "nowhere")


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    write_dict(tmp_path)
    (tmp_path / "lexicon.txt").write_bytes(b"T\xff T\n")
    with pytest.raises(HybridKdError, match=r"lexicon.txt: line 1 is not UTF-8"):
        read_dict_dir(tmp_path)


def test_lexicons_that_differ_are_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As utils/validate_dict_dir.pl does: one was made of the other before that was edited."""
    write_dict(tmp_path)
    lines = [line.split() for line in (tmp_path / "lexicon.txt").read_text().splitlines() if line.strip()]
    weighted = "".join(f"{word} 0.5 {' '.join(phones)}\n" for word, *phones in lines)
    (tmp_path / "lexiconp.txt").write_text(weighted)
    assert {entry.probability for entry in read_dict_dir(tmp_path).lexicon} == {0.5}
    silprob = "".join(f"{word} 0.5 0.1 1 1 {' '.join(phones)}\n" for word, *phones in lines)
    (tmp_path / "lexiconp_silprob.txt").write_text(silprob)
    read_dict_dir(tmp_path)
    assert "lexiconp_silprob.txt: not used (probabilities of silence); lexiconp.txt is read" in caplog.text
    with (tmp_path / "lexicon.txt").open("a") as file:
        file.write(f"tub {lines[-1][1]}\n")
    with pytest.raises(HybridKdError, match=r"lexicon\.txt: line \d+: 'tub .*' is not in lexiconp\.txt\n"):
        read_dict_dir(tmp_path)
    (tmp_path / "lexicon.txt").write_text("".join(f"{' '.join(line)}\n" for line in lines[1:]))
    with pytest.raises(HybridKdError, match=r"lexiconp\.txt: '.*' is not in lexicon\.txt"):
        read_dict_dir(tmp_path)


def test_white_space_that_is_not_ascii_is_refused(tmp_path: Path) -> None:
    write_dict(tmp_path)
    content = (tmp_path / "lexicon.txt").read_text()
    (tmp_path / "lexicon.txt").write_text(content.replace(" ", "\u00a0", 1))
    with pytest.raises(HybridKdError, match=r"lexicon\.txt: line 1 holds U\+00A0 \(NO-BREAK SPACE\)"):
        read_dict_dir(tmp_path)


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    write_dict(tmp_path)
    before = read_dict_dir(tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_dict_dir(tmp_path) == before
