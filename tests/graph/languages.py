"""A small dictionary and tools to compare transducers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.graph.fst_arrays import FstArrays, sorted_by_source
from hybrid_kd.graph.lang_dir import LangDir, read_lang_dir
from hybrid_kd.graph.prepare_lang import LangOptions, prepare_lang

FILES = {
    "lexicon.txt": "<UNK> SPN\nTO T UW\nTOO T UW\nTOOTH T UW TH\nA AH\nA EY\n",
    "silence_phones.txt": "SIL\nSPN\n",
    "nonsilence_phones.txt": "AH EY\nT\nTH\nUW\n",
    "optional_silence.txt": "SIL\n",
    "extra_questions.txt": "SIL SPN\nT TH\n",
}

# what is wrong with a gzip file, and how it came to be so
DAMAGED_GZIP: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda packed: packed[:-9],
    "damaged": lambda packed: packed[:10] + b"\xff" + packed[11:],  # zlib: invalid block type
}


def write_dict(directory: Path, **changes: str) -> Path:
    """The dictionary; ``changes`` replaces the content of files (``lexicon``: of lexicon.txt), "" removes."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, **{f"{name}.txt": content for name, content in changes.items()}}.items():
        if content:
            (directory / name).write_text(content)
    return directory


def make_lang(directory: Path, options: LangOptions | None = None, **changes: str) -> LangDir:
    """The lang directory of the dictionary."""
    out = directory / "lang"
    prepare_lang(write_dict(directory / "dict", **changes), out, options or LangOptions("<UNK>"))
    return read_lang_dir(out)


def make_arrays(arcs: list[tuple[int, int, int, float, int]], finals: dict[int, float]) -> FstArrays:
    """An FST that starts in state 0: arcs (source, ilabel, olabel, cost, next state), and final costs."""
    num_states = 1 + max([*(arc[0] for arc in arcs), *(arc[4] for arc in arcs), *finals])
    final_costs = np.full(num_states, np.inf, np.float32)
    for state, cost in finals.items():
        final_costs[state] = cost
    columns = list(zip(*arcs, strict=True))
    sources, ilabels, olabels, next_states = (np.array(columns[i], np.int32) for i in (0, 1, 2, 4))
    costs = np.array(columns[3], np.float32)
    return sorted_by_source(FstArrays(0, final_costs, sources, ilabels, olabels, costs, next_states))


def rows(fst: FstArrays) -> set[tuple[int, int, int, float, int]]:
    """All arcs, costs rounded."""
    costs = np.round(fst.costs.astype(np.float64), 4).tolist()
    columns = (fst.sources, fst.ilabels, fst.olabels, fst.next_states)
    return {
        (source, ilabel, olabel, cost, next_state)
        for (source, ilabel, olabel, next_state), cost in zip(
            zip(*(column.tolist() for column in columns), strict=True), costs, strict=True
        )
    }


def best_path(fst: Any) -> tuple[list[int], list[int], float]:
    """Input labels, output labels and cost of the best path of a kaldifst FST."""
    import kaldifst

    path = kaldifst.shortest_path(fst)
    assert path.num_states > 0, "no path"
    _, ilabels, olabels, cost = kaldifst.get_linear_symbol_sequence(path)
    return ilabels, olabels, cost.value


def accepts(fst: Any, ilabels: list[int]) -> bool:
    """Whether a kaldifst FST has a path with these input labels."""
    import kaldifst

    return bool(kaldifst.compose(kaldifst.make_linear_acceptor(ilabels), fst).start >= 0)
