"""Damage: what disks, editors, interrupted copies and other programs do to a file, and what an enemy would.

All chance comes from one generator, so that a seed and a number give the same mutant again. Inside of gzip
files is damaged before they are packed; inside of JSON, values are replaced by others.
"""

import gzip
import json
import random
import re
import struct
from collections.abc import Callable
from typing import Any

BORDERS = (0, 1, -1, 2, 255, 65535, 2**31 - 1, -(2**31), 2**20, -2, 2**24)
LONG_BORDERS = (*BORDERS, 2**63 - 1, -(2**63), 2**32, 2**40)
FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e30, -1e30, 1e-45, 3.4e38, -1.0)
TOKENS = (
    *(b"", b"0", b"-1", b"1", b"2147483647", b"-2147483648", b"4294967296", b"9999999999", b"9" * 400),
    *(b"nan", b"inf", b"-inf", b"1e400", b"1e-400", b"-1e30", b"0x10", b"1_0", b"1.5", b".", b"+", b"--"),
    *(b"[", b"]", b"{", b"}", b"<", b">", b"\\", b'"', b"'", b"\t", b"\n\n", b"\r\n", b" ", b"\0", b"#"),
    *(b"null", b"true", b"[]", b"{}", b"[[[[", b"- a", b"a: b", b"&a *a", b"!!python/none", b"<eps>", b"#0"),
    *(b"../../x", b"--help", b"cat x |", b"\xff", b"\xc3", b"\xc2\xa0", b"\xe3\x80\x80", b"\xef\xbb\xbf"),
    *(b"\xe2\x80\xa8", b"\xd9\xa3", b"\xc2\xb2", b"A" * 5000, b"\xed\xa0\x80", b"\x1c"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "nan", "-1", "1e5", "../x", "\ud800", [], {}, [1], ["x"], [[]], {"x": 1}, [None]),
)
WORD = re.compile(rb"[^\s,:=\[\]{}<>\"']+")
INTEGER_LAYOUTS = ("<i", "<q", "<h", ">i")


def mutate(content: bytes, name: str, chance: random.Random) -> tuple[bytes, str]:
    """Damage the content of a file of that name in one or a few ways; what was done, in words."""
    if name.endswith(".gz") and chance.random() < 0.8:
        inside, words = mutate(gzip.decompress(content), name.removesuffix(".gz"), chance)
        return gzip.compress(inside, 1, mtime=0), f"inside of gzip: {words}"
    if name.endswith(".safetensors"):
        content = without_checksum(content)
    done = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        change = chance.choice(_changes(content, name))
        content = change(content, chance)
        done.append(change.__name__.strip("_"))
    return content, ", ".join(done)


Change = Callable[[bytes, random.Random], bytes]


def without_checksum(content: bytes) -> bytes:
    """A safetensors file without the sha256 in its metadata, which would hide damage from what reads it."""
    try:
        end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:end])
        if not header["__metadata__"].pop("sha256", None):
            return content
    except (ValueError, KeyError, TypeError, AttributeError):
        return content
    packed = json.dumps(header).encode()
    return len(packed).to_bytes(8, "little") + packed + content[end:]


def _changes(content: bytes, name: str) -> list[Change]:
    """The ways that make sense for a content, likely ones several times."""
    if not content:
        return [_append]
    changes: list[Change] = [_flip_bit, _set_bytes, _insert, _delete, _truncate, _repeat_block, _swap_blocks]
    changes += [_append, _empty] if len(content) < 50 else [_append]
    if b"\0" in content[:1000] or name.endswith(".safetensors"):
        changes += [_set_integer, _set_integer, _set_integer, _set_float]
        changes += [_damage_header] * 5 if name.endswith(".safetensors") else []
    else:
        changes += [_replace_token, _replace_token, _replace_token, _copy_token]
        changes += [_delete_line, _repeat_line, _swap_lines, _insert_token]
    if name.endswith((".json", ".jsonl")):
        changes += [_damage_json] * 8
    return changes


def _span(content: bytes, chance: random.Random, longest: int = 64) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(len(content), start + chance.randint(1, longest))


def _flip_bit(content: bytes, chance: random.Random) -> bytes:
    changed, place = bytearray(content), chance.randrange(len(content))
    changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _set_bytes(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance, 4)
    return content[:start] + chance.randbytes(end - start) + content[end:]


def _insert(content: bytes, chance: random.Random) -> bytes:
    start, _ = _span(content, chance)
    return content[:start] + chance.randbytes(chance.choice((1, 1, 2, 4, 8, 30))) + content[start:]


def _append(content: bytes, chance: random.Random) -> bytes:
    return content + chance.choice((*TOKENS, chance.randbytes(8), content[:100]))


def _delete(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance, chance.choice((1, 4, 100, len(content))))
    return content[:start] + content[end:]


def _truncate(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _empty(_: bytes, __: random.Random) -> bytes:
    return b""


def _repeat_block(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance, chance.choice((4, 16, 100, len(content))))
    return content[:end] + content[start:end] * chance.choice((1, 1, 2, 20)) + content[end:]


def _swap_blocks(content: bytes, chance: random.Random) -> bytes:
    cuts = sorted(chance.randrange(len(content) + 1) for _ in range(3))
    return content[: cuts[0]] + content[cuts[1] : cuts[2]] + content[cuts[0] : cuts[1]] + content[cuts[2] :]


def _set_integer(content: bytes, chance: random.Random) -> bytes:
    layout = chance.choice(INTEGER_LAYOUTS)
    size = struct.calcsize(layout)
    if len(content) < size:
        return content
    start = chance.randrange(min(len(content) - size + 1, chance.choice((100, len(content)))))
    value = chance.choice(LONG_BORDERS if size == 8 else BORDERS)
    mask = (1 << 8 * size) - 1
    packed = (value & mask).to_bytes(size, "big" if layout[0] == ">" else "little")
    return content[:start] + packed + content[start + size :]


def _set_float(content: bytes, chance: random.Random) -> bytes:
    if len(content) < 4:
        return content
    start = chance.randrange(len(content) - 3)
    return content[:start] + struct.pack("<f", chance.choice(FLOATS)) + content[start + 4 :]


def _token(content: bytes, chance: random.Random) -> tuple[int, int]:
    """A word that begins near a random place, which a long file makes cheap."""
    found = WORD.search(content, chance.randrange(len(content))) or WORD.search(content)
    return found.span() if found else (0, 0)


def _replace_token(content: bytes, chance: random.Random) -> bytes:
    start, end = _token(content, chance)
    return content[:start] + chance.choice(TOKENS) + content[end:]


def _copy_token(content: bytes, chance: random.Random) -> bytes:
    (start, end), (first, last) = _token(content, chance), _token(content, chance)
    return content[:start] + content[first:last] + content[end:]


def _insert_token(content: bytes, chance: random.Random) -> bytes:
    start, _ = _token(content, chance)
    return content[:start] + chance.choice(TOKENS) + chance.choice((b"", b" ", b"\n")) + content[start:]


def _lines(content: bytes, change: Callable[[list[bytes]], None]) -> bytes:
    lines = content.splitlines(keepends=True)
    change(lines)
    return b"".join(lines)


def _delete_line(content: bytes, chance: random.Random) -> bytes:
    return _lines(content, lambda lines: lines.__delitem__(chance.randrange(len(lines))))


def _repeat_line(content: bytes, chance: random.Random) -> bytes:
    def change(lines: list[bytes]) -> None:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))

    return _lines(content, change)


def _swap_lines(content: bytes, chance: random.Random) -> bytes:
    def change(lines: list[bytes]) -> None:
        first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[first], lines[second] = lines[second], lines[first]

    return _lines(content, change)


def _damage_json(content: bytes, chance: random.Random) -> bytes:
    """Replace, rename or delete a value somewhere in one of the lines, or in the whole."""
    for start, end in _json_spans(content, chance):
        try:
            value = json.loads(content[start:end])
        except ValueError:
            continue
        text = json.dumps(_damaged(value, chance), indent=None)
        return content[:start] + text.encode("utf-8", "surrogatepass") + content[end:]
    return _flip_bit(content, chance)


def _json_spans(content: bytes, chance: random.Random) -> list[tuple[int, int]]:
    spans, start = [(0, len(content))], 0
    for line in content.splitlines(keepends=True):
        spans.append((start, start + len(line.rstrip())))
        start += len(line)
    chance.shuffle(spans)
    return spans


def _damaged(value: Any, chance: random.Random) -> Any:
    """A copy with one change, as deep as chance goes."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        return _damaged_object(value, chance)
    if isinstance(value, list) and value and chance.random() < 0.8:
        index = chance.randrange(len(value))
        changed = chance.choice(([], [value[index]] * 2, *[[_damaged(value[index], chance)]] * 2))
        return [*value[:index], *changed, *value[index + 1 :]]
    return chance.choice(VALUES)


def _damaged_object(value: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A key is missing or has another name, or a value is damaged."""
    key = chance.choice(sorted(value))
    match chance.randrange(8):
        case 0:
            return {name: item for name, item in value.items() if name != key}
        case 1:
            return {f"{name}x" if name == key else name: item for name, item in value.items()}
        case _:
            return {**value, key: _damaged(value[key], chance)}


def _damage_header(content: bytes, chance: random.Random) -> bytes:
    """The JSON at the head of a safetensors file, or the JSON in the strings of its metadata."""
    try:
        end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:end])
        metadata = header.get("__metadata__")
        if isinstance(metadata, dict) and metadata and chance.random() < 0.7:
            name = chance.choice(sorted(metadata))
            metadata[name] = json.dumps(_damaged(json.loads(metadata[name]), chance))
        else:
            header = _damaged(header, chance)
    except (ValueError, TypeError, AttributeError):
        return _flip_bit(content, chance)
    packed = json.dumps(header).encode("utf-8", "surrogatepass")
    return len(packed).to_bytes(8, "little") + packed + content[end:]
