"""Posteriors of pdfs as posteriors of phones, and as short strings.

Axis letters: frames; pdfs = HMM states of the tree; rows = the phones that are shown.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.transition_model import TransitionModel

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_STRESS_AND_POSITION = re.compile(r"(?<=[A-Za-z])\d(?=(_[BEIS])?$)|_[BEIS]$")


def phones_of_pdfs(model: TransitionModel, phones_file: Path) -> list[str]:
    """The phone of each pdf, without stress and position in the word (AH0_B is AH); numbers without a table.

    A pdf that phones share is that of most of its triples.
    """
    names = read_symbol_table(phones_file) if phones_file.is_file() else {}
    found: list[Counter[str]] = [Counter() for _ in range(model.num_pdfs)]
    for phone, _, pdf_id, self_loop_pdf_id in model.triples.tolist():
        name = _STRESS_AND_POSITION.sub("", names.get(phone, str(phone)))
        for pdf in {pdf_id, self_loop_pdf_id}:
            found[pdf][name] += 1
    return [counts.most_common(1)[0][0] if counts else "" for counts in found]


def rows_of_pdfs(phone_of_pdf: list[str], rows: list[str]) -> Float[np.ndarray, "pdfs rows"]:
    """1 where a pdf belongs to the phone of a row."""
    return np.array([[phone == row for row in rows] for phone in phone_of_pdf], np.float64)


def quantise(posteriors: Float[np.ndarray, "frames rows"]) -> list[str]:
    """A string for each row, a character for each frame: round(35 sqrt(p)) as a digit, 0 to z.

    The root leaves small posteriors visible.
    """
    levels = np.rint((len(DIGITS) - 1) * np.sqrt(np.clip(posteriors, 0.0, 1.0))).astype(int)
    return ["".join(DIGITS[level] for level in row) for row in levels.T]


def root_posteriors(rows: list[str]) -> Float[np.ndarray, "rows frames"]:
    """Square roots of the posteriors that ``quantise`` was given, to 1/35."""
    levels: Int64[np.ndarray, "rows frames"] = np.array(
        [[DIGITS.index(digit) for digit in row] for row in rows]
    )
    return levels / (len(DIGITS) - 1)
