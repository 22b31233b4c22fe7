"""Decode directories whose hypotheses change at given LM weights, for tests of the choice of a weight."""

from collections.abc import Mapping
from pathlib import Path

from hybrid_kd.archives.lattices import Lattice, open_lattice_writer
from tests.decoding.experiment import write_decode_json, write_lines, write_texts
from tests.scoring.test_best_paths import make_lattice

RIGHT, WRONG = 1, 2
Right = tuple[str, float]  # ("above", 8.5): the utterance is right at LM weights above 8.5


def crossing(right: Right) -> Lattice:
    """Two paths of one word: one costs 1 in the graph, the other acoustically as much as the weight."""
    side, weight = right
    above, below = (RIGHT, WRONG) if side == "above" else (WRONG, RIGHT)
    return make_lattice(2, [(0, 1, 1, above, 0.0, weight), (0, 1, 2, below, 1.0, 0.0)], {1: 0.0})


def write_crossings(root: Path, set_name: str, rights: Mapping[str, Right], *, name: str = "") -> Path:
    """root/decode_<set> (or ``name``) as hybrid-kd decode leaves it, root/data/<set> and root/graph."""
    decode_dir, data, graph = root / (name or f"decode_{set_name}"), root / "data" / set_name, root / "graph"
    for path in (decode_dir, graph):
        path.mkdir(parents=True, exist_ok=True)
    write_texts(data, dict.fromkeys(sorted(rights), "YES"))
    write_lines(graph / "words.txt", ["<eps> 0", "YES 1", "NO 2"])
    write_lines(decode_dir / "config.yaml", [f"data: {data}", f"graph: {graph}"])
    write_decode_json(decode_dir)
    with open_lattice_writer(decode_dir / "lat.1.gz") as write:
        for utt_id, right in sorted(rights.items()):
            write(utt_id, crossing(right))
    return decode_dir


# Errors by LM weight: simulated 2 to 8, 1 to 12, then 0; real 1 to 6, 0 to 10, then 2.
SIMU: dict[str, Right] = {"s_a_BUS_SIMU": ("above", 12.5), "s_a_CAF_SIMU": ("above", 8.5)}
REAL: dict[str, Right] = {
    "s_a_BUS_REAL": ("below", 10.5),
    "s_a_CAF_REAL": ("below", 10.5),
    "s_a_PED_REAL": ("above", 6.5),
}
BEST_OF_SIMU, BEST_OF_REAL, BEST_OF_BOTH = 13, 7, 9
