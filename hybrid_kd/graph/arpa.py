r"""N-gram models in ARPA format: text, ``\data\``, a section for each order, ``\end\``; gzipped or not."""

import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hybrid_kd.archives.streams import open_reader
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.ngram import NgramModel, NgramTable, spelled_ngrams
from hybrid_kd.graph.ngram_counts import EOS, NONE, make_vocabulary
from hybrid_kd.text_files import split_words

FIX = "give an ARPA file (.gz or not), or make it again (hybrid-kd graph lm)"


def write_arpa(path: Path, model: NgramModel) -> None:
    """Write a model; gzipped if the name ends in .gz, with the same bytes each time."""
    with replace_file(path) as raw:
        if path.suffix != ".gz":
            raw.writelines(line.encode() for line in _lines(model))
            return
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as file, io.BufferedWriter(file, 1 << 20) as buffer:
            buffer.writelines(line.encode() for line in _lines(model))


def _lines(model: NgramModel) -> Iterator[str]:
    yield "\\data\\\n"
    for number, table in enumerate(model.tables, start=1):
        yield f"ngram {number}={len(table.words)}\n"
    for number, table in enumerate(model.tables, start=1):
        yield f"\n\\{number}-grams:\n"
        is_context = np.zeros(len(table.words), bool)
        if number < model.order:
            is_context[model.tables[number].contexts] = True
        words = model.vocabulary.words
        rows = zip(
            table.log10_probs.tolist(), spelled_ngrams(model, number - 1).tolist(),
            table.log10_backoffs.tolist(), is_context.tolist(), strict=True,
        )  # fmt: skip
        for log10_prob, ngram, backoff, has_backoff in rows:
            spelled = " ".join([words[word] for word in ngram])
            yield f"{log10_prob:.7f}\t{spelled}" + (f"\t{backoff:.7f}\n" if has_backoff else "\n")
    yield "\n\\end\\\n"


def read_arpa(path: Path) -> NgramModel:
    """Read a model.

    Raises: HybridKdError if it is no ARPA file, cut short, or holds an n-gram without its beginning.
    """
    try:
        with open_reader(str(path)) as reader:
            return _to_model(_parse_sections(reader.take_rest().decode()))
    except (ValueError, KeyError) as error:
        raise HybridKdError.at(path, f"not an ARPA language model: {error}", fix=FIX) from error


def _parse_sections(text: str) -> list[list[str]]:
    """The lines of each order."""
    _, found, body = text.partition("\\data\\")
    body, ended, _ = body.partition("\\end\\")
    if not (found and ended):
        raise ValueError("\\data\\ or \\end\\ is missing")
    head, *sections = re.split(r"^\\\d+-grams:\s*$", body, flags=re.M)
    counts = [int(count) for count in re.findall(r"^ngram +\d+ *= *(\d+)", head, flags=re.M)]
    lines = [[line for line in section.split("\n") if line.strip()] for section in sections]
    if not counts or [len(section) for section in lines] != counts:
        raise ValueError(f"{[len(section) for section in lines]} n-grams where \\data\\ announces {counts}")
    return lines


def _to_model(sections: list[list[str]]) -> NgramModel:
    split = [split_words(line) for line in sections[0]]
    if short := [line for line in split if len(line) < 2]:
        raise ValueError(f"{' '.join(short[0])!r} among the 1-grams")
    vocabulary = make_vocabulary([line[1] for line in split])
    missing = [word for word in vocabulary.words[: EOS + 1] if word not in {line[1] for line in split}]
    if missing or len(split) != len(vocabulary):
        raise ValueError(f"the unigrams lack {' '.join(missing)}" if missing else "a unigram comes twice")
    tables: list[NgramTable] = []
    row_of: dict[tuple[int, ...], int] = {(): NONE}
    for order, lines in enumerate(sections, start=1):
        entries = []
        for line in lines:
            log10_prob, *words = split_words(line)
            if len(words) not in (order, order + 1):
                raise ValueError(f"{line!r} among the {order}-grams")
            ngram = tuple(vocabulary.numbers[word] for word in words[:order])
            backoff = float(words[order]) if len(words) > order else 0.0
            entries.append((row_of[ngram[:-1]], ngram[-1], float(log10_prob), backoff, ngram))
        entries.sort(key=lambda entry: entry[:2])
        row_of = {entry[4]: row for row, entry in enumerate(entries)}
        columns = list(zip(*(entry[:4] for entry in entries), strict=True)) or [()] * 4
        tables.append(
            NgramTable(
                np.array(columns[0], np.int64), np.array(columns[1], np.int64),
                np.array(columns[2], np.float64), np.array(columns[3], np.float64),
            )
        )  # fmt: skip
    return NgramModel(vocabulary, tuple(tables))
