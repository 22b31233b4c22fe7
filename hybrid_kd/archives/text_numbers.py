"""Numbers between ASCII white space, parsed by blocks: a line may be as long as a file.

As Python objects the words of a line take twenty times its bytes. So only one block of them exists at a time,
and the numbers go into an `array`.
"""

import re
from array import array
from collections.abc import Sequence
from itertools import pairwise

from hybrid_kd.archives.byte_reader import FormatError

BLOCK_BYTES = 1 << 20
NUM_SHOWN = 60

_SPACE = re.compile(rb"[ \t\r\n\v\f]")


def extend_floats(numbers: "array[float]", text: bytes) -> None:
    """Append the numbers of a text.

    Raises: FormatError.
    """
    try:
        for block in _blocks(text):
            numbers.fromlist(list(map(float, block.split())))
    except ValueError as error:
        raise FormatError(f"something that is not a number: {error}") from None


def extend_int32s(numbers: "array[int]", text: bytes) -> None:
    """Append the integers of a text to an array of type i, which has 32 bits an item.

    Raises: FormatError.
    """
    try:
        for block in _blocks(text):
            numbers.fromlist(list(map(int, block.split())))
    except (ValueError, OverflowError):
        shown = text[:NUM_SHOWN].strip().decode("ascii", "backslashreplace")
        raise FormatError(f"not a line of 32-bit integers: {shown!r}") from None


def _blocks(text: bytes) -> Sequence[bytes]:
    """The text in pieces of about a megabyte that end at white space.

    Raises: ValueError for an underscore, which Python would allow inside a number.
    """
    if b"_" in text:
        raise ValueError("an underscore")
    if len(text) <= BLOCK_BYTES:
        return [text]
    ends = [0]
    while ends[-1] < len(text):
        space = _SPACE.search(text, ends[-1] + BLOCK_BYTES)
        ends.append(space.start() if space else len(text))
    return [text[start:end] for start, end in pairwise(ends)]
