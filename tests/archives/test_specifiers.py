"""rspecifiers, wspecifiers and locations are split as Kaldi splits them."""

import pytest

from hybrid_kd.archives.specifiers import (
    Location,
    Rspecifier,
    Wspecifier,
    parse_location,
    parse_rspecifier,
    parse_wspecifier,
)
from hybrid_kd.errors import HybridKdError


@pytest.mark.parametrize(
    ("rspecifier", "expected"),
    [
        ("ark:a.ark", Rspecifier("ark", "a.ark", False)),
        ("ark:-", Rspecifier("ark", "-", False)),
        ("ark,s,cs:a:b.ark", Rspecifier("ark", "a:b.ark", False)),
        ("ark,o,ns,bg:gunzip -c x.gz|", Rspecifier("ark", "gunzip -c x.gz|", False)),
        ("scp,p:feats.scp", Rspecifier("scp", "feats.scp", True)),
        ("scp,p,np:feats.scp", Rspecifier("scp", "feats.scp", False)),
    ],
)
def test_an_rspecifier_is_split(rspecifier: str, expected: Rspecifier) -> None:
    assert parse_rspecifier(rspecifier) == expected


@pytest.mark.parametrize("rspecifier", ["", "a.ark", "ark", "ark:", "arc:a", "t,ark:a", "C:\\a.ark"])
def test_what_is_no_rspecifier_is_refused(rspecifier: str) -> None:
    with pytest.raises(HybridKdError, match="not a table to read\n  fix: write ark:PATH, scp:PATH or ark:-"):
        parse_rspecifier(rspecifier)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(HybridKdError, match="unknown option 'sorted'"):
        parse_rspecifier("ark,sorted:a.ark")
    with pytest.raises(HybridKdError, match="unknown option 'text'"):
        parse_wspecifier("ark,text:a.ark")


@pytest.mark.parametrize(
    ("wspecifier", "expected"),
    [
        ("ark:a.ark", Wspecifier("a.ark", None, True)),
        ("ark,t:-", Wspecifier("-", None, False)),
        ("ark,t,f:a.gz", Wspecifier("a.gz", None, False)),
        ("ark,scp:a.ark,a.scp", Wspecifier("a.ark", "a.scp", True)),
        ("ark,t,scp:a.ark,a.scp", Wspecifier("a.ark", "a.scp", False)),
    ],
)
def test_a_wspecifier_is_split(wspecifier: str, expected: Wspecifier) -> None:
    assert parse_wspecifier(wspecifier) == expected


@pytest.mark.parametrize("wspecifier", ["", "a.ark", "ark:", "scp:a.scp", "ark,scp:a.ark", "ark,scp:,b"])
def test_what_is_no_wspecifier_is_refused(wspecifier: str) -> None:
    with pytest.raises(HybridKdError, match="not a table to write"):
        parse_wspecifier(wspecifier)


def test_writing_to_a_command_is_refused() -> None:
    with pytest.raises(HybridKdError, match="this would run a command"):
        parse_wspecifier("ark:| gzip -c > a.gz")


@pytest.mark.parametrize("wspecifier", ["ark,scp:-,a.scp", "ark,scp:a.ark.gz,a.scp"])
def test_a_script_needs_a_plain_archive(wspecifier: str) -> None:
    with pytest.raises(HybridKdError, match="a script needs a plain archive"):
        parse_wspecifier(wspecifier)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("a.mat", Location("a.mat")),
        ("a.ark:17", Location("a.ark", 17)),
        ("a:b.ark:0", Location("a:b.ark", 0)),
        ("a.ark:17[0:9]", Location("a.ark", 17, rows=(0, 9))),
        ("a.mat[3:4,0:1]", Location("a.mat", None, rows=(3, 4), columns=(0, 1))),
        ("a.ark:1[:,0:1]", Location("a.ark", 1, columns=(0, 1))),
        ("a.ark:1[,0:1]", Location("a.ark", 1, columns=(0, 1))),
        ("copy-feats ark:a ark:- |", Location("copy-feats ark:a ark:- |")),
    ],
)
def test_a_location_is_split(location: str, expected: Location) -> None:
    assert parse_location(location) == expected


@pytest.mark.parametrize("location", ["a.ark:1[x]", "a.ark:1[1:2:3]", "a.ark:1[-1:2]", "a.ark:1[1]"])
def test_a_malformed_range_is_refused(location: str) -> None:
    with pytest.raises(HybridKdError, match="malformed range"):
        parse_location(location)
