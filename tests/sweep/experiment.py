"""A study on the tiny experiment: a graph that any sequence of states passes, and a YAML file."""

from dataclasses import dataclass
from pathlib import Path

import kaldifst

from hybrid_kd.cli.main import main
from hybrid_kd.report.record_file import read_study
from hybrid_kd.report.records import SystemResult
from tests.tiny_experiment import NUM_PDFS, TinyExperiment, make_tiny_experiment

STUDENT = {
    **{"hidden_layers": 1, "hidden_dim": 8, "minibatch_size": 16, "left_context": 1, "right_context": 1},
    **{"learning_rate": 0.02, "device": "cpu", "max_iters": 2},
}
SYSTEMS = """\
  - {hard_weight: 1}
  - {hard_weight: 0.5, temperatures: ["1", "2:1,1"]}
"""


@dataclass(frozen=True)
class TinyStudy:
    """Files below ``root``; ``run`` is `hybrid-kd sweep`."""

    root: Path
    data: TinyExperiment

    @property
    def config(self) -> Path:
        return self.root / "study.yaml"

    @property
    def exp(self) -> Path:
        return self.root / "exp" / "tiny"

    @property
    def results(self) -> Path:
        return self.root / "results" / "tiny.jsonl"

    def write(
        self,
        *,
        systems: str = SYSTEMS,
        teachers: str | None = None,
        eval_data: Path | None = None,
        **student: object,
    ) -> None:
        """Write the YAML file."""
        options = "\n".join(f"  {name}: {value}" for name, value in {**STUDENT, **student}.items())
        one = ", ".join(f"{name}: {value}" for name, value in STUDENT.items())
        data, graph = self.data, self.root / "graph"
        self.config.write_text(f"""\
experiment:
  train_data: {data.train_data}
  train_ali: {data.train_ali}
  dev_data: {data.dev_data}
  dev_ali: {data.dev_ali}
  eval_data: [{eval_data or ""}]
  graph: {graph}
  exp: {self.exp}
  results: {self.results}
decoding: {{decoder: embedded, beam: 6, lattice_beam: 3}}
{teachers or f"teachers: [{{{one}}}]"}
student:
{options}
systems:
{systems}
""")

    def run(self, *args: str) -> int:
        return main(["sweep", "--config", str(self.config), "--no-trial", *args])

    def lines(self) -> dict[str, SystemResult]:
        """What is recorded."""
        return (
            {line.system: line for line in read_study(self.results).systems} if self.results.is_file() else {}
        )


def make_tiny_study(root: Path) -> TinyStudy:
    """Data, alignments and graph."""
    study = TinyStudy(root, make_tiny_experiment(root / "data"))
    write_graph(root / "graph")
    return study


def write_graph(path: Path) -> None:
    """One state; every pdf's self-loop costs 1, and two of them are words."""
    path.mkdir()
    graph = kaldifst.StdVectorFst()
    state = graph.add_state()
    graph.start = state
    graph.set_final(state, 0.0)
    for pdf_id in range(NUM_PDFS):
        word_id = {0: 1, 4: 2}.get(pdf_id, 0)
        graph.add_arc(state, kaldifst.StdArc(2 * pdf_id + 1, word_id, 1.0, state))
    graph.write(str(path / "HCLG.fst"))
    (path / "words.txt").write_text("<eps> 0\nONE 1\nTWO 2\n")
