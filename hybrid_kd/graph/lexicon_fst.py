"""The lexicon as a transducer from phones to words, with optional silence.

Source: Kaldi utils/lang/make_lexicon_fst.py and utils/add_lex_disambig.pl.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hybrid_kd.graph.dict_dir import Pronunciation

EPSILON = "<eps>"
LOOP = 1  # words enter and leave from here; state 0 is the start
SILENCE = 2  # words that are followed by silence end here


@dataclass(frozen=True)
class OptionalSilence:
    """The phone between words, its probability (0 < p < 1), and the symbol that disambiguates it, if any."""

    phone: str
    probability: float
    disambig: str | None = None


@dataclass(frozen=True)
class Disambiguated:
    """A lexicon in which each phone string is unique and begins no other; it needed #1 .. #``largest``."""

    lexicon: tuple[Pronunciation, ...]
    largest: int


def disambiguate(lexicon: Sequence[Pronunciation]) -> Disambiguated:
    """Add #1, #2, .. to the phone strings of several words, and #1 to those that begin another's."""
    times = Counter(entry.phones for entry in lexicon)
    beginnings = {entry.phones[:length] for entry in lexicon for length in range(len(entry.phones))}
    used: Counter[tuple[str, ...]] = Counter()
    result = []
    for entry in lexicon:
        phones = entry.phones
        if times[phones] > 1 or phones in beginnings:
            used[phones] += 1
            phones = (*phones, f"#{used[phones]}")
        result.append(replace(entry, phones=phones))
    return Disambiguated(tuple(result), max(used.values(), default=0))


def make_lexicon_fst(
    lexicon: Sequence[Pronunciation],
    silence: OptionalSilence | None,
    *,
    phone_ids: Mapping[str, int],
    word_ids: Mapping[str, int],
    self_loops: tuple[int, int] | None = None,
) -> Any:
    """The transducer (kaldifst.StdVectorFst), sorted by word.

    ``self_loops``, the phone- and word-id of #0, lets the grammar's #0 pass.
    """
    import kaldifst

    arcs = _arcs_without_silence(lexicon) if silence is None else _arcs_with_silence(lexicon, silence)
    lines = [
        f"{source} {target} {phone_ids[phone]} {word_ids[word]} {cost!r}\n"
        for source, target, phone, word, cost in arcs
    ]
    final = 0 if silence is None else LOOP
    fst = kaldifst.compile("".join([*lines, f"{final} 0\n"]))
    if self_loops is not None:
        kaldifst.add_self_loops(fst, [self_loops[0]], [self_loops[1]])
    kaldifst.arcsort(fst, "olabel")
    return fst


Arc = tuple[int, int, str, str, float]  # source, destination, phone, word, cost


def _arcs_without_silence(lexicon: Sequence[Pronunciation]) -> Iterator[Arc]:
    """Words begin and end in state 0."""
    new_state = 1
    for entry in lexicon:
        last_state, new_state, arcs = _first_phones(entry, 0, new_state)
        yield from arcs
        phone, word, cost = _last_phone(entry)
        yield last_state, 0, phone, word, cost


def _arcs_with_silence(lexicon: Sequence[Pronunciation], silence: OptionalSilence) -> Iterator[Arc]:
    silence_cost, no_silence_cost = -math.log(silence.probability), -math.log(1 - silence.probability)
    yield 0, LOOP, EPSILON, EPSILON, no_silence_cost
    yield 0, SILENCE, EPSILON, EPSILON, silence_cost
    new_state = SILENCE + 1
    if silence.disambig is None:
        yield SILENCE, LOOP, silence.phone, EPSILON, 0.0
    else:
        yield SILENCE, new_state, silence.phone, EPSILON, 0.0
        yield new_state, LOOP, silence.disambig, EPSILON, 0.0
        new_state += 1
    for entry in lexicon:
        last_state, new_state, arcs = _first_phones(entry, LOOP, new_state)
        yield from arcs
        phone, word, cost = _last_phone(entry)
        yield last_state, LOOP, phone, word, no_silence_cost + cost
        yield last_state, SILENCE, phone, word, silence_cost + cost


def _first_phones(entry: Pronunciation, state: int, new_state: int) -> tuple[int, int, list[Arc]]:
    """All phones but the last: the state after them, the next new state, and the arcs."""
    arcs: list[Arc] = []
    for phone in entry.phones[:-1]:
        word, cost = (EPSILON, 0.0) if arcs else (entry.word, -math.log(entry.probability))
        arcs.append((state, new_state, phone, word, cost))
        state, new_state = new_state, new_state + 1
    return state, new_state, arcs


def _last_phone(entry: Pronunciation) -> tuple[str, str, float]:
    """The last phone, and word and cost if it is also the first."""
    if len(entry.phones) > 1:
        return entry.phones[-1], EPSILON, 0.0
    return entry.phones[0], entry.word, -math.log(entry.probability)
