"""Mutants: the same by seed and number, different by number, damaged where it counts."""

import gzip
import json
import random
import zlib

import numpy as np
import pytest
from safetensors.numpy import load, save

from tests.fuzz.mutations import mutate, without_checksum

JSON = b'{"a": [1, 2, {"b": "x"}], "c": null}\n'


def mutants(content: bytes, name: str, count: int = 200) -> list[bytes]:
    return [mutate(content, name, random.Random(number))[0] for number in range(count)]


@pytest.mark.parametrize("name", ["a", "a.gz", "a.json", "a.safetensors"])
def test_a_seed_gives_the_same_mutant_again_and_others_differ(name: str) -> None:
    content = {"a.gz": gzip.compress(b"u 1 2 3\n"), "a.json": JSON}.get(name, b"u 1 2 3\n")
    assert mutants(content, name) == mutants(content, name)
    assert len(set(mutants(content, name))) > 100


def test_most_gzip_files_are_damaged_inside() -> None:
    found = []
    for mutant in mutants(gzip.compress(b"u 1 2 3\n"), "a.gz"):
        try:
            found.append(gzip.decompress(mutant) != b"u 1 2 3\n")
        except (EOFError, OSError, zlib.error):
            found.append(False)
    assert 100 < sum(found) < 200


def test_many_json_files_are_still_json_but_say_something_else() -> None:
    values = []
    for mutant in mutants(JSON, "a.json"):
        try:
            values.append(json.loads(mutant))
        except ValueError:
            continue
    assert sum(value != json.loads(JSON) for value in values) > 50
    assert any("a" not in value for value in values if isinstance(value, dict))


def test_any_content_can_be_damaged() -> None:
    for content in (b"", b"x", b"\n", b"\0", b"   ", b"\xff\xfe"):
        for name in ("a", "a.json", "a.safetensors"):
            mutants(content, name, 50)


def test_a_checksum_inside_is_left_out() -> None:
    tensors = {"x": np.ones(2, np.float32)}
    content = without_checksum(save(tensors, {"sha256": "0", "state": "{}"}))
    assert b"sha256" not in content
    np.testing.assert_array_equal(load(content)["x"], tensors["x"])
