"""Ids as file names never leave their directory."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.file_names import file_of_id


@pytest.mark.parametrize("id_", ["u1", "a b", "..x", "x..", "u\u00e9", "-"])
def test_an_ordinary_id_is_a_name(id_: str) -> None:
    assert file_of_id(Path("d"), id_, suffix=".wav", place="mix.tsv") == Path("d") / f"{id_}.wav"


@pytest.mark.parametrize("id_", ["", ".", "..", "../x", "../../x", "/etc/x", "a/b", "a\0b", "x" * 256])
def test_what_would_leave_the_directory_is_refused(id_: str) -> None:
    with pytest.raises(HybridKdError, match=r"mix\.tsv: the name .*\n  fix: use a short name"):
        file_of_id(Path("d"), id_, place="mix.tsv")
