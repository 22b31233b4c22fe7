"""An experiment's directory as training, decoding and scoring leave it, made without doing them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_kd.archives.lattices import Lattice, open_lattice_writer
from hybrid_kd.config import options_to_dict, write_yaml
from hybrid_kd.decoding import embedded
from hybrid_kd.decoding.decode_record import MODEL_FILES, make_record, write_record
from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.decoding.options import DecodeOptions, SearchOptions
from hybrid_kd.decoding.summary import summarise, write_summary
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.json_files import write_json
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.model_dir import save_networks
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.scoring.options import ScoreOptions
from hybrid_kd.scoring.score_dir import score_directory
from hybrid_kd.training.options import TrainOptions
from hybrid_kd.training.run_log import write_records

ENVIRONMENTS = ("BUS", "CAF", "PED", "STR")
WORDS = {1: "ONE", 2: "TWO"}
REFERENCE = [1, 2, 1, 2]
NUM_CLEAN = 3


@dataclass(frozen=True)
class FakeExperiment:
    """Writes systems below ``exp``; data and graph lie beside it."""

    root: Path

    @property
    def exp(self) -> Path:
        """Directory of the systems."""
        return self.root / "exp" / "tiny"

    @property
    def graph(self) -> Path:
        """Directory of words.txt."""
        return self.root / "graph"

    def add_system(self, name: str, *, losses: Sequence[float] = (3.0, 2.0, 2.5), **options: Any) -> Path:
        """A trained network; ``losses``: of the dev set by epoch, from 0; what does not fall is rejected."""
        path = self.exp / name
        train_options = TrainOptions(
            *(Path("data/tr"), Path("exp/tr_ali"), Path("data/dt05_simu"), Path("exp/dt_ali"), path),
            hidden_layers=1,
            hidden_dim=2,
        )
        write_yaml(path / "config.yaml", options_to_dict(replace(train_options, **options)))
        write_records(path, [_epoch(number, losses) for number in range(len(losses))])
        self.add_network(path, 1, seed=options.get("seed", 0))
        return path

    def add_network(self, path: Path, num_networks: int, *, seed: int = 0) -> None:
        """final.safetensors and what lies beside it."""
        path.mkdir(parents=True, exist_ok=True)
        write_json(path / "provenance.json", collect_provenance({}))
        for name in MODEL_FILES:
            (path / name).write_text(f"{name} {path.name} {seed}\n")
        networks = tuple(Dnn(NetworkShape(3, 1, 2, 4)) for _ in range(num_networks))
        save_networks(path / "final.safetensors", networks, Splice(1, 1))

    def add_ensemble(self, name: str, members: Sequence[Path]) -> Path:
        """Several networks in one file."""
        path = self.exp / name
        self.add_network(path, len(members))
        write_yaml(path / "config.yaml", {"ensemble_of": [str(member) for member in members]})
        return path

    def decode(
        self,
        system: Path,
        name: str,
        set_name: str,
        *,
        wrong: int,
        tune_on: Path | None = None,
        **options: Any,
    ) -> Path:
        """Decode and score: the first ``wrong`` words of every utterance are wrong."""
        out, data = system / name, self.add_data(set_name)
        decode_options = replace(DecodeOptions(system, data, self.graph, out, decoder="embedded"), **options)
        utt_ids = utt_ids_of(set_name)[: decode_options.max_utts]
        model_files = [system / name for name in MODEL_FILES if (system / name).is_file()]
        provenance = collect_provenance({"model": model_files})
        write_record(make_record(decode_options, provenance), [tuple(utt_ids)])
        word_ids = [3 - word_id if index < wrong else word_id for index, word_id in enumerate(REFERENCE)]
        with open_lattice_writer(out / "lat.1.gz") as write:
            for utt_id in utt_ids:
                write(utt_id, _one_path(word_ids))
        stats = JobStats(len(utt_ids), 100 * len(utt_ids), search_cpu_s=0.5, decoder_version="0.3.2")
        o = decode_options
        summary = summarise(
            [stats],
            SearchOptions(o.acoustic_scale, o.beam, o.lattice_beam),
            decoder=o.decoder,
            program=embedded.PROGRAM,
            model_sha256=provenance["inputs"]["model"],
            logit_scale=o.logit_scale,
        )
        write_summary(out, summary)
        score_directory(ScoreOptions(out, data, self.graph, tune_on=(tune_on,) if tune_on else ()))
        return out

    def add_data(self, set_name: str) -> Path:
        """Data directory and graph directory, as far as scoring needs them."""
        path = self.root / "data" / set_name
        path.mkdir(parents=True, exist_ok=True)
        self.graph.mkdir(exist_ok=True)
        (self.graph / "words.txt").write_text("<eps> 0\nONE 1\nTWO 2\n")
        utt_ids, text = utt_ids_of(set_name), " ".join(WORDS[word_id] for word_id in REFERENCE)
        (path / "text").write_text("".join(f"{utt_id} {text}\n" for utt_id in utt_ids))
        (path / "utt2spk").write_text("".join(f"{utt_id} s\n" for utt_id in utt_ids))
        (path / "spk2utt").write_text(f"s {' '.join(utt_ids)}\n")
        return path


def utt_ids_of(set_name: str) -> list[str]:
    """Every clean utterance in four noises."""
    return [f"s_{set_name[:2]}{index}_{noise}_SIMU" for index in range(NUM_CLEAN) for noise in ENVIRONMENTS]


def _epoch(number: int, losses: Sequence[float]) -> dict[str, Any]:
    record = {"epoch": number, "dev_cross_entropy": losses[number], "dev_frame_accuracy": 1 / losses[number]}
    if number == 0:
        return record
    accepted = losses[number] < min(losses[:number])
    return record | {"train_num_frames": 1000, "accepted": accepted, "seconds": 30.0}


def _one_path(word_ids: Sequence[int]) -> Lattice:
    num_arcs = len(word_ids)
    return Lattice(
        arc_offsets=np.array([*range(num_arcs + 1), num_arcs], np.int64),
        ilabels=np.ones(num_arcs, np.int32),
        olabels=np.array(word_ids, np.int32),
        next_states=np.arange(1, num_arcs + 1, dtype=np.int32),
        graph_costs=np.zeros(num_arcs, np.float32),
        acoustic_costs=np.zeros(num_arcs, np.float32),
        final_graph_costs=np.array([np.inf] * num_arcs + [0], np.float32),
        final_acoustic_costs=np.array([np.inf] * num_arcs + [0], np.float32),
        start=0,
    )
